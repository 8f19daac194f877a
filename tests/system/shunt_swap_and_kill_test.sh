#!/bin/bash
# A new list, and a kill -9, while most of an upload passes in the kernel: it is stored as it was
# sent, and afterwards everything is inspected.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_shunt.sh"
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "only XDP passes a range of a flow"

random_file "$WORK/long" 60000000 3
start_long_upload 10M
check "a range was given to the kernel" counted shunt_granted
random_file "$WORK/later" 250000 4
printf '%s,250000\n' "$(sha256sum "$WORK/later" | cut -d' ' -f1)" >> "$WORK/known.txt"
"$BIN/cordonctl" index build --output "$WORK/index.cdx" "$WORK/known.txt" > "$WORK/index.log" 2>&1
check "another list takes it back" counted shunt_revoked
check "what the list lists is refused" refused "$URL4/later" "$WORK/later"
wait $long || true
check "the upload ended well" grep -q '^HTTP/1.1 201' "$WORK/long.log"
check "its bytes are right" cmp "$WORK/long" "$WORK/www/long"
check "nothing passed without us" [ "$(ledger frames uninspected:bypassed bytes)" = 0 ]
check "the ledgers balance" wait_for 5 ledgers_balance

rm "$WORK/www/long"
granted=$(outcome shunt_granted)
start_long_upload 10M
check "another range" counted shunt_granted $((granted + 1))
stop_dataplane KILL
sleep 0.5
start_dataplane "$WORK/state/active.options"
check "new connections are inspected" refused "$URL4/known" "$WORK/known"
wait $long || true
check "the upload ended well" grep -q '^HTTP/1.1 20' "$WORK/long.log"
check "its bytes are right" cmp "$WORK/long" "$WORK/www/long"
check "what passed meanwhile is no range any more" at_least 100000 \
    ledger frames uninspected:bypassed bytes
check "nothing of the refused ones is stored" no_trace known
