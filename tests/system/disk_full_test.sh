#!/bin/bash
# With no room for a record a match is refused with 503 and without a case number, never released,
# and counted. Clean uploads pass. As soon as there is room again, matches are recorded again.
STATE_SIZE=4m # less than one segment of the journal
. "$(dirname "$0")/_cordon.sh"
cordon_up

unrecorded() {
    put "$1" "$2" || return 1
    [ "$(status_of_answer)" = 503 ] && ! grep -q "$CASE_PATTERN" "$WORK/answer.log"
}
check "the known file gets 503 and no case number" unrecorded "$URL4/known" "$WORK/known"
check "nothing of it is stored" no_trace known
check "it is counted" counted match_unrecorded
check "a clean file is stored" stored "$URL4/clean" "$WORK/clean"
check "its bytes are right" cmp "$WORK/clean" "$WORK/www/clean"
ctl status > "$WORK/status.log" || status=$?
check "status says that it needs attention (exit ${status:-0})" [ "${status:-0}" -ne 0 ]
mount -o remount,size=64m "$WORK/state"
check "with room again it is refused with a case number" wait_for 10 refused "$URL4/known" \
    "$WORK/known"
check "the case is recorded" wait_for 5 incident_known "$CASE"
check "nothing of it is stored" no_trace known
