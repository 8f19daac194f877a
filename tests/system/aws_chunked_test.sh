#!/bin/bash
# A known file in the signed chunks of S3 is refused, also inside chunks of HTTP and with a trailer;
# a storage that decodes as it comes never has all of it. Clean payloads are stored byte for byte.
. "$(dirname "$0")/_cordon.sh"
cordon_up forms

accepted() { upload aws-chunked "/$1" "$WORK/clean" "${@:2}" | grep -q '^201'; }
refused_payload() {
    upload aws-chunked "/known" "$WORK/known" "$@" > "$WORK/refused.log"
    grep -q '^403' "$WORK/refused.log" && CASE=$(grep -om1 "$CASE_PATTERN" "$WORK/refused.log")
}
never_whole() { [ "$(kept_bytes known)" -lt "$KNOWN_SIZE" ]; }

for manner in "" "--http-chunks" "--trailer" "--http-chunks --trailer"; do
    check "a clean payload is stored $manner" accepted clean $manner
    check "its bytes are right $manner" cmp "$WORK/clean" "$WORK/www/clean"
    check "a known payload is refused $manner" refused_payload $manner
    check "the storage has not all of it $manner" never_whole
    rm -f "$WORK/www/"*
done
check "every attempt is one incident" incident_count 4
check "as payload of chunks" wait_for 5 eval 'incidents | grep -qE "\"form\": *\"aws-chunked\""'
