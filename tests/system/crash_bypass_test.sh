#!/bin/bash
# kill -9 in the middle of a transfer: the kernel goes on with it, the stored bytes are right, what
# nobody saw is on record, and after the restart new connections are inspected and an old
# keep-alive connection is retired.
. "$(dirname "$0")/_cordon.sh"
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "the kernel takes over only with AF_XDP"

random_file "$WORK/long" 60000000 3
start_long_upload 15M
sleep 1
stop_dataplane KILL
# A connection that begins while nobody looks and is still there after the restart.
start_background pooled $IN_CLI python3 "$ROOT/tests/support/upload.py" keep-alive "$STO_IP4" 80 \
    /first "$WORK/clean" --also "$WORK/known" --pause 2.5
sleep 1
check "a file is stored while the dataplane is dead" stored "$URL4/clean" "$WORK/clean"
start_dataplane "$WORK/state/active.options"
check "new connections are inspected" refused "$URL4/known" "$WORK/known"
check "nothing is stored" no_file known
wait $long || true
check "the long transfer ended well" grep -q '^HTTP/1.1 201' "$WORK/long.log"
check "its bytes are right" cmp "$WORK/long" "$WORK/www/long"
wait $BACKGROUND_PID || true
cat "$WORK/pooled.log"
check "the known file did not pass on the old connection" no_trace known
check "the old connection was retired" wait_for 5 counted flow_retired
check "coverage shows what nobody saw" at_least 1000000 ledger frames uninspected:bypassed bytes
check "the gap is on record" at_least 1000000 gap_bytes 1
