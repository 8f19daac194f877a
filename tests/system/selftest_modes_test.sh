#!/bin/bash
# A self-test tells why the vector was stored: the service observes, or is in bypass, or the upload
# went around this appliance.
. "$(dirname "$0")/_selftest.sh"
selftest_up
check "the Centre lists the vector" list_vector

ctl mode set photos observe --reason "system test" > /dev/null
check "in observe the vector is recorded and stored" selftest_ends 4
check "… and that is said" selftest_says "recorded, and stored as it is told to be"
check "… as tests, and as nobody's case" incident_count 0
ctl incidents list --tests > "$WORK/tests.log"
check "three of them" [ "$(grep -c 'observe (LAB) (TEST)' "$WORK/tests.log")" = 3 ]
check "what was stored is gone" nothing_left
ctl mode set photos enforce --reason "system test" > /dev/null

ctl bypass photos --for 10m --reason "system test" > /dev/null
check "in bypass it fails" selftest_ends 1
check "… and says how to end that" selftest_says "cordonctl bypass photos --end"
ctl bypass photos --end --reason "system test" > /dev/null
check "after that it is well" selftest_ends 0

# The verifier beside the storage: what it uploads does not pass the wire.
stop_verifier
IN_CLI=$IN_STO
start_verifier
check "an upload that goes around fails" selftest_ends 1
check "… because the dataplane says that it inspects" selftest_says "known files pass"
check "nothing stays on the storage" nothing_left
