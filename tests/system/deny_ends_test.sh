#!/bin/bash
# The kernel forgets a blocked connection when it is over: a later one with the same ports is not
# taken for it, also when another dataplane serves it, and also when the one that blocked it did not
# live to see its end.
LIMIT_LINES='absorb_seconds = 2'
. "$(dirname "$0")/_cordon.sh"
need bpftool
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "the kernel takes over only with AF_XDP"

denied() {
    bpftool -j map dump pinned "$WORK/bpf/deny" |
        python3 -c 'import json, sys; print(len(json.load(sys.stdin)))'
}
stored_again() { stored "$URL4/again" "$WORK/clean" --local-port 45678; }
none_denied() { [ "$(denied)" = 0 ]; }
check "the known file is refused" refused "$URL4/known" "$WORK/known" --local-port 45678
check "its connection is denied" [ "$(denied)" = 1 ]
check "and no longer when it is over" wait_for 5 none_denied
stop_dataplane KILL
start_dataplane "$WORK/state/active.options"
check "another dataplane serves the same ports" wait_for 5 stored_again
check "none was left out" [ "$(outcome deny_failed)" = 0 ]

for port in 45679 45680; do
    check "another known file is refused" refused "$URL4/known$port" "$WORK/known" \
        --local-port $port
done
stop_dataplane KILL
check "what the dead dataplane denied stays denied" [ "$(denied)" = 2 ]
reused() { stored "$URL4/reused$1" "$WORK/clean" --local-port $1 --max-time 3; }
check "without a dataplane the port serves again" wait_for 5 reused 45679
check "that one is no longer denied, the other is" [ "$(denied)" = 1 ]
start_dataplane "$WORK/state/active.options"
check "and with another dataplane, too" wait_for 5 reused 45680
check "none is denied" none_denied
check "nothing of the known file is stored" no_trace known
