#!/bin/bash
# The dataplane is killed at every step between a decision and its end: deny map, record, sync,
# record of the enforcement, sync, deny map again. Whatever the step: what a client was told is on
# record exactly once, nothing is released, also where the service fails open, and a block whose
# enforcement is not on record is shown as not confirmed.
LIMIT_LINES='absorb_seconds = 1'
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_aim.sh"
need bpftool

# IPv4 fails open, IPv6 closed.
eval "written_$(declare -f write_config)"
write_config() {
    written_write_config
    sed -i '/name = "photos-v6"/a fail = "closed"' "$CONFIG"
}
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "the kernel takes over only with AF_XDP"

# incident_of NAME FIELD   — of every incident with that target, one a line.
incident_of() {
    revealed | python3 -c 'import json, sys
text, decoder = sys.stdin.read(), json.JSONDecoder()
while text := text.lstrip():
    incident, end = decoder.raw_decode(text)
    text = text[end:]
    if incident["personal"]["target"] == "/" + sys.argv[1]: print(incident[sys.argv[2]])' "$@"
}
shown_as() {
    case $(incident_of $1 status) in decided | unconfirmed) return 0 ;; esac
    return 1
}

# killed_at WORDS THREAD SYSCALL N ADDRESS   — aims while the client pauses before its last byte, so
# that the next thing that happens is the decision. Leaves the client's answer in answer.log.
step=0
killed_at() {
    step=$((step + 1))
    name=known-$step
    ADDRESS=$5 upload late /$name "$WORK/known" --pause 0.5 --timeout 1.5 > /dev/null &
    local client=$!
    sleep 0.3
    aim $DATAPLANE_PID $2 $3 $4
    hit $DATAPLANE_PID 5 || fail "$1: was not reached"
    stop_dataplane KILL
    start_dataplane "$WORK/state/active.options"
    wait $client || true
    # Its temporary file stays until the storage gives up waiting for the last byte.
    check "$1: nothing is stored" [ ! -e "$WORK/www/$name" ]
}
# What a killed step left behind must not be what the next one transmits.
in_cli sysctl -q -w net.ipv4.tcp_orphan_retries=1
spares_made() { [ "$(find "$WORK/state/journal" -name 'spare-*cdj' | wc -l)" = 2 ]; }

check "a known file is refused" refused "$URL4/first" "$WORK/known"
wait_for 10 spares_made || fail "the journal made no spares"
none_denied() { [ "$(bpftool -j map dump pinned "$WORK/bpf/deny")" = "[]" ]; }
wait_for 5 none_denied || fail "the first refusal does not end"
count_of() { incident_of $name case | wc -l; }
told() { grep -om1 "$CASE_PATTERN" "$WORK/answer.log" || true; }
recorded_once() { [ "$(incident_of $name case)" = "$(told)" ]; }

killed_at "before the deny map" cordon-journal bpf 1 "$STO_IP6"
check "    no answer, no case" [ -z "$(told)" -a "$(count_of)" = 0 ]
killed_at "before the record" cordon-journal pwrite64 1 "$STO_IP4"
check "    no answer, no case" [ -z "$(told)" -a "$(count_of)" = 0 ]
killed_at "before its sync" cordon-journal fdatasync 1 "$STO_IP4"
check "    no answer" [ -z "$(told)" ]
# The kernel has the record, so that only a power cut would lose it.
check "    a case, not confirmed" wait_for 5 shown_as $name
for at in 1 2; do
    # On a crowded machine the client may still have been sending: then it was another transmission.
    for _try in 1 2 3; do
        killed_at "before transmission $at of the answer" rte-worker sendto $at "$STO_IP6"
        ! wait_for 2 shown_as $name || break
    done
    check "    a case, not confirmed" shown_as $name
    check "    once" [ "$(count_of)" = 1 ]
    [ -z "$(told)" ] || check "    the one the client was told" recorded_once
done
killed_at "before the record of the enforcement" cordon-journal pwrite64 2 "$STO_IP4"
check "    the client was told" [ -n "$(told)" ]
check "    and it is on record, once" wait_for 5 recorded_once
check "    not confirmed" shown_as $name
killed_at "before it leaves the deny map" cordon-journal bpf 2 "$STO_IP4"
check "    on record, once" wait_for 5 recorded_once
check "    confirmed" [ "$(incident_of $name status)" = enforced ]
faults() {
    ctl status --json | python3 -c 'import json, sys
store = json.load(sys.stdin)["control"]["store"]
print(store["missing"] + store["damaged"] + store["odd_records"])'
}
check "the journal has no fault" [ "$(faults)" = 0 ]
