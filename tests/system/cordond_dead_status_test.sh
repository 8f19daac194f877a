#!/bin/bash
# Without cordond the dataplane goes on blocking, cordonctl status still answers, and when cordond
# is back every incident is there exactly once.
. "$(dirname "$0")/_cordon.sh"
cordon_up

check "refused with cordond" refused "$URL4/known" "$WORK/known"
check "its incident is there" incident_count 1
stop_cordond KILL
check "refused without cordond" refused "$URL4/known" "$WORK/known"
check "nothing is stored" no_trace known
ctl status > "$WORK/status" 2>&1 || status=$?
check "status says that it needs attention (exit ${status:-0})" [ "${status:-0}" -ne 0 ]
check "status still knows the dataplane" grep -qi dataplane "$WORK/status"
check "status says that cordond is away" grep -qi cordond "$WORK/status"
start_cordond "$CONFIG"
check "both incidents are there" incident_count 2
stop_cordond KILL
start_cordond "$CONFIG"
check "they are still two" incident_count 2
check "the last case is one of them" incident_known "$CASE"
