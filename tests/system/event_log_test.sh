#!/bin/bash
# The event log of an appliance: incidents, a bypass, a death of the dataplane and what passed
# meanwhile, one line each; moved away by logrotate, and on a disk that is full for a while.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_metrics.sh"
eval "write_config_without_events() $(declare -f write_config | sed 1d)"
write_config() {
    write_config_without_events
    printf '[log]\nevents = "%s"\n' "$WORK/log/events.json" >> "$CONFIG"
}
eval "lab_up_without_log() $(declare -f lab_up | sed 1d)"
lab_up() {
    lab_up_without_log
    mkdir "$WORK/log"
    mount -t tmpfs -o size=64k cordon-log "$WORK/log"
    _lab_mounts="$_lab_mounts $WORK/log"
}
cordon_up
log=$WORK/log/events.json

# told FILE KEY=VALUE…   — how many whole lines of it have these.
told() {
    python3 -c 'import json, sys
wanted = dict(pair.split("=", 1) for pair in sys.argv[2:])
lines = [json.loads(line) for line in open(sys.argv[1])]
print(sum(wanted.items() <= {key: str(line[key]) for key in line}.items() for line in lines))' "$@"
}
is_told() { [ "$(told "$@")" = 1 ]; }

check "the known file is refused" refused "$URL4/known" "$WORK/known"
check "its incident is a line" wait_for 5 is_told "$log" event_type=incident case="$CASE" \
    action=block service=photos
check "no digest, address or path" eval \
    '! grep -E "$(cat "$WORK/known.txt")|$CLI_IP4|$STO_IP4|/known" "$log"'
ctl mode set photos observe --reason "a secret reason" > "$WORK/mode.log"
check "a change of mode is one" wait_for 5 is_told "$log" event_type=mode from=enforce to=observe
check "that it is on record as well" is_told "$log" event_type=audit action=mode.set
head=$(sed -n 's/.*"action":"mode.set".*"audit_head":"\([0-9a-f]*\)".*/\1/p' "$log")
check "with the head that the trail has" ctl audit verify --head "$head" > "$WORK/audit.log"
check "without its reason" eval '! grep secret "$log"'
ctl mode set photos enforce > "$WORK/mode.log"

stop_dataplane KILL
check "the end of the dataplane is one" wait_for 5 is_told "$log" action=dataplane to=down
put "$URL4/clean" "$WORK/clean"
start_dataplane "$WORK/state/active.options"
check "its return as well" at_least 2 told "$log" action=dataplane to=up
check "and what passed meanwhile" at_least 1 told "$log" event_type=coverage \
    service=photos reason=not_running

# As logrotate does.
mv "$log" "$log.1"
kill -HUP "$CORDOND_PID"
check "refused again" refused "$URL4/known2" "$WORK/known"
check "a new file is written after SIGHUP" wait_for 5 is_told "$log" case="$CASE"
check "and not the old one" eval '[ "$(told "$log.1" case="$CASE")" = 0 ]'
if command -v logrotate > /dev/null; then
    check "logrotate takes our rules" logrotate --debug "$ROOT/configs/cordon.logrotate" \
        2> "$WORK/rotate.log"
fi

# A new file has no page of its own to go on with.
dd if=/dev/zero of="$WORK/log/filler" bs=4k 2> "$WORK/dd.log" || true
mv "$log" "$log.2"
kill -HUP "$CORDOND_PID"
check "refused with a full disk" refused "$URL4/full" "$WORK/known"
disk_is_told() { ctl status | grep -q "event log cannot be written"; }
check "a full disk is told in status" wait_for 5 disk_is_told
check "uploads are still refused" refused "$URL4/full" "$WORK/known"
check "it is a metric" scrape_to
check "which says so" is cordon_events_fault 1
check "every value of status is one" complete
last=$CASE
rm "$WORK/log/filler"
check "with room again the last incident comes" wait_for 5 is_told "$log" case="$last"
incidents_told() {
    cat "$log" "$log.1" "$log.2" > "$WORK/all.json"
    told "$WORK/all.json" event_type=incident
}
check "all four are there" incident_count 4
every() { [ "$(incidents_told)" = 4 ]; }
check "and none is missing in the log, in whole lines" wait_for 5 every
content() { ! ctl status | grep "event log"; }
check "status is content" content
