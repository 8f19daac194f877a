#!/bin/bash
# The canary: it tests by itself, tells when uploads go around the dataplane, has the watchdog fed
# no more after three in a row, and is well again with the next dataplane.
CANARY='canary_seconds = 2, trips_watchdog = true'
. "$(dirname "$0")/_selftest.sh"
more_config() {
    ip -n "$BOX" link set lo up
    printf '[log]\nevents = "%s"\n[metrics]\nlisten = "127.0.0.1:9748"\n' "$WORK/events.json"
}

# What a service manager hears of the dataplane.
start_manager() {
    start_background manager python3 -u -c 'import socket, sys
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(sys.argv[1])
while True:
    print(heard.recv(4096).decode(), flush=True)' "$WORK/notify"
    wait_for 5 test -S "$WORK/notify"
    export NOTIFY_SOCKET=$WORK/notify
}
fed() { grep -c WATCHDOG=1 "$WORK/manager.log" || true; }
is_fed() {
    local before
    before=$(fed)
    sleep 1
    [ "$(fed)" -gt "$before" ]
}
canary_is() { (ctl status --json || true) | python3 -c 'import json, sys
(one,) = json.load(sys.stdin)["control"]["selftest"]
sys.exit(one["result"] != sys.argv[1])' "$1"; }
metric() { in_box curl -s http://127.0.0.1:9748/metrics | grep -qF "$1"; }
event() {
    grep '"action":"selftest"' "$WORK/events.json" | grep -qF "\"from\":\"$1\",\"to\":\"$2\""
}

selftest_up
[ "$PORT_KIND" = af_xdp ] || skip "uploads can go around the dataplane only with AF_XDP"
stop_dataplane
start_manager
start_dataplane "$WORK/state/active.options"
unset NOTIFY_SOCKET
check "the Centre lists the vector" list_vector
check "the canary is well by itself" wait_for 15 canary_is ok
check "the watchdog is fed" is_fed
check "metrics say so" metric 'cordon_selftest_result{service="photos",result="ok"} 1'

# As after `ip link set … xdp off`, or another program in our place: the dataplane waits for frames
# that the net below takes.
for port in cor-cli cor-sto; do in_box ip link set $port xdp off; done
check "uploads that go around are noticed" wait_for 15 canary_is passed
critical() { ctl check > "$WORK/check.log" || [ $? = 2 ]; }
check "somebody is called" critical
check "… and told why" grep -q 'CRITICAL.*known files pass' "$WORK/check.log"
check "the event log has it" wait_for 5 event ok passed
not_fed() { ! is_fed; }
check "after three in a row the watchdog is fed no more" wait_for 20 not_fed
check "metrics say that" metric 'cordon_dataplane_distrusted 1'
check "the trail has it" grep -q 'dataplane.distrusted' <(ctl audit show)
check "the dataplane says why" grep -q 'alarm: .*canary of service photos' "$WORK/dataplane.log"

# As systemd does it.
stop_dataplane ABRT
export NOTIFY_SOCKET=$WORK/notify
start_dataplane "$WORK/state/active.options"
unset NOTIFY_SOCKET
check "with another dataplane the canary is well again" wait_for 20 canary_is ok
check "its watchdog is fed" is_fed
check "the event log has that as well" wait_for 5 event passed ok
check "nothing of all that is on the storage" wait_for 5 nothing_left
