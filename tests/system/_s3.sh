# Swift with its S3 API as the storage, and S3 clients: `. tests/system/_s3.sh` after _cordon.sh,
# then `cordon_up s3`. What a client does is seen at the storage itself, beside the appliance.

need python3
/usr/bin/python3 -c 'import swift, boto3' 2> /dev/null || skip "python3-swift is not installed"

export AWS_ACCESS_KEY_ID=test:tester AWS_SECRET_ACCESS_KEY=testing AWS_DEFAULT_REGION=us-east-1
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
unset AWS_CA_BUNDLE AWS_PROFILE AWS_ENDPOINT_URL
export S3_HOST=$STO_IP4
BUCKET=box

start_s3() {
    mkdir "$WORK/swift"
    _has_attributes || {
        mount -t tmpfs cordon-swift "$WORK/swift"
        _lab_mounts="$_lab_mounts $WORK/swift"
        _has_attributes || skip "no file system here keeps extended attributes"
    }
    start_background swift $IN_STO /usr/bin/python3 "$ROOT/tests/support/swift_server.py" \
        "$WORK/swift" "$STO_IP4" 80 "$STO_IP6" 80
    wait_for 20 grep -qx ready "$WORK/swift.log" || fail "swift did not start"
    wait_for 5 _s3_sign_in || fail "swift lets nobody in: $(cat "$WORK/token.log")"
    [ "$(swift_api -o /dev/null -w '%{http_code}' -X PUT "$BUCKET")" = 201 ] || fail "no bucket"
    write_client_configs
}
_has_attributes() {
    python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.try", b"1")' "$WORK/swift" \
        2> /dev/null
}
_s3_sign_in() {
    in_sto curl -sS -i --max-time 5 -H 'X-Storage-User: test:tester' \
        -H 'X-Storage-Pass: testing' "$URL4/auth/v1.0" > "$WORK/token.log" 2>&1
    TOKEN=$(sed -n 's/^X-Auth-Token: *\([^[:space:]]*\).*/\1/Ip' "$WORK/token.log")
    [ -n "$TOKEN" ]
}

write_client_configs() {
    cat > "$WORK/s3cmd.cfg" <<TEXT
[default]
access_key = $AWS_ACCESS_KEY_ID
secret_key = $AWS_SECRET_ACCESS_KEY
host_base = $STO_IP4
host_bucket = $STO_IP4
use_https = False
TEXT
    export RCLONE_CONFIG=$WORK/rclone.conf
    cat > "$RCLONE_CONFIG" <<TEXT
[s3]
type = s3
provider = Other
endpoint = $URL4
env_auth = true
region = us-east-1
TEXT
}

# swift_api [curl option…] PATH   — by Swift's own API, on the storage itself.
swift_api() {
    in_sto curl -sS --max-time 20 -H "X-Auth-Token: $TOKEN" "${@:1:$#-1}" \
        "$URL4/v1/AUTH_test/${*: -1}"
}

stored_equal() { swift_api -f -o "$WORK/back" "$BUCKET/$1" && cmp "$WORK/back" "$2"; }
absent() { [ "$(swift_api -o /dev/null -w '%{http_code}' "$BUCKET/$1")" = 404 ]; }
# in_parts KEY N   — the storage has taken at least N parts of it.
in_parts() {
    [ "$(grep -E "^PUT /$BUCKET/$1\?.* HTTP/1.1 200" "$WORK/swift.log" |
        grep -o 'partNumber=[0-9]*' | sort -u | wc -l)" -ge "$2" ]
}

# One line for each way to upload: `s3_client NAME FILE KEY`.
s3_client() {
    local name=$1 file=$2 to=$BUCKET/$3
    case $name in
        s3cmd) set -- s3cmd -q -c "$WORK/s3cmd.cfg" --no-progress put "$file" "s3://$to" ;;
        s3cmd-parts) set -- s3cmd -q -c "$WORK/s3cmd.cfg" --no-progress \
            --multipart-chunk-size-mb=5 put "$file" "s3://$to" ;;
        rclone) set -- rclone --s3-no-check-bucket copyto "$file" "s3:$to" ;;
        rclone-parts) set -- rclone --s3-no-check-bucket --s3-upload-cutoff 5Mi \
            --s3-chunk-size 5Mi --s3-upload-concurrency 4 copyto "$file" "s3:$to" ;;
        awscli) set -- /usr/bin/aws --endpoint-url "$URL4" s3 cp --no-progress \
            "$file" "s3://$to" ;;
        awscli-put) set -- /usr/bin/aws --endpoint-url "$URL4" s3api put-object \
            --body "$file" --bucket "$BUCKET" --key "$3" ;;
        boto3-*) set -- /usr/bin/python3 "$ROOT/tests/support/boto_s3.py" "${name#boto3-}" \
            "$file" "$BUCKET" "$3" ;;
        *) set -- node "$ROOT/tests/support/javascript/s3.js" "$name" "$file" "$BUCKET" "$3" ;;
    esac
    in_cli timeout 20 "$@" > "$WORK/answer.log" 2>&1
}

s3_stored() { s3_client "$1" "$2" "$3" && stored_equal "$3" "$2"; }

# s3_refused CLIENT FILE KEY   — it fails by itself, within its time, and says the case number.
s3_refused() {
    local status=0
    s3_client "$@" || status=$?
    [ $status != 0 ] && [ $status != 124 ] || return 1
    CASE=$(grep -om1 "$CASE_PATTERN" "$WORK/answer.log")
}

# try_s3 CLIENT ATTEMPTS   — a clean file by it is stored as it is, a known one is not.
try_s3() {
    local before
    before=$(_incidents)
    check "$1: a clean file is stored as it is" s3_stored "$1" "$WORK/clean" "$1-clean"
    check "$1: a known one is refused, the case number shown" s3_refused "$1" "$WORK/known" \
        "$1-known"
    check "$1: and does not exist" absent "$1-known"
    check "$1: the case is recorded" wait_for 5 incident_known "$CASE"
    check "$1: tried $2 times at most" [ $(($(_incidents) - before)) -le "$2" ]
}
_incidents() { incidents | grep -o '"case": *"[^"]*"' | sort -u | wc -l; }
