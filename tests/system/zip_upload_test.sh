#!/bin/bash
# A known file in a zip is refused, in every form that programs write, behind a stub or a picture
# and two archives deep. Clean ones are stored as they were sent. What is encrypted is counted; what
# two readers would read differently is refused.
. "$(dirname "$0")/_cordon.sh"
KNOWN_SIZE=120000
cordon_up nginx
need zip

mkdir "$WORK/zips"
python3 "$ROOT/tests/support/make_zips.py" "$WORK/known" "$WORK/clean" "$WORK/zips"

forms="stored deflated streamed streamed-stored wide stub picture nested nested-twice"
for form in $forms; do
    check "a known file is refused: $form" refused "$URL4/$form.zip" "$WORK/zips/$form.zip"
done
check "nothing of them is stored" no_trace
check "each is an incident" incident_count 9
named() { revealed | grep -qF '"pictures/one.jpg"' && incidents | grep -qF 'archive-member'; }
check "with the name of the member" named

for form in $forms; do
    check "a clean one is stored: $form" stored "$URL4/$form.zip" "$WORK/zips/clean-$form.zip"
    check "as it was sent" cmp "$WORK/zips/clean-$form.zip" "$WORK/www/$form.zip"
done
check "also in chunks" stored "$URL4/chunked.zip" "$WORK/zips/clean-nested.zip" \
    -H 'Transfer-Encoding: chunked'
check "as it was sent" cmp "$WORK/zips/clean-nested.zip" "$WORK/www/chunked.zip"

(cd "$WORK" && zip -q -j -P word "$WORK/encrypted.zip" known)
check "an encrypted one passes" stored "$URL4/encrypted.zip" "$WORK/encrypted.zip"
check "and is counted" counted archive_encrypted
(cd "$WORK" && zip -q -j -Z bzip2 "$WORK/bzip2.zip" known)
check "so does a method that is not undone" stored "$URL4/bzip2.zip" "$WORK/bzip2.zip"
check "and is counted" counted archive_unsupported

rejected() { put "$@" && [ "$(status_of_answer)" = 400 ]; }
for why in hidden comment swallowed check-sum; do
    check "readers would differ: $why" rejected "$URL4/odd-$why" "$WORK/zips/odd-$why.zip"
done
check "each is counted" counted archive_inconsistent 4
check "and nothing of them is stored" no_file odd-
