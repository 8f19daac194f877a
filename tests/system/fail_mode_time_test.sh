#!/bin/bash
# How long nobody carries the traffic: a killed dataplane is noticed at the next frame, a hung one
# after heartbeat_ms_max (200 ms), both where the service fails open and where it fails closed. SYNs
# every few milliseconds show it: they pass in both modes, payload only in the open one. The limits
# leave room for a crowded machine.
. "$(dirname "$0")/_cordon.sh"
need tcpdump

# IPv4 fails open, IPv6 closed.
eval "written_$(declare -f write_config)"
write_config() {
    written_write_config
    sed -i '/name = "photos-v6"/a fail = "closed"' "$CONFIG"
}
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "the kernel takes over only with AF_XDP"

cat > "$WORK/knock.py" <<'PY'
import socket, sys, time
held = []
while True:
    for family, address in ((socket.AF_INET, sys.argv[1]), (socket.AF_INET6, sys.argv[2])):
        one = socket.socket(family)
        one.setblocking(False)
        one.connect_ex((address, 80))
        held.append((time.monotonic(), one))
    while held[0][0] < time.monotonic() - 0.5:
        held.pop(0)[1].close()
    time.sleep(0.004)
PY
start_background knock $IN_CLI python3 "$WORK/knock.py" "$STO_IP4" "$STO_IP6"
start_background dump $IN_STO tcpdump -i sto0 -n -tt -l "tcp dst port 80"
wait_for 5 grep -q 'Flags \[S\]' "$WORK/dump.log" || fail "no SYN came"

# first_after TIME ip|ip6   — milliseconds from TIME to the first SYN that came later by 2 ms.
first_after() {
    sleep 1
    python3 -c 'import sys
since, kind = float(sys.argv[1]), sys.argv[2]
word = "IP6" if kind == "ip6" else "IP"
for line in open(sys.argv[3]):
    parts = line.split()
    if len(parts) < 3 or parts[1] != word or "Flags [S]" not in line: continue
    if float(parts[0]) > since + 0.002:
        print(int((float(parts[0]) - since) * 1000))
        break' "$1" "$2" "$WORK/dump.log"
}
between() {
    say "        $3 ms"
    [ -n "$3" ] && [ "$3" -ge "$1" ] && [ "$3" -le "$2" ]
}
now() { date +%s.%N; }

kill -STOP $DATAPLANE_PID
since=$(now)
check "hung, open: taken over within its time" between 150 400 "$(first_after $since ip)"
check "hung, closed: the same" between 150 400 "$(first_after $since ip6)"
check "open: a file passes" stored "$URL4/hung" "$WORK/clean" --max-time 2
put "$URL6/hung6" "$WORK/clean" --max-time 1 || true
check "closed: no answer" [ -z "$(status_of_answer)" ]
kill -CONT $DATAPLANE_PID
check "inspection is back: open" wait_for 5 refused "$URL4/known" "$WORK/known"
check "inspection is back: closed" wait_for 5 refused "$URL6/known" "$WORK/known"

since=$(now)
kill -KILL $DATAPLANE_PID
check "killed, open: taken over at once" between 0 120 "$(first_after $since ip)"
check "killed, closed: the same" between 0 120 "$(first_after $since ip6)"
stop_dataplane KILL
check "open: a file passes" stored "$URL4/killed" "$WORK/clean" --max-time 2
put "$URL6/killed6" "$WORK/clean" --max-time 1 || true
check "closed: no answer" [ -z "$(status_of_answer)" ]
check "closed: nothing of it is stored" no_trace killed6
