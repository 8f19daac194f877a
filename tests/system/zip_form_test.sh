#!/bin/bash
# A zip with a known file as a part of a form, for a storage that writes parts as they come: it
# never has all of the zip. A clean one is stored byte for byte.
. "$(dirname "$0")/_cordon.sh"
KNOWN_SIZE=120000
cordon_up forms

mkdir "$WORK/zips"
python3 "$ROOT/tests/support/make_zips.py" "$WORK/known" "$WORK/clean" "$WORK/zips"
post() { in_cli curl -sS -i --max-time 30 "$@" "$URL4/upload" > "$WORK/answer.log" 2>&1; }
answered() { [ "$(status_of_answer)" = "$1" ]; }
never_whole() { [ "$(kept_bytes "$1")" -lt "$(stat -c %s "$WORK/zips/$1")" ]; }

for form in stored streamed-stored deflated stub nested; do
    check "a clean one is stored: $form" eval \
        'post -F title=x -F "file=@$WORK/zips/clean-$form.zip" && answered 201'
    check "byte for byte" cmp "$WORK/zips/clean-$form.zip" "$WORK/www/clean-$form.zip"
    check "a known file is refused: $form" eval \
        'post -F title=x -F "file=@$WORK/zips/$form.zip" -F more=y && answered 403'
    check "it was not stored whole" never_whole "$form.zip"
done
check "each is an incident" incident_count 5
check "readers would differ" eval 'post -F "file=@$WORK/zips/odd-hidden.zip" && answered 400'
check "it was not stored whole" never_whole odd-hidden.zip
