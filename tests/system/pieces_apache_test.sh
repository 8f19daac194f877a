#!/bin/bash
# Apache writes a PUT with Content-Range in place: a known file in ranges never gets its last one
# there, clean ranges arrive byte for byte.
. "$(dirname "$0")/_cordon.sh"
cordon_up apache

# put_range FILE NAME FIRST LAST [curl option…]   — bytes FIRST to LAST of FILE
put_range() {
    tail -c +$(($3 + 1)) "$1" | head -c $(($4 - $3 + 1)) > "$WORK/range"
    in_cli curl -sS -i --max-time 20 -T "$WORK/range" "${@:5}" \
        -H "Content-Range: bytes $3-$4/$(stat -c %s "$1")" "$URL4/$2" > "$WORK/answer.log" 2>&1
}
range_taken() { put_range "$@" && [[ $(status_of_answer) = 20[0-4] ]]; }
range_refused() {
    put_range "$@" || return 1
    [ "$(status_of_answer)" = 403 ] || return 1
    CASE=$(grep -om1 "$CASE_PATTERN" "$WORK/answer.log")
}
LAST=$((KNOWN_SIZE - 1))

check "the first range of a clean file is stored" range_taken "$WORK/clean" clean 0 99999
check "the second, in HTTP chunks" range_taken "$WORK/clean" clean 100000 199999 \
    -H 'Transfer-Encoding: chunked'
check "the last" range_taken "$WORK/clean" clean 200000 $LAST
check "its bytes are right" cmp "$WORK/clean" "$WORK/www/clean"

check "the first range of a known file passes" range_taken "$WORK/known" known 0 149999
check "the last is refused" range_refused "$WORK/known" known 150000 $LAST
check "the case is recorded" wait_for 5 incident_known "$CASE"
check "the file is not there" [ "$(stat -c %s "$WORK/www/known")" -lt "$KNOWN_SIZE" ]
