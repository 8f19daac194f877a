#!/bin/bash
# A known file as base64 in a text is refused: in JSON, as a data URL, in a form's value, as a body
# of lines, in chunks. Clean texts and texts without a file are stored byte for byte.
. "$(dirname "$0")/_cordon.sh"
cordon_up naive

python3 - "$WORK" <<'PY'
import base64, json, sys, urllib.parse
work = sys.argv[1]
for name in ("known", "clean"):
    with open(f"{work}/{name}", "rb") as file:
        data = file.read()
    text = base64.b64encode(data).decode()
    texts = {
        "json": json.dumps({"title": "holiday", "files": [{"name": "a.jpg", "data": text}]}),
        "php": json.dumps({"image": "data:image/jpeg;base64," + text, "last": 1})
               .replace("/", "\\/"),
        "url": "data:image/jpeg;base64," + text,
        "lines": base64.encodebytes(data).decode(),
        "form": urllib.parse.urlencode({"title": "holiday", "image": text, "last": "yes"}),
    }
    for form, value in texts.items():
        with open(f"{work}/{name}-{form}", "w", encoding="ascii") as file:
            file.write(value)
with open(f"{work}/words", "w", encoding="ascii") as file:
    file.write("".join(f"a word that is none of base64, number {n}\n" for n in range(20000)))
PY
# with_type FORM FUNCTION ARGUMENT…   — as its client declares it.
with_type() {
    local type=application/octet-stream
    case $1 in
        json | php) type=application/json ;;
        form) type=application/x-www-form-urlencoded ;;
        url | lines) type=text/plain ;;
    esac
    "${@:2}" -H "Content-Type: $type"
}
stored_whole() { cmp "$WORK/$1" "$WORK/www/$1"; }
never_whole() { [ "$(kept_bytes "$1")" -lt "$(stat -c %s "$WORK/$1")" ]; }
is_decoded() { incidents | grep -A40 -F "$CASE" | grep -qE '"form": *"decoded"'; }

for form in json php url lines form; do
    check "clean, $form: it passes" with_type $form stored "$URL4/clean-$form" "$WORK/clean-$form"
    check "and is stored as it is" stored_whole "clean-$form"
    check "known, $form: it is refused" with_type $form refused "$URL4/known-$form" \
        "$WORK/known-$form"
    check "as what it hides" wait_for 5 is_decoded
    check "and is not all there" never_whole "known-$form"
done
check "in chunks it is refused, too" refused "$URL4/chunks" "$WORK/known-json" \
    -H 'Transfer-Encoding: chunked'
check "a text without a file passes" stored "$URL4/words" "$WORK/words"
check "and is stored as it is" stored_whole words
check "five clean and six known files were seen in texts" counted text_decoded 11
check "every known one is one incident" incident_count 6
