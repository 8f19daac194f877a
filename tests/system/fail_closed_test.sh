#!/bin/bash
# With fail = "closed" no payload reaches the service while the dataplane is away; everything else
# still passes, and the service is back with the dataplane.
SERVICE_LINES='fail = "closed"'
. "$(dirname "$0")/_cordon.sh"
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "the kernel takes over only with AF_XDP"

start_background other $IN_STO python3 -m http.server --bind "$STO_IP4" --directory "$WORK/run" 8080
check "a clean file is stored" stored "$URL4/before" "$WORK/clean"
stop_dataplane KILL
put "$URL4/closed" "$WORK/clean" --max-time 2 || true
check "no answer while the dataplane is dead" [ -z "$(status_of_answer)" ]
check "nothing reached the storage" no_trace closed
check "another port of the storage is reached" wait_for 5 \
    in_cli curl -s -o /dev/null --max-time 2 "$URL4:8080/"
start_dataplane "$WORK/state/active.options"
check "with the dataplane the service is back" stored "$URL4/after" "$WORK/clean"
check "the known file is refused" refused "$URL4/known" "$WORK/known"
