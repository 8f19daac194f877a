#!/bin/bash
# A Centre whose documents none of our code made: built and signed by the TUF project's own models
# (tests/support/javascript/feed_centre.js). The appliance follows it through generations, a
# suspension, two new roots and new online keys, and refuses what the rules of TUF refuse; the TUF
# project's own client is asked the same questions.
. "$(dirname "$0")/_sync.sh"
need node
export NODE_PATH=$ROOT/build/javascript/node_modules
[ -e "$NODE_PATH/tuf-js" ] ||
    skip "no JavaScript clients in build/javascript (npm or its registry was not there)"
need "$BIN/cordon-dataplane" "$BIN/cordond" "$BIN/cordonctl" python3 curl

lab_up
random_file "$WORK/known" "$KNOWN_SIZE" 1
random_file "$WORK/clean" "$KNOWN_SIZE" 2
start_nginx
start_centre

# All that cordon-feed is needed for: three generations of sealed records. What is served is theirs.
SEALER=$WORK/sealer
list_also "$WORK/known"
take_list
release
list_also "$WORK/clean"
take_list
release
mv "$WORK/feed" "$SEALER"
mkdir "$WORK/feed"
centre() {
    node "$ROOT/tests/support/javascript/feed_centre.js" "$WORK/centre.json" "$SEALER/public" \
        "$WORK/feed/public" "$@" 2> "$WORK/centre.log" || fail "$(cat "$WORK/centre.log")"
}
centre init generation 1 publish
cp "$WORK/feed/public/metadata/1.root.json" "$WORK/root.json"

write_feed_config
start_cordon
key=$(ctl feed enrol centre --json | sed -n 's/.*"key": *"\([0-9a-f]*\)".*/\1/p')
feed enrol "$SEALER" box-1 --node-key "$key" --legal-basis "system test"
feed grant "$SEALER" box-1
cp -r "$SEALER/public/grants" "$WORK/feed/public/"

# The other client, from the box as well; its trust is kept from call to call.
other_client() {
    $IN_BOX env NODE_EXTRA_CA_CERTS="$WORK/ca.pem" node \
        "$ROOT/tests/support/javascript/feed_client.js" "https://$CENTRE" "$WORK/root.json" \
        "$WORK/other-client" > "$WORK/other-client.said" 2>&1
}
not() { ! "$@"; }
# A shell that is told to end at errors does not see one that it expects.
sync_is_refused() { if ctl feed sync centre > "$WORK/sync.log" 2>&1; then return 1; fi; }

check "the first set is taken" sync_feed
check "and in force" holds_generation 1
check "the other client takes it, too" other_client
check "what is not listed is stored" wait_for 5 stored "$URL4/early" "$WORK/known"

centre generation 2 publish
check "a delta is taken" sync_feed
check "and in force" holds_generation 2
check "what it lists is refused" wait_for 5 refused "$URL4/known" "$WORK/known"
is_of_feed() { ctl incidents show "$CASE" --json | grep -q '"centre"'; }
check "as the feed's" wait_for 5 is_of_feed
reference=$(ctl incidents show "$CASE" --json | python3 -c 'import json, sys
print(int(json.load(sys.stdin)["matches"][0]["reference"], 16))')
centre suspend "$reference" publish
check "a suspension is taken" sync_feed
check "and what it names passes" wait_for 5 stored "$URL4/known" "$WORK/known"

centre rotate-root rotate-root publish
check "two new roots are followed" sync_feed
centre rotate-online publish
check "and new online keys" sync_feed
check "as the other client does" other_client
check "to the root of the last of them" grep -qx 'root 4' "$WORK/other-client.said"

# --- what must not be followed: generation 3 is out, and never comes into force by it ------------

centre generation 3
refuses() {
    check "refused: $1" sync_is_refused
    check "its alarm" alarm_says "$2"
    check "the last good generation stays" holds_generation 2
}
check "the suspension has been in force" in_feed "suspended     1"
for bad in one-curator on-call top-level altered; do
    centre publish-bad $bad
    refuses "$bad" "releases forged"
    check "the other client agrees" not other_client
done
centre publish-bad other-paths
refuses "a delegate that may speak of everything" "malformed targets: a delegation of other paths"
centre publish-bad no-consistent-names
refuses "targets under their plain names" "release 3: unreachable"
check "the other client agrees" not other_client

centre steal-root publish
refuses "a root that only its own keys signed" "forged: root, by the old keys, has 0 of 3"
check "the other client agrees" not other_client
rm "$WORK/feed/public/metadata/5.root.json"
check "what the suspension names still passes" stored "$URL4/known" "$WORK/known"
check "and generation 3 has not come" stored "$URL4/clean" "$WORK/clean"

centre rotate-root publish
check "when all is right again, it is followed" sync_feed
check "to generation 3" holds_generation 3
check "by the other client as well" other_client
check "what it lists is refused" wait_for 5 refused "$URL4/clean" "$WORK/clean"
