# An S3 upload in parts, step by step, part of it beside the appliance: after _rgw.sh.
#
#   WHERE=in_cli   through the appliance     WHERE=in_sto   on the storage itself

# s3_step [curl option…] PATH   — status and answer go to $WORK/answer.log.
s3_step() {
    $WHERE curl -sS -i --max-time 20 --aws-sigv4 aws:amz:us-east-1:s3 \
        -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \
        --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "${@:1:$#-1}" \
        "$URL4/$BUCKET/${*: -1}" > "$WORK/answer.log" 2>&1 &&
        [ "$(status_of_answer)" = 200 ]
}
# begin_parts KEY FILE   — of FILE three parts are made.
begin_parts() {
    KEY=$1
    rm -f "$WORK/part."*
    split -b 5242880 -a 1 --numeric-suffixes=1 "$2" "$WORK/part."
    s3_step -X POST "$KEY?uploads=" || fail "no upload: $(cat "$WORK/answer.log")"
    UPLOAD=$(grep -o '<UploadId>[^<]*' "$WORK/answer.log" | cut -d'>' -f2)
    LIST=
}
# send_parts N…
send_parts() {
    local n tag
    for n; do
        s3_step -T "$WORK/part.$n" "$KEY?partNumber=$n&uploadId=$UPLOAD" || return 1
        tag=$(sed -n 's/^etag: *\([^[:space:]]*\).*/\1/Ip' "$WORK/answer.log")
        LIST="$LIST<Part><PartNumber>$n</PartNumber><ETag>$tag</ETag></Part>"
    done
}
complete_parts() {
    s3_step -X POST -H 'Content-Type: application/xml' \
        --data-binary "<CompleteMultipartUpload>$LIST</CompleteMultipartUpload>" \
        "$KEY?uploadId=$UPLOAD"
}
