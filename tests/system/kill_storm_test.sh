#!/bin/bash
# Dataplane and cordond are killed and frozen at random moments under load: no incident is lost or
# doubled, no known file is stored but where the kernel bridged it and says so (and never where the
# service fails closed), every clean file arrives as it was sent, the wire always comes back.
#
#   STORM_KILLS=8 STORM_SEED=…   how many, and which: the same seed does the same in the same order
. "$(dirname "$0")/_cordon.sh"

kills=${STORM_KILLS:-8}
seed=${STORM_SEED:-$RANDOM}
say "  storm of $kills kills; again: STORM_KILLS=$kills STORM_SEED=$seed $0"

# IPv4 fails open, IPv6 closed.
eval "written_$(declare -f write_config)"
write_config() {
    written_write_config
    sed -i '/name = "photos-v6"/a fail = "closed"' "$CONFIG"
}
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "the kernel takes over only with AF_XDP"

verify() {
    "$ROOT/tests/support/storm_verify.py" "$WORK" "$STO_IP6" "$@" > "$WORK/verify.log" 2>&1
}
ms() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }
below() { echo $((RANDOM % $1)); }
alive() { kill -0 "$1" 2> /dev/null; }

kill_dataplane() {
    stop_dataplane KILL
    ms $1
    start_dataplane "$WORK/state/active.options"
}
kill_cordond() {
    stop_cordond KILL
    rm -f "$WORK/run/cordond.sock" # a dead one's: start_cordond waits for the new
    ms $1
    start_cordond "$CONFIG"
}
# Killed once more while it starts: between any two steps of the take-over.
kill_at_start() {
    stop_dataplane KILL
    $IN_BOX "$BIN/cordon-dataplane" --options "$WORK/state/active.options" \
        >> "$WORK/dataplane.log" 2>&1 &
    DATAPLANE_PID=$!
    _remember $DATAPLANE_PID
    ms $1
    kill_dataplane 0
}
freeze() {
    kill -STOP $DATAPLANE_PID
    ms $1
    kill -CONT $DATAPLANE_PID
}
strike() {
    local how
    how=$(below 9)
    case $how in
        0 | 1 | 2) kill_dataplane "$(below 300)" ;;
        3) kill_cordond "$(below 200)" ;;
        4)
            stop_cordond KILL
            rm -f "$WORK/run/cordond.sock"
            kill_dataplane "$(below 200)"
            start_cordond "$CONFIG"
            ;;
        5 | 6) freeze $((220 + $(below 300))) ;;
        7) freeze $((20 + $(below 150))) ;; # shorter than heartbeat_ms_max
        8) kill_at_start "$(below 400)" ;;
    esac
}

RANDOM=$seed
start_background load $IN_CLI python3 "$ROOT/tests/support/storm_load.py" "$seed" "$WORK" \
    "$STO_IP4" "$STO_IP6"
load=$BACKGROUND_PID
wait_for 5 test -s "$WORK/uploads.json" || fail "no upload ended"
for n in $(seq "$kills"); do
    ms "$(below 700)"
    alive $DATAPLANE_PID || fail "the dataplane ended by itself before kill $n"
    alive $CORDOND_PID || fail "cordond ended by itself before kill $n"
    alive $load || fail "the load ended before kill $n: $(cat "$WORK/load.log")"
    strike
    wait_for 10 verify || fail "after kill $n: $(cat "$WORK/verify.log")"
done
say "  ok    nothing wrong after any of $kills kills"
touch "$WORK/stop"
check "every clean file is stored as it was sent" wait $load
_forget $load
check "nothing wrong at the end" wait_for 10 verify --end
say "        $(cat "$WORK/verify.log")"
_caught_up() { # control has stored all that the dataplane has written
    ctl status --json | python3 -c 'import json, sys
status = json.load(sys.stdin)
read = status["control"]["journal"]["next_sequence"]
sys.exit(read <= status["dataplane"]["journal"]["sequence"])'
}
check "no record is missing at its end" wait_for 5 _caught_up
for url in "$URL4" "$URL6"; do
    check "inspected again: a known file is refused at $url" wait_for 5 refused "$url/known" \
        "$WORK/known"
    check "a clean one is stored" stored "$url/clean" "$WORK/clean"
done
ctl coverage > "$WORK/coverage.log" || fail "the ledger: $(cat "$WORK/coverage.log")"
check "the ledger of frames balances" grep -q 'sum = port counters' "$WORK/coverage.log"
