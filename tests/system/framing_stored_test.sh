#!/bin/bash
# Storages that write what they take: every file that nginx, Apache, or nginx behind HAProxy made of
# the corpus is the body of a request as we framed it, and none is the known file.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_framing.sh"
framing_up
start_framing_storages

framing_cases "$WORK/clean"
check "what the storages write we have seen" differ stored
framing_cases "$WORK/known"
check "the known file is on none of them" differ stored --known "$WORK/known"
check "it was stopped" counted match_blocked 50
