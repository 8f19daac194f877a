#!/bin/bash
# A known file that hides behind odd framing: no request that nginx, Apache or HAProxy make of what
# the appliance lets through has it as its body.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_framing.sh"
framing_up
start_framing_servers

framing_cases "$WORK/known"
check "no server gets the known file" differ known --known "$WORK/known"
check "it was stopped" counted match_blocked 50
framing_cases "$WORK/known" "${FRAMING_SEED:-1}" "${FRAMING_MUTATIONS:-200}"
check "nor by mutations of the corpus" differ known --known "$WORK/known"
