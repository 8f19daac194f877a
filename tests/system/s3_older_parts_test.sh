#!/bin/bash
# An S3 upload in parts, begun before the appliance was restarted: what came before, nobody knows
# any more. Without a verifier the policy for connections older than the appliance decides, and it
# is counted; with everything seen it is judged as ever.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_rgw.sh"
. "$(dirname "$0")/_s3_parts.sh"
KNOWN_SIZE=11000000
WHERE=in_cli
cordon_up rgw

restart() { # ON_MIDSTREAM
    stop_dataplane
    stop_cordond
    SERVICE_LINES="on_midstream = \"$1\""
    write_config
    rm -f "$WORK/state/active.options"
    start_cordon
}
begun_before() { begin_parts "$1" "$2" && send_parts 1 2; }
midstream() { ctl status --json | tr -d ' \n' | grep -qE "\"midstream\":\{[^}]*\"$1\":[1-9]"; }

check "two parts of a known file come" begun_before passed "$WORK/known"
restart retire
check "after a restart its last one comes" send_parts 3
check "its commit passes, as the policy says" complete_parts
check "it is counted as a gap" counted assembly_gap 1
check "and as passed" midstream passed
check "no incident says otherwise" incident_count 0
check "it is stored" stored_equal passed "$WORK/known"

check "two parts of another one come" begun_before refused "$WORK/known"
restart refuse
send_parts 3 || true
check "its commit is refused" eval '! complete_parts'
check "and it does not exist" absent refused
check "it is counted as a gap" counted assembly_gap 1
check "and as refused" midstream refused

begin_parts seen "$WORK/known"
check "one that is seen as a whole: its parts come" send_parts 1 2 3
check "its commit is refused with a case number" eval '! complete_parts &&
    CASE=$(grep -om1 "$CASE_PATTERN" "$WORK/answer.log")'
check "and it does not exist" absent seen
