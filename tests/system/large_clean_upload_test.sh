#!/bin/bash
# 200 MB pass unchanged and are counted as inspected.
. "$(dirname "$0")/_cordon.sh"
cordon_up

openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2> /dev/null | head -c 200000000 > "$WORK/large"
check "200 MB are stored" stored "$URL4/large" "$WORK/large"
check "the bytes are right" cmp "$WORK/large" "$WORK/www/large"
inspected() {
    ctl coverage --json | python3 -c 'import json, sys
sys.exit(json.load(sys.stdin)["objects"]["inspected"]["bytes"] < 200000000)'
}
check "they are counted as inspected" wait_for 5 inspected
