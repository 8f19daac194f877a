#!/bin/bash
# A dataplane that hangs (SIGSTOP) is bridged around; when it goes on (SIGCONT) it sends nothing
# stale and inspects again.
. "$(dirname "$0")/_cordon.sh"
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "the kernel takes over only with AF_XDP"

random_file "$WORK/long" 40000000 3
start_long_upload 10M
sleep 1
kill -STOP $DATAPLANE_PID
sleep 0.3
check "a file is stored while the dataplane hangs" stored "$URL4/clean" "$WORK/clean" --max-time 2
kill -CONT $DATAPLANE_PID
check "inspection is back" wait_for 5 refused "$URL4/known" "$WORK/known"
check "nothing is stored" no_file known
wait $long || true
check "the long transfer ended well" grep -q '^HTTP/1.1 201' "$WORK/long.log"
check "its bytes are right" cmp "$WORK/long" "$WORK/www/long"
check "the gap is on record" at_least 100000 gap_bytes 2
