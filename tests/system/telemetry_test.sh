#!/bin/bash
# What DPDK's telemetry tells of Cordon: each command at the real socket, the same numbers as
# `coverage`, nothing for strangers, nothing left outside run_dir.
. "$(dirname "$0")/_cordon.sh"
cordon_up

socket=$WORK/run/dpdk/dataplane/dpdk_telemetry.v2
cat > "$WORK/ask.py" << 'PYTHON'
import json, socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
    s.settimeout(5)
    s.connect(sys.argv[1])
    assert "DPDK" in json.loads(s.recv(1024))["version"]
    s.send(sys.argv[2].encode())
    answer = json.loads(s.recv(65536))
path = sys.argv[3:]
value = list(answer.values())[0]
for step in path:
    value = value[int(step) if isinstance(value, list) else step]
print(json.dumps(value))
PYTHON
ask() { python3 "$WORK/ask.py" "$socket" "$@"; }

check "a file is stored" stored "$URL4/clean" "$WORK/clean"
check "the known one is refused" refused "$URL4/known" "$WORK/known"
check "the commands are listed" eval 'ask / | grep -q /cordon/service'
for command in status frames objects outcomes services workers; do
    check "/cordon/$command is answered" eval "ask /cordon/$command | grep -q '[0-9a-z]'"
done
check "flows have room" eval '[ "$(ask /cordon/status flows_max)" -ge 4096 ]'
check "the block is counted" [ "$(ask /cordon/outcomes match_blocked)" = 1 ]
check "and is of its service" [ "$(ask /cordon/service,photos blocked objects)" = 1 ]
check "its verdict took time" [ "$(ask /cordon/service,photos verdict_ns)" -gt 0 ]
check "the other service has none" [ "$(ask /cordon/service,photos-v6 messages)" = 0 ]
check "an unknown service is no answer" [ "$(ask /cordon/service,nobody)" = null ]
check "none at all neither" [ "$(ask /cordon/service)" = null ]
same() { [ "$(ask /cordon/objects inspected bytes)" = "$(ledger objects inspected bytes)" ]; }
check "bytes are those of coverage" wait_for 5 same
check "ethdev's own commands are there" eval 'ask /ethdev/list | grep -q "\[0, 1\]"'
stranger() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
check "a stranger may not ask" eval \
    '! stranger python3 "$WORK/ask.py" "$socket" /cordon/status 2> /dev/null'

# Who asks and does not read holds up nobody.
start_background rude python3 -c 'import socket, sys, time
many = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(8)]
for s in many:
    s.connect(sys.argv[1])
    s.setblocking(False)
    try:
        for _ in range(200): s.send(b"/cordon/outcomes")
    except BlockingIOError: pass
time.sleep(20)' "$socket"
check "uploads go on beside rude readers" stored "$URL4/clean2" "$WORK/clean"
check "and so does the control socket" eval 'ctl coverage --json > /dev/null'

stop_dataplane TERM
check "it stops while somebody asks" grep -q 'was ready' "$WORK/dataplane.log"
start_dataplane "$WORK/state/active.options"
check "and answers again after a start" eval 'wait_for 5 ask /cordon/status > /dev/null'
stop_dataplane KILL
start_dataplane "$WORK/state/active.options"
check "after a kill as well" eval 'wait_for 5 ask /cordon/status > /dev/null'
check "nothing of it is in /run/dpdk" [ ! -e /run/dpdk/dataplane ]
