#!/bin/bash
# A known file as a part of a form is refused, whatever is beside it and however it is coded; a
# storage that writes parts as they come never has all of it. Clean forms are stored byte for byte.
. "$(dirname "$0")/_cordon.sh"
cordon_up forms

# post [curl option…]
post() { in_cli curl -sS -i --max-time 30 "$@" "$URL4/upload" > "$WORK/answer.log" 2>&1; }

stored_form() { post "$@" && [ "$(status_of_answer)" = 201 ]; }
refused_form() {
    post "$@" || return 1
    [ "$(status_of_answer)" = 403 ] || return 1
    CASE=$(grep -om1 "$CASE_PATTERN" "$WORK/answer.log")
}
never_whole() { [ "$(kept_bytes "${1:-known}")" -lt "$KNOWN_SIZE" ]; }
form_of_case() { incidents | grep -A40 -F "$CASE" | grep -qE "\"form\": *\"$1\""; }

head -c 20000000 /dev/zero > "$WORK/large"

check "a clean form is stored" stored_form -F title=holiday -F "file=@$WORK/clean"
check "its bytes are right" cmp "$WORK/clean" "$WORK/www/clean"
rm -f "$WORK/www/clean"
check "the same in chunks" stored_form -F "file=@$WORK/clean" -H 'Transfer-Encoding: chunked'
check "its bytes are right, too" cmp "$WORK/clean" "$WORK/www/clean"

check "a known part is refused" refused_form -F title=holiday -F "file=@$WORK/known"
check "the case is recorded" wait_for 5 incident_known "$CASE"
check "as part of a form" wait_for 5 form_of_case form-part
check "the storage has not all of it" never_whole

rm -f "$WORK/www/"*
check "refused between clean ones" refused_form -F "a=@$WORK/clean" -F "b=@$WORK/known" \
    -F "c=@$WORK/clean;filename=after"
check "the part before it was stored" cmp "$WORK/clean" "$WORK/www/clean"
check "the part after it was not" test ! -e "$WORK/www/after"
check "nor all of the known one" never_whole

rm -f "$WORK/www/"*
check "refused in chunks" refused_form -F "b=@$WORK/known" -H 'Transfer-Encoding: chunked'
check "refused before a large file, client heard out" refused_form -F "b=@$WORK/known" \
    -F "c=@$WORK/large"
check "refused as base64 text" refused_form -F "b=@$WORK/known;encoder=base64;filename=text"
check "as what it hides" wait_for 5 form_of_case decoded
check "refused without a file name" refused_form -F "b=<$WORK/known"
check "never whole in any of them" never_whole
check "no file behind it" test ! -e "$WORK/www/large"
check "every attempt is one incident" incident_count 6

# As Chromium sends the form of a page: all of it in one piece, and what its user is shown.
browser_form() {
    local boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW
    {
        printf -- '--%s\r\nContent-Disposition: form-data; name="title"\r\n\r\nholiday\r\n' \
            $boundary
        printf -- '--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n' \
            $boundary "$2"
        printf 'Content-Type: image/jpeg\r\n\r\n'
        cat "$1"
        printf '\r\n--%s--\r\n' $boundary
    } > "$WORK/form"
    in_cli curl -sS -i --max-time 30 --data-binary "@$WORK/form" -H 'Expect:' \
        -H "Content-Type: multipart/form-data; boundary=$boundary" \
        -H 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' \
        -H "Origin: $URL4" -H 'Sec-Fetch-Mode: navigate' -H 'Upgrade-Insecure-Requests: 1' \
        -A 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36' \
        "$URL4/upload" > "$WORK/answer.log" 2>&1
}
page_with_case() {
    browser_form "$WORK/known" page-known && [ "$(status_of_answer)" = 403 ] &&
        grep -qi '^Content-Type: text/html' "$WORK/answer.log" &&
        sed '1,/^\r$/d' "$WORK/answer.log" | grep -q "$CASE_PATTERN"
}
page_stored() { browser_form "$WORK/clean" page-clean && [ "$(status_of_answer)" = 201 ]; }
check "a browser's clean form is stored" page_stored
check "as it is" cmp "$WORK/clean" "$WORK/www/page-clean"
check "a known file in it is refused with a page that shows the case" page_with_case
check "and the storage has not all of it" never_whole page-known
