#!/bin/bash
# A page with a listed address is reported and stored byte for byte; coverage tells the types of
# uploads by their content; a list with what cannot be a pattern names the row; the patterns of
# another index are in force at once.
. "$(dirname "$0")/_cordon.sh"

ADDRESS_LISTED='http://files.example/known/17?a=1#top'

write_index() {
    {
        sha256sum "$WORK/known" | cut -d' ' -f1
        echo "pattern: $ADDRESS_LISTED"
        echo 'expression: other\.example/[0-9]{3,8}'
        echo 'expression: never closed ('
        echo 'pattern: short'
    } > "$WORK/known.txt"
    "$BIN/cordonctl" index build --output "$WORK/index.cdx" "$WORK/known.txt" \
        > "$WORK/index.log" 2>&1 || fail "index build: $(cat "$WORK/index.log")"
}

page() {
    echo "<!DOCTYPE html><title>links</title><p><a href=\"$1\">one</a>"
    yes 'nothing else to see here' | head -n "${2:-400}"
}

last_incident() { incidents | python3 -c 'import json, sys
found = json.load(sys.stdin)
found = found["incidents"] if isinstance(found, dict) else found
print(json.dumps(max(found, key=lambda one: one["time"])))'; }
incident_says() { last_incident | grep -qE "\"$1\": *\"?$2"; }
of_type() { ctl coverage --json | python3 -c 'import json, sys
for line in json.load(sys.stdin)["types"]:
    if line["type"] == sys.argv[1]: print(line[sys.argv[2]]["objects"])' "$@"; }
is() { [ "$(of_type "$1" "$2")" = "$3" ]; }
row_refused() { grep -q "known.txt:$1: .*$2" "$WORK/index.log"; }

cordon_up

check "a bad expression is left out with its row" row_refused 4 'parenthes'
check "a short pattern, too" row_refused 5 'shorter than 6 bytes'
check "the index has the others" grep -q '3 indicators' "$WORK/index.log"
check "and says so" eval 'ctl index show "$WORK/index.cdx" | grep -q pattern'

page "$ADDRESS_LISTED" > "$WORK/page.html"
check "a page with a listed address is stored" stored "$URL4/page.html" "$WORK/page.html" \
    -H 'Content-Type: image/png'
check "byte for byte" cmp "$WORK/page.html" "$WORK/www/page.html"
check "and reported" incident_count 1
check "as a report" incident_says action report
check "by a pattern" incident_says kinds '\["pattern"'
check "in a page" incident_says content_type html

page "http://OTHER.example/4711" 3 > "$WORK/short.html"
page "http://other.example/4711" 3 > "$WORK/small.html"
check "an expression minds its case" stored "$URL4/short.html" "$WORK/short.html"
check "and is found" stored "$URL4/small.html" "$WORK/small.html"
check "once" incident_count 2

gzip -c "$WORK/page.html" > "$WORK/page.gz"
check "in a coding" stored "$URL4/coded" "$WORK/page.gz" -H 'Content-Encoding: gzip'
check "it is found, too" incident_count 3
check "as what it decodes to" incident_says form decoded

printf '\x89PNG\r\n\x1a\n%s' "$ADDRESS_LISTED" > "$WORK/picture"
check "a picture is not searched" stored "$URL4/picture" "$WORK/picture" \
    -H 'Content-Type: text/html'
check "but its name is" stored "$URL4/a/http%3A%2F%2Ffiles.example%2Fknown%2F17%3Fa=1%23top" \
    "$WORK/picture"
check "which is another incident" incident_count 4
check "a known file is refused as ever" refused "$URL4/known" "$WORK/known"

check "coverage has the pages that matched" wait_for 5 is html matched 3
check "the one that did not" is html clean 1
check "the pictures" eval 'is png clean 1 && is png matched 1'
check "what is no type" is unknown matched 1
check "in words as well" eval 'ctl coverage | grep -qE "^html +1 "'

echo "pattern: nothing else to see" > "$WORK/other.txt"
ctl index build --output "$WORK/index.cdx" --generation 99999999999 "$WORK/other.txt" \
    > "$WORK/other.log" 2>&1
page http://clean.example/ 5 > "$WORK/after.html"
swapped() { ctl status --json | grep -qE '"generation": *99999999999'; }
check "another index comes into force" wait_for 10 swapped
check "its pattern is searched" stored "$URL4/after.html" "$WORK/after.html"
check "and reported" incident_count 6
