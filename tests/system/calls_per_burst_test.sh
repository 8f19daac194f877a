#!/bin/bash
# What the ports ask of the kernel: a worker's system calls, counted while a file goes through it,
# are a few for each burst and none for each frame. (worker_system_calls_test shows that the line
# itself makes none; what is left is the ports' and the sleep's.)
#
#   recvfrom      one for each port and turn: the driver asks where nothing had come
#   sendto        one for each burst that leaves: to the storage twice in a turn, to the client once
#   ppoll         one in a turn after which the worker sleeps
#   sched_yield   one in a turn that brought nothing, and after which it looks on
#
# A turn has two bursts, one from each port.
. "$(dirname "$0")/_cordon.sh"
KNOWN_SIZE=20000000
need strace
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "these are the calls of AF_XDP"

# Frames that came in and that went out, of both ports.
frames() {
    ctl coverage --json | python3 -c 'import json, sys
ports = json.load(sys.stdin)["ports"].values()
print(sum(one[way]["packets"] for one in ports for way in ("received", "transmitted")))'
}

worker=$(worker_threads "$DATAPLANE_PID")
# The turns are those of a longer time than the calls.
turns_before=$(workers turns) frames_before=$(frames)
strace -qq -c -o "$WORK/calls" -p "$worker" 2>> "$WORK/strace.log" &
tracer=$!
_remember $tracer
wait_for 5 grep -q "^TracerPid:[[:space:]]*$tracer\$" /proc/"$worker"/status ||
    skip "this machine lets nobody trace a process"
check "a file is stored" stored "$URL4/clean" "$WORK/clean"
_stop_pid $tracer INT
_forget $tracer
made=$(($(workers turns) - turns_before)) passed=$(($(frames) - frames_before))

# An interrupted sleep goes on as restart_syscall.
calls_of() { awk -v of="^($1)\$" '$NF ~ of { sum += $4 } END { print sum + 0 }' "$WORK/calls"; }
others() {
    local known='total|recvfrom|sendto|ppoll|restart_syscall|sched_yield'
    awk -v known="^($known)\$" '$1 ~ /^[0-9.]+$/ && $NF !~ known' "$WORK/calls"
}
at_most() { [ "$1" -le "$2" ]; }
check "frames went through the worker" at_most 10000 "$passed"
check "the worker makes no other call" [ -z "$(others)" ]
check "it sends" at_most 1 "$(calls_of sendto)"
check "for each port it asks once in a turn" at_most "$(calls_of recvfrom)" $((2 * made))
check "each burst is sent by one call" at_most "$(calls_of sendto)" $((3 * made))
check "it sleeps or gives way once in a turn" \
    at_most "$(calls_of 'ppoll|restart_syscall|sched_yield')" $((made + 1))
check "frames go in bursts" at_most $((2 * $(calls_of sendto))) "$passed"
awk -v calls="$(calls_of '.*total')" -v turns="$made" -v frames="$passed" 'BEGIN {
    printf "        %.2f calls for each burst, %.2f for each frame, sent or received\n",
           calls / turns / 2, calls / frames }'
