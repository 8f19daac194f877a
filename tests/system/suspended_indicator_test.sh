#!/bin/bash
# An index for production, with two lists under keys of their own that the dataplane opens by
# itself; a suspension takes effect at once and ends by itself, all of it with cordond dead.
. "$(dirname "$0")/_cordon.sh"
sections=$BIN/../tests/support/make_sections
need "$sections"
cordon_up

random_file "$WORK/other" "$KNOWN_SIZE" 6
mkdir "$WORK/new"
swaps=$(outcome generation_swapped)
"$sections" index "$WORK/state" "$WORK/new/index" "$WORK/known" "$WORK/other"
mv "$WORK/new/index" "$WORK/index.cdx"
check "the new index is in force" at_least $((swaps + 1)) outcome generation_swapped
check "no key stands in it" python3 - "$WORK/index.cdx" <<'TEXT'
import sys
head = open(sys.argv[1], "rb").read(4224)
assert all(head[112 + 512 * n + 80:][:32] == bytes(32) for n in range(8))
TEXT
check "what the first list has is refused" refused "$URL4/known" "$WORK/known"
check "what the second has, too" refused "$URL4/other" "$WORK/other"
ctl status > "$WORK/status" 2>&1 || true
check "status says where the key is" grep -q 'disk only' "$WORK/status"

stop_cordond KILL
"$sections" suspend "$WORK/state" list1 1 0 6
suspended_s=$(date +%s)
passes() { stored "$URL4/known$1" "$WORK/known"; }
check "suspended, it passes within a second" wait_for 1 passes 1
check "the other list is still in force" refused "$URL4/other" "$WORK/other"

cp "$WORK/state/suspensions" "$WORK/good"
head -c 100 "$WORK/good" > "$WORK/new/short"
mv "$WORK/new/short" "$WORK/state/suspensions"
sleep 0.5
check "a damaged file changes nothing" passes 2
check "and is said" grep -q 'alarm: suspensions: ' "$WORK/dataplane.log"

sleep $((suspended_s + 7 - $(date +%s)))
check "after its end it is refused again" refused "$URL4/known3" "$WORK/known"
check "nothing of it is stored" no_trace known3

# A dataplane that starts with cordond dead opens the keys, and finds the suspension.
"$sections" suspend "$WORK/state" list1 1 0 60
stop_dataplane
start_dataplane "$WORK/state/active.options"
wait_for 5 in_cli curl -s -o /dev/null --max-time 1 "$URL4/" || fail "the storage is not reached"
check "suspended from the start" passes 4
check "and only that" refused "$URL4/other" "$WORK/other"
"$sections" suspend "$WORK/state" list2 1 0 60
refused_again() { refused "$URL4/known5" "$WORK/known"; }
check "lifted, it is refused within a second" wait_for 1 refused_again
