# S3 clients for a lab with an S3 server: sourced by _s3.sh and _rgw.sh, which start one, say what
# it stores (stored_equal KEY FILE, absent KEY) and give the keys.

export AWS_DEFAULT_REGION=us-east-1
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
unset AWS_CA_BUNDLE AWS_PROFILE AWS_ENDPOINT_URL
export S3_HOST=$STO_IP4
BUCKET=box

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
        signed-chunks*) set -- python3 "$ROOT/tests/support/signed_chunks.py" "$STO_IP4" 80 \
            "$file" "/$to" ${name#signed-chunks} ;;
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
