#!/bin/bash
# What the appliance stands on is taken away while it runs: the journal, the whole state directory,
# the mount with the pinned maps. No match is answered as recorded when it is not, none is released,
# and with the place back everything goes on.
. "$(dirname "$0")/_cordon.sh"
cordon_up

unrecorded() {
    put "$URL4/unrecorded" "$WORK/known" || return 1
    [ "$(status_of_answer)" = 503 ] && ! grep -q "$CASE_PATTERN" "$WORK/answer.log"
}
recorded() { refused "$URL4/$1" "$WORK/known"; }
missed() {
    ctl status --json > "$WORK/status.log" || true
    python3 -c 'import json, sys
sys.exit(json.load(sys.stdin)["control"]["store"]["missing"] == 0)' < "$WORK/status.log"
}

check "a known file is refused and recorded" recorded first
check "    control has it" wait_for 5 incident_known "$CASE"
rm -rf "$WORK/state/journal"
check "without its journal: 503 and no case number" unrecorded
check "then it makes another one" wait_for 5 recorded second
check "    control has that" wait_for 5 incident_known "$CASE"
mv "$WORK/state/journal" "$WORK/away"
check "moved away: 503 and no case number" unrecorded
check "then another one" wait_for 5 recorded third
check "    control has that" wait_for 5 incident_known "$CASE"
check "what was lost with it is missed" wait_for 5 missed

mv "$WORK/state" "$WORK/state-away"
check "without the state directory: 503" unrecorded
check "    again" unrecorded
check "a clean file is stored" stored "$URL4/clean" "$WORK/clean"
mv "$WORK/state-away" "$WORK/state"
check "with it: recorded" wait_for 5 recorded fourth
check "    control has that" wait_for 5 incident_known "$CASE"

if [ "$PORT_KIND" = af_xdp ]; then
    umount -l "$WORK/bpf"
    check "with the maps' mount gone it is refused" recorded fifth
    stop_dataplane KILL
    check "the kernel bridges" stored "$URL4/bridged" "$WORK/clean"
    before=$(gap_bytes 1)
    start_dataplane "$WORK/state/active.options"
    check "the next one finds the maps in the programs: the gap is on record" \
        at_least $((before + KNOWN_SIZE)) gap_bytes 1
    check "and pins them again" [ -e "$WORK/bpf/deny" ]
    check "it refuses" wait_for 5 recorded sixth
fi
for name in unrecorded first second third fourth fifth sixth; do
    [ ! -e "$WORK/www/$name" ] || fail "$name is on the storage"
done
