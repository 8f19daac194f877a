#!/bin/bash
# Large objects of a real Swift that cannot be judged in flight: a dynamic manifest shows whatever
# has its prefix, and a static one without checksums may show others than we saw. With a verifier
# that is told where Swift's own API is they pass, are found by S3, and deleted when listed.
. "$(dirname "$0")/_verifier.sh"
. "$(dirname "$0")/_s3.sh"
VERIFY="api = 's3', endpoint = 'http://$STO_IP4', credentials = '\$WORK/s3.credentials'"
VERIFY="$VERIFY, swift = '/v1/AUTH_test'"
KNOWN_SIZE=3000000
cordon_up s3
printf 'access_key = %s\nsecret_key = %s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" \
    > "$WORK/s3.credentials"
client_api() {
    in_cli curl -sS --max-time 15 -H "X-Auth-Token: $TOKEN" "${@:1:$#-1}" \
        "$URL4/v1/AUTH_test/${*: -1}"
}
# segments_beside FILE FOLDER   — they did not come past the appliance.
segments_beside() {
    local part
    rm -f "$WORK"/segment-*
    split -b 1000000 -d -a 4 "$1" "$WORK/segment-"
    for part in "$WORK"/segment-*; do
        swift_api -f -o /dev/null -T "$part" "$BUCKET/$2/${part##*-}" || return 1
    done
}
dlo() {
    [ "$(client_api -o "$WORK/answer.log" -w '%{http_code}' -X PUT -H 'Content-Length: 0' \
        -H "X-Object-Manifest: $BUCKET/$1/" "$BUCKET/$2")" = 201 ]
}
slo() {
    local list
    list=$(printf ',{"path":"/%s/%s/%s"}' "$BUCKET" "$1" 0000 "$BUCKET" "$1" 0001 \
        "$BUCKET" "$1" 0002)
    [ "$(client_api -o "$WORK/answer.log" -w '%{http_code}' -X PUT --data-binary "[${list:1}]" \
        "$BUCKET/$2?multipart-manifest=put")" = 201 ]
}

segments_beside "$WORK/known" seg/known
segments_beside "$WORK/clean" seg/clean
check "a dynamic manifest passes" dlo seg/known 'dlo%20known'
check "… and is to be verified" counted verify_requested 1
check "a clean one" dlo seg/clean dlo-clean
check "a static one" slo seg/known slo-known
check "a clean one" slo seg/clean slo-clean
check "… and are to be verified as well" counted verify_requested 4
check "the whole of the known one is there" stored_equal slo-known "$WORK/known"
start_verifier
at=/v1/AUTH_test/$BUCKET
check "the dynamic one is found and deleted" comes_to "$at/dlo%20known" deleted
check "… and gone" absent 'dlo%20known'
check "so is the static one" comes_to "$at/slo-known" deleted
check "… and gone" absent slo-known
check "the clean ones stay" comes_to "$at/dlo-clean" clean
check "… as they were" stored_equal dlo-clean "$WORK/clean"
check "both of them" comes_to "$at/slo-clean" clean
check "… as they were" stored_equal slo-clean "$WORK/clean"
check "two incidents" incident_count 2
