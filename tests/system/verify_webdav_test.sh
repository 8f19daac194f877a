#!/bin/bash
# Objects on a WebDAV storage that passed unjudged: a known one is found, recorded and deleted, and
# how long it was visible is on record; a clean one stays; nothing that matched is forgotten.
. "$(dirname "$0")/_verifier.sh"
VERIFY="api = 'webdav', endpoint = 'http://$STO_IP4', credentials = '\$WORK/dav.credentials'"
verifier_up start_nginx

cp "$WORK/known" "$WORK/www/known one"
cp "$WORK/clean" "$WORK/www/clean"
gzip -c "$WORK/known" > "$WORK/www/packed.gz"
mkdir "$WORK/www/forbidden"
cp "$WORK/known" "$WORK/www/forbidden/x"
ask '/known%20one?versioned=no' /clean /never-came /forbidden/x /
check "without a verifier it is said in status" wait_for 5 in_status 'cordon-verifier is not there'
start_verifier

check "the known object is found and deleted" comes_to '/known%20one?versioned=no' deleted
check "it is gone" [ ! -e "$WORK/www/known one" ]
case_of=$(verification case '/known%20one?versioned=no')
check "it is an incident" incident_known "$case_of"
shown=$(ctl incidents show "$case_of" --reveal --reason test --json)
said() { tr -d " " <<< "$shown" | grep -qF "$1"; }
check "… verified after write" said '"verified_after_write":true'
check "… whole, blocked, enforced" said '"status":"enforced"'
check "… of that account" said '"account":"alice"'
visible_for_some_seconds() {
    python3 -c 'import json, sys
seconds = json.loads(sys.argv[1])["visible_seconds"]
assert 0 < seconds < 60, seconds' "$shown"
}
check "… with the time it was visible" visible_for_some_seconds
check "which is in the log as well" \
    grep -qF "$case_of: deleted; it was visible for" "$WORK/cordond.log"
check "the clean object stays" comes_to /clean clean
check "… as it was" cmp "$WORK/clean" "$WORK/www/clean"
check "one that never came is gone" comes_to /never-came gone
check "a collection is no object, and nothing is done to it" comes_to / error
check "what the storage refuses is tried again" came_to /forbidden/x waiting
check "… and told in status" wait_for 5 in_status 'the storage answered GET with 403'
check "status counts what was verified" in_status '"deleted":1'
check "one incident, no more" incident_count 1
rm "$WORK/www/forbidden/x"
rmdir "$WORK/www/forbidden"

# A block of which nothing says that the storage let go of the object.
cp "$WORK/known" "$WORK/www/late"
ask block:/late
check "an unconfirmed block is looked after" comes_to /late deleted
check "… and leads to the case of the block" [ -n "$(verification unconfirmed_case /late)" ]
check "nothing of it is left" [ ! -e "$WORK/www/late" ]
