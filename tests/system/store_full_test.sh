#!/bin/bash
# The disk of control's store is full: blocks go on, incidents wait in the journal and status says
# so; with room again every one is there, once.
. "$(dirname "$0")/_cordon.sh"
eval "written_$(declare -f write_config)"
write_config() {
    mkdir -p "$WORK/db"
    mountpoint -q "$WORK/db" || mount -t tmpfs -o size=1m cordon-store "$WORK/db"
    _lab_mounts="$_lab_mounts $WORK/db"
    written_write_config
    sed -i "s,^store = .*,store = \"$WORK/db/cordon.sqlite\"," "$CONFIG"
}
cordon_up

check "a known file is refused" refused "$URL4/first" "$WORK/known"
check "the case is recorded" wait_for 5 incident_known "$CASE"
dd if=/dev/zero of="$WORK/db/filler" bs=4k 2> /dev/null || true
: > "$WORK/cases"
for n in $(seq 30); do
    refused "$URL4/known$n" "$WORK/known" || fail "upload $n was not refused"
    echo "$CASE" >> "$WORK/cases"
done
say "  ok    30 known files are refused"
needs_attention() {
    ! ctl status > "$WORK/status.log" && grep -q 'journal cannot be read' "$WORK/status.log"
}
check "status says that they are not stored" wait_for 5 needs_attention
stop_cordond KILL
rm -f "$WORK/run/cordond.sock"
rm "$WORK/db/filler"
start_cordond "$CONFIG"
check "with room again all are there, and the first" incident_count 31
in_store() { incidents | grep -o '"case": *"[^"]*"' | cut -d'"' -f4 | sort; }
all_cases() { [ "$(in_store | grep -cxF -f "$WORK/cases")" = 30 ]; }
check "each once" all_cases
check "nothing is stored" no_trace known
check "status is well again" wait_for 5 ctl status
