#!/bin/bash
# Before the dataplane has ever run, what the boot unit attaches bridges the ports: traffic flows,
# and is on record as uninspected once there is a dataplane. Taken off, the wire is cut.
. "$(dirname "$0")/_cordon.sh"
NOT_STARTED=1
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "the kernel bridges only with AF_XDP"

dataplane="in_box $BIN/cordon-dataplane --options $WORK/state/active.options"
put "$URL4/cut" "$WORK/clean" --max-time 1 || true
check "without anything the wire is cut" no_trace cut
check "the boot unit's command ends well" $dataplane --bridge
check "traffic flows before the first start" wait_for 5 stored "$URL4/clean" "$WORK/clean"
check "its bytes are right" cmp "$WORK/clean" "$WORK/www/clean"
check "once more changes nothing" $dataplane --bridge
check "it flows on" stored "$URL6/clean" "$WORK/clean"
start_dataplane "$WORK/state/active.options"
check "from the start on uploads are inspected" wait_for 5 refused "$URL4/known" "$WORK/known"
check "nothing is stored" no_trace known
check "what passed before is on record" at_least 600000 gap_bytes 1
stop_dataplane TERM
check "after a stop traffic flows" stored "$URL4/clean" "$WORK/clean"
check "the layers are taken off" $dataplane --detach
put "$URL4/cut" "$WORK/clean" --max-time 1 || true
check "the wire is cut" no_trace cut
