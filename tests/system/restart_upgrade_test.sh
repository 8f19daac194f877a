#!/bin/bash
# Stopping and starting (an upgrade) under a long transfer cuts nothing, and before the very first
# start the wire is whole.
. "$(dirname "$0")/_cordon.sh"
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "the kernel takes over only with AF_XDP"

random_file "$WORK/long" 60000000 3
start_long_upload 12M
for round in 1 2; do
    sleep 1
    stop_dataplane TERM
    check "round $round: stored without the dataplane" stored "$URL4/r$round" "$WORK/clean"
    start_dataplane "$WORK/state/active.options"
    check "round $round: inspected again" refused "$URL4/known" "$WORK/known"
done
wait $long || true
check "the long transfer ended well" grep -q '^HTTP/1.1 201' "$WORK/long.log"
check "its bytes are right" cmp "$WORK/long" "$WORK/www/long"
check "nothing of the known file is stored" no_trace known
