#!/bin/bash
# From the Centre to the wire: an appliance enrols, follows a feed over TLS, blocks what a delta
# lists and lets it pass again when it is revoked. A mirror that is gone, another's certificate, and
# a cordond that is killed in the middle leave the last good generation in force.
. "$(dirname "$0")/_sync.sh"
sync_up

check "the first set is taken" sync_feed
check "and in force" holds_generation 1
check "what is not listed is stored" stored "$URL4/early" "$WORK/known"

list_also "$WORK/known"
take_list
release
check "a delta is taken" sync_feed
check "by its few bytes" wait_for 5 grep -q 'GET /targets/delta/' "$WORK/mirror-access.log"
check "it is in force" holds_generation 2
check "what it lists is refused" wait_for 5 refused "$URL4/known" "$WORK/known"
check "as the feed's" wait_for 5 is_of_feed "$CASE"

reference=$(reference_of "$CASE")
revoke "$reference" "a complaint"
began=$(date +%s%N)
check "a revocation is taken" sync_feed
check "and it passes again" wait_for 5 stored "$URL4/known" "$WORK/known"
check "within 5 seconds" [ $((($(date +%s%N) - began) / 1000000)) -lt 5000 ]
check "the history says so" grep -q "suspended: reference $reference: a complaint" \
    <(ctl feed history centre)

stop_mirror
exit_of_sync() { ctl feed sync centre > /dev/null 2>&1 && echo 0 || echo $?; }
check "a mirror that is gone is an alarm" [ "$(exit_of_sync)" = 4 ]
check "which says why" alarm_says "unreachable: https://$CENTRE"
check "in the status of the appliance as well" grep -q 'feed centre: unreachable' <(ctl status)
check "the last good generation stays" holds_generation 2
start_mirror
check "when it is back all is well" sync_feed

# A full set that takes long, and a kill while it comes.
stop_mirror
LIMIT_RATE=8000 start_mirror
partial() { ls -A "$WORK/state/feeds/centre/partial"; }
some_came() { [ -n "$(find "$WORK/state/feeds/centre/partial" -type f -size +0)" ]; }
python3 -c "import hashlib
for n in range(4000): print(hashlib.sha256(b'item %d' % n).hexdigest())" > "$WORK/list"
list_also "$WORK/clean"
take_list
release
ctl feed sync centre > /dev/null 2>&1 &
wait_for 20 some_came || true
stop_cordond KILL
check "the beginning of the target is kept" some_came
start_cordond "$CONFIG"
check "after a kill the last generation is in force" wait_for 5 in_feed "generation 2,"
check "and the suspension too" stored "$URL4/known" "$WORK/known"
check "the rest is taken" sync_feed
check "by a range" wait_for 5 grep -q 'GET /targets/.*" 206 ' "$WORK/mirror-access.log"
check "and it is in force" holds_generation 3
check "what it lists is refused" wait_for 5 refused "$URL4/clean" "$WORK/clean"
check "nothing of it is left behind" [ -z "$(partial)" ]

check "a pause needs a reason" eval '! ctl feed pause centre --until 1d 2> /dev/null'
check "and ends within 7 days" eval '! ctl feed pause centre --until 8d --reason x 2> /dev/null'
check "a pause" ctl feed pause centre --until 1d --reason "a test" > "$WORK/pause.log"
printf 'another' | sha256sum | cut -d' ' -f1 >> "$WORK/list"
take_list
release
sync_feed || true
check "holds releases back" holds_generation 3
check "and is told" in_feed PAUSED
check "it ends" ctl feed resume centre > "$WORK/pause.log"
sync_feed || true
check "and they come" holds_generation 4

stop_cordond
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other \
    -keyout "$WORK/other.key" -out "$WORK/other.pem" 2>> "$WORK/feed.log"
CA=$WORK/other.pem write_feed_config
start_cordond "$CONFIG"
sync_feed || true
check "a mirror under another CA is not believed" alarm_says "certificate"
check "and the dataplane goes on" refused "$URL4/clean" "$WORK/clean"
