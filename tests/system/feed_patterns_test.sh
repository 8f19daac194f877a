#!/bin/bash
# From the Centre to the wire: a page with an address that a feed lists is stored and reported, with
# the feed's own reference, and no more when that is revoked or withdrawn. Perceptual hashes are
# carried, counted and said not to be matched. Nothing of either lies open in the feed's folder.
. "$(dirname "$0")/_sync.sh"

ADDRESS='http://files.example/known/17?a=1#top'
page() {
    echo "<!DOCTYPE html><title>links</title><p><a href=\"$1\">one</a>"
    yes 'nothing else to see here' | head -n 400
}
last_incident() {
    ctl incidents --json | python3 -c 'import json, sys
found = json.load(sys.stdin)
found = found["incidents"] if isinstance(found, dict) else found
print(max(found, key=lambda one: one["time"])["case"])'
}
says() { ctl incidents show "$CASE" --json | tr -d ' \n' | grep -qF -- "$1"; }
feed_says() { "$FEED" "$@" > "$WORK/said" 2>&1; }
said() { grep -qF -- "$1" "$WORK/said"; }

sync_up
page "$ADDRESS" > "$WORK/page.html"
check "the first set is taken" sync_feed
check "a page with the address is stored" stored "$URL4/early.html" "$WORK/page.html"

echo "pattern: $ADDRESS" >> "$WORK/list"
take_list
feed_says diff "$WORK/feed"
check "the publisher says what it would be" eval 'grep -qE "baseline +pattern +1 +0" "$WORK/said"'
check "it is not listed before targets allow it" eval '! feed stage "$WORK/feed"'
check "which says so" grep -q 'targets does not allow pattern' "$WORK/feed.log"
{ echo pdq,distance
  printf '%032d%s,12\n' 0 ffffffffffffffffffffffffffffffff
  printf '%s%032d,\n' ffffffffffffffffffffffffffffffff 0
} > "$WORK/pictures.csv"
feed import "$WORK/feed" "$WORK/pictures.csv" --source studies --purpose known-csam --full \
    --columns pdq=pdq,distance=distance --category baseline --system "$WORK/system" \
    --dpkg "$WORK/none"
feed caps "$WORK/feed" --allow pattern --allow pdq
approve targets1 targets3
release
check "the publisher's folder is sound" feed_says verify "$WORK/feed"
check "the delta is taken" sync_feed
check "and in force" holds_generation 2
check "what it holds is said" in_feed "1 pattern; 2 perceptual, not matched by this version"
open_in() { grep -rlF -- "$1" "$WORK/state/feeds" "$WORK/feed/public"; }
check "no text lies open on a mirror, or in the feed's folder here" eval '! open_in "$ADDRESS"'

listed() { ctl status --json | tr -d ' \n' | grep -q '"pattern":{"indicators":1,'; }
check "the dataplane has it" wait_for 5 listed
check "a page with the address is stored" stored "$URL4/page.html" "$WORK/page.html"
check "byte for byte" cmp "$WORK/page.html" "$WORK/www/page.html"
check "and reported" incident_count 1
CASE=$(last_incident)
check "as a report" says '"action":"report"'
check "by a pattern" says '"kinds":["pattern"]'
check "of this feed" is_of_feed "$CASE"
reference=$(reference_of "$CASE")
check "whose number leads back to it" feed_says why "$WORK/feed" "$reference"
check "and to its text" said "pattern: $ADDRESS"

revoke "$reference" "a complaint"
check "a revocation is taken" sync_feed
suspended() { ctl status --json | tr -d ' \n' | grep -q '"suspensions":{[^}]*"in_force":1[,}]'; }
check "the dataplane has it" wait_for 5 suspended
check "a page with the address is stored" stored "$URL4/again.html" "$WORK/page.html"
check "the match does nothing" counted match_suspended
check "and nothing more is reported" incident_count 1

feed withdraw "$WORK/feed" "$reference" --reason "a mistake"
feed revoke "$WORK/feed" --key "$WORK/feed/keys/oncall1.key" --reference "$reference" --lift
release
check "a release without it is taken" sync_feed
check "and in force" holds_generation 3
check "it has no pattern" in_feed "2 perceptual, not matched by this version"
gone() { ! listed; }
check "the dataplane has none" wait_for 5 gone
check "a page with the address is stored" stored "$URL4/last.html" "$WORK/page.html"
check "and not reported" incident_count 1
