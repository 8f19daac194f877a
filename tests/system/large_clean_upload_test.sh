#!/bin/bash
# 200 MB pass unchanged and are counted as inspected.
. "$(dirname "$0")/_cordon.sh"
cordon_up

openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2> /dev/null | head -c 200000000 > "$WORK/large"
check "200 MB are stored" stored "$URL4/large" "$WORK/large"
check "the bytes are right" cmp "$WORK/large" "$WORK/www/large"
check "they are counted as inspected" at_least 200000000 ledger objects inspected bytes
