#!/bin/bash
# Apache: a copied or moved object that ranges are written into is judged as a whole; a name that
# was deleted takes new ranges.
. "$(dirname "$0")/_cordon.sh"
cordon_up apache

# put_range FILE NAME FIRST LAST   — bytes FIRST to LAST of FILE
put_range() {
    tail -c +$(($3 + 1)) "$1" | head -c $(($4 - $3 + 1)) > "$WORK/range"
    in_cli curl -sS -i --max-time 20 -T "$WORK/range" \
        -H "Content-Range: bytes $3-$4/$(stat -c %s "$1")" "$URL4/$2" > "$WORK/answer.log" 2>&1
}
range_taken() { put_range "$@" && [[ $(status_of_answer) = 20[0-4] ]]; }
range_refused_with() { put_range "${@:2}"; [ "$(status_of_answer)" = "$1" ]; }
# request METHOD NAME [curl option…]
request() {
    in_cli curl -sS -i --max-time 20 -X "$1" "${@:3}" "$URL4/$2" > "$WORK/answer.log" 2>&1 &&
        [[ $(status_of_answer) = 20[0-4] ]]
}
LAST=$((KNOWN_SIZE - 1))

for METHOD in COPY MOVE; do
    head -c 150000 "$WORK/known" > "$WORK/most"
    head -c 150000 "$WORK/clean" > "$WORK/clean-most"
    check "$METHOD: most of a known file is stored" request PUT "most-$METHOD" -T "$WORK/most"
    check "and copied" request $METHOD "most-$METHOD" -H "Destination: $URL4/known-$METHOD"
    check "its last range is refused" \
        range_refused_with 403 "$WORK/known" "known-$METHOD" 150000 $LAST
    check "the file is not there" [ "$(stat -c %s "$WORK/www/known-$METHOD")" -lt "$KNOWN_SIZE" ]
    check "most of a clean file is stored" request PUT "clean-most-$METHOD" -T "$WORK/clean-most"
    check "and copied" request $METHOD "clean-most-$METHOD" -H "Destination: $URL4/clean-$METHOD"
    check "its last range is stored" range_taken "$WORK/clean" "clean-$METHOD" 150000 $LAST
    check "its bytes are right" cmp "$WORK/clean" "$WORK/www/clean-$METHOD"
done

check "a folder is made" request MKCOL old
check "most of a known file is stored in it" request PUT old/known -T "$WORK/most"
check "the folder is moved" request MOVE old -H "Destination: $URL4/new"
check "nothing is written into what is in it" \
    range_refused_with 503 "$WORK/known" new/known 150000 $LAST

check "a file comes in ranges" range_taken "$WORK/clean" again 0 149999
check "to its end" range_taken "$WORK/clean" again 150000 $LAST
check "other bytes are not written over it" range_refused_with 503 "$WORK/most" again 0 149999
check "it is deleted" request DELETE again
check "other bytes come in its place" range_taken "$WORK/most" again 0 149999
check "and are right" cmp "$WORK/most" "$WORK/www/again"
