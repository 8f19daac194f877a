#!/bin/bash
# One of two workers hangs, and the other has frames of its flows in its queue: the kernel takes
# over from both, and no connection waits for the one. When it goes on both inspect again.
LAB_QUEUES=2
LIMIT_LINES='workers = 2'
. "$(dirname "$0")/_cordon.sh"
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "the kernel takes over only with AF_XDP"

all_refused() { many again "$WORK/known" 403; }

check "the known file is refused, whichever worker has it" many known "$WORK/known" 403
hung=$(basename "$(dirname "$(grep -l '^rte-worker-2' /proc/"$DATAPLANE_PID"/task/*/comm)")")
start_background stop python3 "$ROOT/tests/support/stop_thread.py" "$hung"
stop=$BACKGROUND_PID
wait_for 5 grep -q ready "$WORK/stop.log" || fail "the worker was not stopped"
# Five times heartbeat_ms_max: then the other one misses it.
sleep 1.3
check "files are stored while a worker hangs" many clean "$WORK/clean" 201
kill -TERM "$stop"
wait "$stop" || fail "stop_thread.py: $(cat "$WORK/stop.log")"
_forget "$stop"
check "both inspect again" wait_for 5 all_refused
check "nothing of it is stored" eval 'no_file known && no_file again'
check "the gap is on record" at_least 100000 gap_bytes 2
