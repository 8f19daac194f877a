#!/bin/bash
# What an incident tells of a person is sealed, shown to an operator for a reason and on record,
# kept beyond its time only by a hold, and gone without a trace when its time is over.
. "$(dirname "$0")/_cordon.sh"
SERVICE_LINES='account_from = "header"
account_header = "X-Account"'
cordon_up
ACCOUNT=person-4711

# Whether any file that we keep knows the account, the path or the client's address. The answer to
# the client and the storage are not ours; the journal's open segment is left within a day
# (journal_thread_test).
nowhere() {
    local word
    for word in "$ACCOUNT" secret-path; do
        ! grep -rqaF --exclude-dir=journal "$word" "$WORK/state" "$WORK"/cordon.sqlite* \
            "$WORK/cordond.log" "$WORK/dataplane.log" || return 1
    done
    ! grep -qaF "$CLI_IP4" "$WORK"/cordon.sqlite*
}
shows() { ctl incidents show "$CASE" "$@" > "$WORK/shown" 2>&1; }
age_keys() {
    python3 -c 'import sqlite3, sys
keys = sqlite3.connect(sys.argv[1])
keys.execute("UPDATE case_key SET made_ns = 1")
keys.commit()' "$WORK/cordon.sqlite.keys"
}
restart_cordond() {
    stop_cordond
    start_cordond "$CONFIG"
}
destroyed() { shows && grep -q 'Person  *destroyed' "$WORK/shown"; }

check "the known file is refused" refused "$URL4/secret-path" "$WORK/known" \
    -H "X-Account: $ACCOUNT"
check "it is on record" wait_for 5 incident_known "$CASE"
silent() { ! grep -qE "secret-path|$ACCOUNT|$CLI_IP4"; }
check "the list tells nothing of a person" eval 'incidents | silent'
check "nor does the case" shows
check "  but that it can be told" grep -q 'sealed until' "$WORK/shown"
check "  and nothing more" eval 'silent < "$WORK/shown"'
check "no file knows it, when the journal is read" wait_for 10 nowhere
check "to show it takes a reason" eval '! shows --reveal'
check "  which is asked for" grep -q -- '--reason' "$WORK/shown"
check "for a reason it is shown" shows --reveal --reason 'complaint 17'
check "  with all of it" eval 'grep -q "$ACCOUNT" "$WORK/shown" && grep -q "/secret-path" \
    "$WORK/shown" && grep -q "$CLI_IP4" "$WORK/shown"'
check "  and is on record" eval 'ctl audit show | grep incident.revealed | grep -q "complaint 17"'
check "the record does not tell it" nowhere

check "held for a complaint" ctl incidents hold "$CASE" --for 30d --reason 'complaint 17'
age_keys
restart_cordond
check "it outlives retention" shows --reveal --reason 'complaint 17'
check "  whole" grep -q "$ACCOUNT" "$WORK/shown"
check "the hold is told" eval 'shows && grep -q "held for: complaint 17" "$WORK/shown"'
check "released" ctl incidents release "$CASE" --reason 'complaint 17 is closed'
restart_cordond
check "its time is over" wait_for 5 destroyed
check "  nobody can be shown it" shows --reveal --reason 'too late'
check "  it is not there" grep -q 'Person  *destroyed' "$WORK/shown"
check "  nowhere" nowhere
check "  which is on record" eval 'ctl audit show | grep -q retention.destroyed'
check "a hold comes too late" eval '! ctl incidents hold "$CASE" --for 1d --reason late'
too_late() { ctl incidents hold "$CASE" --for 1d --reason late 2>&1 | grep -q destroyed; }
check "  and says so" too_late
check "the incident still counts" incident_count 1
