#!/bin/bash
# The disk of the journal is full: known files are refused with 503 and without a case, counted, and
# nothing of them is released. With room again the next one is a 403 with a case.
. "$(dirname "$0")/_cordon.sh"

# Too small for a segment of the journal (8 MiB).
start_nginx_with_a_small_disk() {
    mount -t tmpfs -o size=6m cordon-small "$WORK/state"
    trap 'status=$?; set +e; umount -l "$WORK/state"; (exit $status); lab_down' EXIT
    start_nginx
}
cordon_up nginx_with_a_small_disk

refused_without_case() {
    put "$1" "$2"
    [ "$(status_of_answer)" = 503 ] && ! grep -q "$CASE_PATTERN" "$WORK/answer.log"
}
status_wants_attention() { ! ctl status > "$WORK/status" 2>&1 && grep -q "disk of state_dir" "$WORK/status"; }

check "a clean file is stored" stored "$URL4/clean" "$WORK/clean"
for n in 1 2 3; do
    check "refused without a case" refused_without_case "$URL4/known" "$WORK/known"
done
check "nothing is stored" no_trace known
check "three are counted" counted match_unrecorded 3
check "there is no incident" incident_count 0
check "a clean file is still stored" stored "$URL4/clean" "$WORK/clean"
check "status wants attention" status_wants_attention
mount -o remount,size=60m "$WORK/state"
check "with room again there is a case" wait_for 8 refused "$URL4/known" "$WORK/known"
check "its incident is there" wait_for 5 incident_known "$CASE"
check "nothing is stored" no_trace known
