#!/bin/bash
# Whose word counts for a feed outside a lab: a copy that is late takes two persons, a list whose
# root the operator enrolled blocks only by two persons' word, and what is new here and hits three
# clients at once reports until somebody confirms it. Real users in their roles; the copy comes
# across an air gap, published three hours ago.
. "$(dirname "$0")/_sync.sh"
. "$(dirname "$0")/_people.sh"
need faketime

feed() { faketime -f -3h "$FEED" "$@" >> "$WORK/feed.log" 2>&1; }
write_two_person_config() {
    FEED_LINES='poll_seconds = 3600
curator = "Hotline of the test"
legal_basis = "contract 7"' write_feed_config
    sed -i '1d' "$CONFIG"  # lab = true
    write_operators >> "$CONFIG"
}

as_root() { ctl "$@" > "$WORK/said" 2>&1; }

lab_up
people_up
random_file "$WORK/known" "$KNOWN_SIZE" 1
start_nginx
begin_held_feed
write_two_person_config
start_cordon
wait_for 5 in_cli curl -s -o /dev/null --max-time 1 "$URL4/" || fail "the storage is not reached"
enrol "a contract"
cp -r "$WORK/feed/public" "$WORK/copy"  # what somebody carries across
chmod a+x "$WORK"
chmod -R a+rX "$WORK/copy"

# --- a late copy ---------------------------------------------------------------------------------

check "a late copy is refused by what it is" eval '! by $olga feed import centre "$WORK/copy" &&
    says "frozen: timestamp ended"'
word=$(grep -o 'behind its folder: [0-9a-f]*' "$WORK/said" | grep -o '[0-9a-f]*$')
check "a viewer imports nothing" ends 5 by $vera feed import centre "$WORK/copy" "$word"
check "root alone does not take it" ends 5 as_root feed import centre "$WORK/copy" "$word"
check "nor is another copy asked for" ends 1 by $olga feed import centre "$WORK/copy" 0123456789ab
check "an operator asks for it" ends 12 by $olga feed import centre "$WORK/copy" "$word" \
    --reason away
hash=$(hash_said)
check "and is told of when it is" says "although it is late"
check "it is not taken yet" eval 'ctl feed status | grep -q "in force *generation none"'
check "an operator approves nothing" ends 5 by $olga approve "$hash"
check "root is nobody's second person" ends 5 as_root approve "$hash"
check "exactly the same waits once" ends 1 by $anna feed import centre "$WORK/copy" "$word"
check "it is taken back" ends 0 by $olga reject "$hash" --reason "not yet"
check "an admin asks" ends 12 by $anna feed import centre "$WORK/copy" "$word" --reason away
hash=$(hash_said)
check "and cannot approve it himself" ends 5 by $anna approve "$hash"
check "a second one can" ends 0 by $bert approve "$hash"
check "both are on record" on_record "$bert *admin *feed.import.approved .*asked by $anna"
check "it is in force" holds_generation 1
check "status says that suspensions do not come within minutes" \
    in_feed "suspensions do not come within minutes"
check "in that of the appliance as well" eval 'ctl status | grep -qi "by hand"'
check "it was approved once" ends 1 by $bert approve "$hash"

# --- a root that the operator enrolled -----------------------------------------------------------

check "without a word for it the list only reports" alarm_says "two persons have to approve"
check "what it lists is stored" stored "$URL4/reported" "$WORK/known"
reported() { ctl incidents list --action report --json | grep -q '"action": *"report"'; }
check "and reported" wait_for 5 reported
check "root does not ask for more" ends 5 as_root feed trust centre --reason x
check "nor does a viewer" ends 5 by $vera feed trust centre --reason x
check "an admin asks" ends 12 by $anna feed trust centre --reason "contract signed"
hash=$(hash_said)
check "curator and legal basis are what is approved" \
    says "curator Hotline of the test, legal basis contract 7"
check "he cannot approve it himself" ends 5 by $anna approve "$hash"
check "another one can" ends 0 by $bert approve "$hash"
check "then it blocks" wait_for 10 refused "$URL4/known" "$WORK/known"
names="curator Hotline of the test, legal basis contract 7"
check "both are named in the status" in_feed "blocks by the word of $anna and $bert; $names"
named() { ctl incidents show "$CASE" --json | grep -q '"curator": *"Hotline of the test"'; }
check "in the incident" wait_for 5 named
in_statistics() {
    ctl status --json | tr -d ' \n' |
        grep -q '"lists":\[{"curator":"Hotlineofthetest","legal_basis":"contract7","list":"centre"'
}
check "and in the statistics" in_statistics
check "it is on record" wait_for 5 on_record "cordond .*feed.rights .*by the word of operators"
stop_cordond KILL
start_cordond "$CONFIG"
check "a restart keeps it" wait_for 5 in_feed "blocks by the word of $anna"
sed -i 's/contract 7/contract 8/' "$CONFIG"
check "another legal basis waits for two as well" ends 12 by $olga config propose --reason other
by $anna approve "$(hash_said)" > /dev/null || true
stop_cordond
start_cordond "$CONFIG"
check "and the word given was not for it" wait_for 5 alarm_says "two persons have to approve"
check "so that it only reports" wait_for 10 stored "$URL4/again" "$WORK/known"
check "an operator asks again" ends 12 by $olga feed trust centre
check "and it blocks again" eval 'by $anna approve "$(hash_said)" &&
    wait_for 10 refused "$URL4/known2" "$WORK/known"'

# --- newcomers -----------------------------------------------------------------------------------

# from N   — the known file, from the client's Nth address.
from() { "$1" "$URL4/from$2" "$WORK/known" --interface "10.99.0.$((100 + $2))"; }
for n in 1 2 3; do ip -n $CLI addr add "10.99.0.$((100 + n))/24" dev cli0; done
from refused 1 || true
from refused 2 || true
doubted() { alarm_says "newcomers: reference" && in_feed "it reports only until"; }
check "three clients of what is new here are an alarm" eval 'from refused 3 || true
    wait_for 10 doubted'
check "it reports only" wait_for 5 stored "$URL4/doubted" "$WORK/known"
check "a viewer confirms nothing" ends 5 by $vera feed confirm centre
check "an operator does" ends 0 by $olga feed confirm centre --reason "looked at it"
check "and it blocks again" wait_for 5 refused "$URL4/confirmed" "$WORK/known"
check "which is on record" on_record "$olga *operator *feed.confirmed"
check "three more clients change nothing" eval 'from refused 1 && from refused 2 &&
    from refused 3 && sleep 1 && from refused 1 && ! doubted'

# --- a complaint ---------------------------------------------------------------------------------

case_of=$CASE
known_case() { ctl incidents show "$case_of" --json > /dev/null 2>&1; }
check "the case is there" wait_for 5 known_case
check "a viewer suspends nothing" ends 5 by $vera suspend "$case_of" --for 1h --reason complaint
check "nor is it without an end" ends 2 by $olga suspend "$case_of" --reason complaint
check "nor for a case that is none" ends 1 by $olga suspend TEST-NONE --for 1h --reason complaint
check "an operator asks" ends 12 by $olga suspend "$case_of" --for 1h --reason "complaint 12"
hash=$(hash_said)
check "it goes on blocking meanwhile" refused "$URL4/before" "$WORK/known"
names_case() { grep -qF "case $case_of" "$WORK/said"; }  # which may end in any of *~$=
check "an admin approves what is named" eval 'names_case && by $anna approve "$hash"'
check "what it matched does nothing here" wait_for 5 stored "$URL4/suspended" "$WORK/known"
check "the feed says so" in_feed "and 1 here by"
check "and the case" eval 'ctl explain "$case_of" | grep -q "suspended here until"'
restart_cordond
check "a restart keeps it" wait_for 5 stored "$URL4/suspended2" "$WORK/known"
check "both are on record" wait_for 5 on_record "$anna *admin *suspension.approved .*asked by $olga"
check "an operator ends it" ends 0 by $olga suspend "$case_of" --end --reason "it was right"
check "and it blocks again" wait_for 5 refused "$URL4/after" "$WORK/known"
