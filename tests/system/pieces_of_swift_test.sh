#!/bin/bash
# Large objects of a real Swift: segments that are objects, in parallel, and the manifest that makes
# one of them. A known file is refused at its manifest, a clean one is stored as it is.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_s3.sh"
KNOWN_SIZE=6000000
cordon_up s3
SEGMENT=2000000

client_api() {
    in_cli curl -sS --max-time 15 -H "X-Auth-Token: $TOKEN" "${@:1:$#-1}" \
        "$URL4/v1/AUTH_test/${*: -1}"
}

# upload_segments FILE FOLDER   — by three connections at once.
upload_segments() {
    local n pids=
    split -b $SEGMENT -d -a 8 "$1" "$WORK/segment-"
    for n in 00000000 00000001 00000002; do
        client_api -f -o /dev/null -T "$WORK/segment-$n" "$BUCKET/$2/$n" &
        pids="$pids $!"
    done
    wait $pids
}

# slo FOLDER NAME ORDER…   — the status of its manifest.
slo() {
    local folder=$1 name=$2 n list=
    shift 2
    for n in "$@"; do
        list="$list${list:+,}{\"path\":\"/$BUCKET/$folder/0000000$n\",\"size_bytes\":$SEGMENT,"
        list="$list\"etag\":\"$(md5sum < "$WORK/segment-0000000$n" | cut -c1-32)\"}"
    done
    client_api -o "$WORK/answer.log" -w '%{http_code}' -X PUT --data-binary "[$list]" \
        "$BUCKET/$name?multipart-manifest=put"
}
dlo() {
    client_api -o "$WORK/answer.log" -w '%{http_code}' -X PUT -H 'Content-Length: 0' \
        -H "X-Object-Manifest: $BUCKET/$1/" "$BUCKET/$2"
}

upload_segments "$WORK/known" seg/known
check "a known file is refused at its static manifest" \
    [ "$(slo seg/known slo-known 0 1 2)" = 403 ]
CASE=$(grep -om1 "$CASE_PATTERN" "$WORK/answer.log")
check "with a case number" wait_for 5 incident_known "$CASE"
check "and does not exist" absent slo-known
check "another order of it is another file" [ "$(slo seg/known slo-shuffled 1 0 2)" = 201 ]
check "refused at its dynamic manifest as well" [ "$(dlo seg/known dlo-known)" = 403 ]
check "and does not exist" absent dlo-known

upload_segments "$WORK/clean" seg/clean
check "a clean file goes with its static manifest" [ "$(slo seg/clean slo-clean 0 1 2)" = 201 ]
check "and is stored as it is" stored_equal slo-clean "$WORK/clean"
check "a dynamic one may show more than was seen: by policy" \
    [ "$(dlo seg/clean dlo-clean)" = 503 ]

# The same by Swift's own client, which names segments NAME/slo/MTIME/SIZE/SEGSIZE/NUMBER.
swift_client() {
    in_cli timeout 30 /usr/bin/swift -q --os-storage-url "$URL4/v1/AUTH_test" \
        --os-auth-token "$TOKEN" --retries 1 upload --use-slo -S $SEGMENT --segment-threads 3 \
        --object-name "$2" "$BUCKET" "$1" > "$WORK/answer.log" 2>&1 < /dev/null
}
if [ -x /usr/bin/swift ]; then
    check "swift upload: a clean file" swift_client "$WORK/clean" cli-clean
    check "is stored as it is" stored_equal cli-clean "$WORK/clean"
    check "a known one is refused" eval '! swift_client "$WORK/known" cli-known'
    check "and does not exist" absent cli-known
fi
check "the ledgers balance" wait_for 5 ledgers_balance
