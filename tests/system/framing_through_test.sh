#!/bin/bash
# Odd framing that is well-formed flows: what nginx, Apache and HAProxy take of the corpus from the
# client itself, they take through the appliance.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_framing.sh"
framing_up
start_framing_servers

framing_cases "$WORK/clean"
check "the servers take the cases" differ direct
check "and the same through the appliance" differ through
check "a 101 of Apache, to h2c, was cut" counted http_upgrade_refused
