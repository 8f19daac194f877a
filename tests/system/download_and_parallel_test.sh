#!/bin/bash
# 100 MB come down unchanged while fifty uploads go up at once; the known ones among them, and no
# others, are refused.
. "$(dirname "$0")/_cordon.sh"
cordon_up

openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2> /dev/null |
    head -c 100000000 > "$WORK/www/large"
start_background download in_cli curl -sS --max-time 60 -o "$WORK/large" "$URL4/large"
download=$BACKGROUND_PID
config=
for n in $(seq 50); do
    file=clean
    [ $((n % 10)) != 0 ] || file=known
    config="$config
next
upload-file = \"$WORK/$file\"
url = \"$URL4/$file$n\"
max-time = 20
silent
output = \"$WORK/answer.$n\"
write-out = \"%{http_code}\\n\""
done
printf '%s\n' "${config#*next}" > "$WORK/curl.config"
in_cli curl -s --parallel --parallel-immediate --parallel-max 50 -K "$WORK/curl.config" \
    > "$WORK/statuses" || true
check "45 are stored" [ "$(grep -c '^201$' "$WORK/statuses")" = 45 ]
check "5 are refused" [ "$(grep -c '^403$' "$WORK/statuses")" = 5 ]
right=0
for n in $(seq 50); do
    ! cmp -s "$WORK/clean" "$WORK/www/clean$n" || right=$((right + 1))
done
check "the bytes of the 45 are right" [ $right = 45 ]
check "nothing of the known file is stored" no_trace known
check "five incidents" incident_count 5
wait $download || fail "the download failed"
check "the download is whole" cmp "$WORK/www/large" "$WORK/large"
