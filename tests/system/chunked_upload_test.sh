#!/bin/bash
# Chunked uploads: the terminator alone in the last segment does not let the object through.
. "$(dirname "$0")/_cordon.sh"
cordon_up

check "a clean file in chunks is stored" stored "$URL4/clean" "$WORK/clean" \
    -H 'Transfer-Encoding: chunked'
for piece in 1000 16384 400000; do
    upload chunked /clean "$WORK/clean" --piece $piece
    check "clean, chunks of $piece bytes" grep -q '^20[14]' "$WORK/answer.log"
    check "its bytes are right" cmp "$WORK/clean" "$WORK/www/clean"
    upload chunked /known "$WORK/known" --piece $piece
    check "known, chunks of $piece bytes" grep -q '^403' "$WORK/answer.log"
    check "nothing of it is stored" no_trace known
done
check "curl sees the refusal" refused "$URL4/known" "$WORK/known" -H 'Transfer-Encoding: chunked'
check "nothing of it is stored" no_trace known
check "four incidents" incident_count 4
