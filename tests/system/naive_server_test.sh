#!/bin/bash
# A storage that commits what it got never gets the last segment of a known file.
. "$(dirname "$0")/_cordon.sh"
cordon_up naive

for manner in plain chunked slow; do
    upload $manner "/known-$manner" "$WORK/known" --piece 4000
    check "$manner: refused" grep -q '^403' "$WORK/answer.log"
    sleep 0.3
    kept=$(kept_bytes "known-$manner")
    check "$manner: the file is not whole ($kept of $KNOWN_SIZE)" [ "$kept" -lt "$KNOWN_SIZE" ]
done
upload plain /clean "$WORK/clean"
check "a clean file is stored whole" cmp "$WORK/clean" "$WORK/www/clean"
