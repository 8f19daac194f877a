#!/bin/bash
# As framing_stored_test, with a pause behind the first head: storages answer many requests there,
# and what comes then is a body that they read over, or the client's next request.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_framing.sh"
framing_up
start_framing_storages
PAUSE=1

framing_cases "$WORK/clean"
check "what the storages write we have seen" differ stored
framing_cases "$WORK/known"
check "the known file is on none of them" differ stored --known "$WORK/known"
check "it was stopped" counted match_blocked 50
check "bodies behind a refused Expect were cut off" counted http_expect_refused
