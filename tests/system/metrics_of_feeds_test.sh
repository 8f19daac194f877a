#!/bin/bash
# What an appliance that follows a feed tells of it, with the names of feeds and lists as the only
# labels that come from elsewhere.
. "$(dirname "$0")/_sync.sh"
. "$(dirname "$0")/_metrics.sh"
sync_up

check "the first set is taken" sync_feed
check "and in force" holds_generation 1
loaded() { scrape_to && is 'cordon_list_generation{list="centre"}' 1; }
check "the dataplane tells of its list" wait_for 5 loaded
check "they are right" lints
check "every value of status and coverage is one" complete
check "the generation is told" is 'cordon_feed_generation{feed="centre"}' 1
check "the list is in force" is 'cordon_list_state{list="centre",state="in force"}' 1
check "the grant holds" is 'cordon_grant_holds{feed="centre"}' 1
young() { [ "$(value 'cordon_feed_age_seconds{feed="centre"}')" -lt 120 ]; }
check "the feed is young" young
grant_end() { value 'cordon_grant_expires_timestamp_seconds{feed="centre"}'; }
ends_later() { [ "$(grant_end)" -gt "$(date +%s)" ]; }
check "the grant ends later" ends_later
check "no address of a mirror" eval '! grep -F "$CENTRE" "$WORK/metrics"'

ctl feed pause centre --until 1h --reason "a secret reason" > "$WORK/pause.log"
fresh
check "a pause is told" is 'cordon_feed_hold{feed="centre",kind="pause"}' 1
check "without its reason" eval '! grep secret "$WORK/metrics"'
check "still every value is one" complete
stop_mirror
ctl feed sync > "$WORK/sync.log" 2>&1 || true
fresh
failed() { [ "$(value 'cordon_feed_failures{feed="centre"}')" -ge 1 ]; }
check "failures are counted" failed
check "alarms as well" eval '[ "$(value "cordon_feed_alarms{feed=\"centre\"}")" -ge 1 ]'
