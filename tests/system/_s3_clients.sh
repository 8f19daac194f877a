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
        curl-expect) set -- curl -sS --fail-with-body --aws-sigv4 aws:amz:us-east-1:s3 \
            -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -H 'Expect: 100-continue' \
            --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -T "$file" "$URL4/$to" ;;
        s3cmd) set -- s3cmd -q -c "$WORK/s3cmd.cfg" --no-progress put "$file" "s3://$to" ;;
        s3cmd-parts) set -- s3cmd -q -c "$WORK/s3cmd.cfg" --no-progress \
            --multipart-chunk-size-mb=5 put "$file" "s3://$to" ;;
        rclone) set -- rclone --s3-no-check-bucket copyto "$file" "s3:$to" ;;
        rclone-parts) set -- rclone --s3-no-check-bucket --s3-upload-cutoff 5Mi \
            --s3-chunk-size 5Mi --s3-upload-concurrency 4 copyto "$file" "s3:$to" ;;
        rclone-folder) set -- rclone --s3-no-check-bucket --transfers 1 copy "$file" "s3:$to" ;;
        awscli-folder) set -- /usr/bin/aws --endpoint-url "$URL4" s3 cp --no-progress --recursive \
            "$file" "s3://$to" ;;
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

# What each client does when it is refused: incidents and requests at most, and with 18 MB the parts
# that it sends at least.
s3_rows() {
    cat << 'ROWS'
tools               s3cmd           1  2
tools               awscli          1  1
tools               awscli-put      1  1
python              boto3-put       1  1
python              boto3-upload    1  1
other               curl-expect     1  1
other               boto3-form      1  1
rclone              rclone          3  6
javascript          minio-file      1  1
javascript          minio-buffer    1  1
javascript          minio-stream    1  3
javascript          aws-buffer      1  1
javascript          aws-upload      1  1
folder              awscli-folder   1  5
folder              boto3-folder    1  5
folder              rclone-folder   3 24
folder-javascript   minio-folder    1  5
folder-javascript   aws-folder      1  5
parts               boto3-upload    1  7 4
parts               s3cmd-parts     1  8 4
parts-tools         awscli          1  6 3
parts-tools         rclone-parts    3 24 4
parts-javascript    aws-upload      1  7 4
parts-javascript    minio-stream    1  8 4
aws-chunked         signed-chunks              1 1
aws-chunked         signed-chunks--http-chunks 1 1
trailer             aws-stream      1  1
ROWS
}

# try_s3_clients GROUP…   — a clean file by each of them is stored as it is, a known one is not;
# then the storage has the clean ones and nothing else.
try_s3_clients() {
    local group row
    for group; do
        while read -r -a row; do
            case ${row[0]} in
                "$group") try_s3 "${row[@]:1}" < /dev/null ;;
            esac
        done < <(s3_rows)
    done
    check "the storage holds nothing that was refused" eval '! stored_names | grep -q known'
}

# try_s3 CLIENT ATTEMPTS REQUESTS [PARTS]
try_s3() {
    local before
    before=$(_incidents)
    case $1 in
        *-folder) _try_folder "$1" ;;
        *) _try_file "$1" ;;
    esac
    check "$1: the case is recorded" wait_for 5 incident_known "$CASE"
    check "$1: tried $2 times at most" [ $(($(_incidents) - before)) -le "$2" ]
    check "$1: in $REQUESTS requests, $3 at most" [ $REQUESTS -le "$3" ]
    [ $# = 3 ] || check "$1: it came in parts" in_parts "$1-known" "$4"
}
_incidents() { incidents | grep -o '"case": *"[^"]*"' | sort -u | wc -l; }

# _refuses CLIENT FILE KEY   — the requests it took are $REQUESTS.
_refuses() {
    local before
    before=$(outcome http_request)
    check "$1: a known file is refused, the case number shown" s3_refused "$@"
    REQUESTS=$(($(outcome http_request) - before))
}
_try_file() {
    check "$1: a clean file is stored as it is" s3_stored "$1" "$WORK/clean" "$1-clean"
    _refuses "$1" "$WORK/known" "$1-known"
    check "$1: and does not exist" absent "$1-known"
}
# A known file among clean ones, on connections that are used again: it alone is refused.
_try_folder() {
    local n
    mkdir -p "$WORK/folder"
    for n in 1 2 4 5; do random_file "$WORK/folder/$n.jpg" 40000 1$n; done
    cp "$WORK/known" "$WORK/folder/3.jpg"
    _refuses "$1" "$WORK/folder" "$1/"
    check "$1: and does not exist" absent "$1/3.jpg"
    for n in 1 2 4 5; do
        check "$1: $n.jpg beside it is stored as it is" stored_equal "$1/$n.jpg" \
            "$WORK/folder/$n.jpg"
    done
}
