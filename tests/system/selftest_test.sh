#!/bin/bash
# An operator asks whether known files are refused, and what his storage (nginx, WebDAV) has of
# them: before the Centre lists the vector, after it, and when somebody is missing.
. "$(dirname "$0")/_selftest.sh"
selftest_up

check "without the vector in a list the test says so" selftest_ends 4 --service photos
check "… and how to mend it" selftest_says "cordon-feed import --category test"
check "… and has removed what was stored" nothing_left
check "the Centre lists the vector" list_vector

check "the self-test is well" selftest_ends 0
cat "$WORK/selftest.log"
check "… with a clean file that goes through" selftest_says "clean control stored (201)"
check "… and a storage that abandons cut writes" selftest_says "The storage abandons cut writes."
check "nothing of it is on the storage" nothing_left
check "no temporary file either" [ -z "$(find "$WORK/tmp" -type f)" ]

check "nobody has a case for it" incident_count 0
ctl incidents list --tests > "$WORK/tests.log"
check "three vectors are on record" [ "$(grep -c 'block (LAB) (TEST)' "$WORK/tests.log")" = 3 ]
case_of=$(grep -om1 "$CASE_PATTERN" "$WORK/tests.log")
ctl incidents show "$case_of" --reveal --reason look > "$WORK/shown.log"
check "… of no person" [ -z "$(grep -F "$CLI_IP4" "$WORK/shown.log")" ]
check "… not even in the journal or the store" \
    [ -z "$(grep -rlaF cordon-selftest- "$WORK/state" "$WORK"/cordon.sqlite*)" ]
check "the trail has who asked" grep -q 'selftest.started' <(ctl audit show)
check "status says what the storage does" in_status "photos: ok"

ctl selftest --json > "$WORK/selftest.json"
check "the same as JSON" python3 -c 'import json, sys
(run,) = json.load(open(sys.argv[1]))["runs"]
ways = {way["way"]: way for way in run["verdict"]["ways"]}
assert run["verdict"]["result"] == "ok" and len(ways) == 4, run
assert ways["vector, over a file"]["left"] == "what was there before", run
assert all(way["on_record"] for name, way in ways.items() if name != "clean control"), run
' "$WORK/selftest.json"

stop_nginx
check "a storage that is away is no success" selftest_ends 3
stop_verifier
check "nor is a verifier that is away" selftest_ends 3
check "… which is said" selftest_says "cordon-verifier, which uploads the vector, is not there"
check "a service without a selftest says what it lacks" selftest_ends 8 --service photos-v6
check "and one that does not exist is refused" selftest_ends 1 --service nothing
