#!/bin/bash
# The verifier judges by lists under keys of their own, and by what is suspended, as the dataplane
# does: it is handed both, and without a key it judges nothing rather than call it clean.
. "$(dirname "$0")/_verifier.sh"
VERIFY="api = 'webdav', endpoint = 'http://$STO_IP4', credentials = '\$WORK/dav.credentials'"
sections=$(dirname "$ASK")/make_sections
need "$sections"
verifier_up start_nginx

random_file "$WORK/other" "$KNOWN_SIZE" 6
mkdir "$WORK/new"
"$sections" index "$WORK/state" "$WORK/new/index" "$WORK/known" "$WORK/other"
mv "$WORK/new/index" "$WORK/index.cdx"
put_there() { cp "$WORK/known" "$WORK/www/known$1" && cp "$WORK/other" "$WORK/www/other$1"; }
put_there 1
cp "$WORK/clean" "$WORK/www/clean"
start_verifier
ask /known1 /other1 /clean
check "what the first list has is deleted" comes_to /known1 deleted
check "… and gone" [ ! -e "$WORK/www/known1" ]
check "what the second has, too" comes_to /other1 deleted
check "the clean one stays" comes_to /clean clean

"$sections" suspend "$WORK/state" list1 1 0 3600
put_there 2
ask /known2 /other2
check "what is suspended stays" comes_to /known2 clean
check "… as it was" cmp "$WORK/known" "$WORK/www/known2"
check "the other list is still in force" comes_to /other2 deleted

# No key, no verdict.
mv "$WORK/state/node.key" "$WORK/new/"
"$sections" suspend "$WORK/state" list2 7 0 3600
put_there 3
ask /known3
check "without its key nothing is judged" wait_for 5 in_status 'no index is in force'
check "… and it is said why" grep -q 'the verifier is given no list: .*node.key' "$WORK/cordond.log"
check "… and it waits" came_to /known3 waiting
mv "$WORK/new/node.key" "$WORK/state/"
check "with the key it is found" comes_to /known3 deleted 30
check "three incidents and that one" incident_count 4
