#!/bin/bash
# At boot, before the first start of the dataplane: `--bridge` puts the net below in place and ends.
# By the fail mode of the service traffic flows or no payload passes; the dataplane then starts on
# top of it, and `--detach` leaves nothing behind.
. "$(dirname "$0")/_cordon.sh"
need "$BIN/cordon-dataplane" "$BIN/cordond" "$BIN/cordonctl" python3 curl bpftool
lab_up
[ "$PORT_KIND" = af_xdp ] || skip "the kernel bridges only with AF_XDP"
random_file "$WORK/known" "$KNOWN_SIZE" 1
random_file "$WORK/clean" "$KNOWN_SIZE" 2
start_nginx

options=$WORK/state/active.options
# dataplane WORD [service lines]   — one of its jobs that end, with options compiled anew.
dataplane() {
    SERVICE_LINES=${2:-} write_config
    "$BIN/cordonctl" config compile "$CONFIG" --output "$options" &&
        in_box timeout 20 "$BIN/cordon-dataplane" --options "$options" "$1"
}
not() { ! "$@"; }
reached() { in_cli curl -s -o /dev/null --max-time 1 "$URL4/"; }
filters() { in_box tc filter show dev "$1" ingress; }
no_filter() { [ -z "$(filters cor-cli)$(filters cor-sto)" ]; }
no_xdp() { ! in_box ip link show | grep -q xdp; }
no_program() { ! in_box bpftool net show | grep -qE 'steer|bypass'; }

check "without anything the wire is cut" not reached
check "--bridge ends well" dataplane --bridge
check "only the net below is there" no_xdp
check "the storage is reached" wait_for 5 reached
check "a file is stored, and no process runs" stored "$URL4/boot" "$WORK/clean"
check "its bytes are right" cmp "$WORK/clean" "$WORK/www/boot"
check "IPv6 as well" stored "$URL6/boot6" "$WORK/clean"

check "again, and closed" dataplane --bridge 'fail = "closed"'
put "$URL4/closed" "$WORK/clean" --max-time 2 || true
check "no answer" [ -z "$(status_of_answer)" ]
check "nothing reached the storage" no_trace closed
check "and open again, as if booted with it" dataplane --bridge
check "a file is stored" stored "$URL4/again" "$WORK/clean"

write_index
start_cordon
check "the dataplane starts on top, and refuses the known file" refused "$URL4/known" "$WORK/known"
check "nothing of it is stored" no_trace known
check "a clean file is stored" stored "$URL4/clean" "$WORK/clean"
check "what passed before is on record" at_least "$((3 * KNOWN_SIZE))" gap_bytes 1
for job in bridge detach; do
    status=0
    dataplane "--$job" 2> "$WORK/err" || status=$?
    check "--$job is refused beside a running dataplane" [ $status = 1 ]
    check "  and says why" grep -q 'another cordon-dataplane runs' "$WORK/err"
done
check "which goes on" refused "$URL4/known" "$WORK/known"

stop_dataplane
check "after its end the wire is whole" stored "$URL4/after" "$WORK/clean"
check "--detach ends well" dataplane --detach
check "no tc filter stays" no_filter
check "no XDP program stays" no_xdp
check "no program of ours is attached" no_program
check "no pin stays" [ ! -e "$WORK/bpf" ]
check "the wire is cut again" not reached
