#!/bin/bash
# cordond is killed at its system calls while it puts a configuration into force. Started again it
# has the old one or the new one, none without its record, and the audit trail is whole.
NOT_STARTED=1
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_aim.sh"
strace -qq -e trace=none true 2> /dev/null || skip "this machine lets nobody trace a process"
eval "write_plain_config() $(declare -f write_config | sed 1d)"
write_config() {
    LIMIT_LINES="assemblies_max = $((8192 + ${1:-0}))" write_plain_config
    printf '[operators]\napprovers = 2\n' >> "$CONFIG"
}
cordon_up
trail=$WORK/state/audit.jsonl

last() {
    ctl config history --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["configurations"][-1][sys.argv[1]])' "$1"
}
answers() { ctl mode show > /dev/null 2>&1; }
restart_cordond() {
    stop_cordond KILL
    rm -f "$WORK/run/cordond.sock"
    start_cordond "$CONFIG"
    wait_for 5 answers || fail "cordond does not answer"
}
# What the dataplane would start with is the configuration in force.
same_options() {
    "$BIN/cordonctl" config compile "$WORK/state/config/$(last hash).toml" \
        -o "$WORK/compiled.options" > "$WORK/compile.log" &&
        python3 -c 'import sys
# All but the header, which has the sum, and the number of the generation.
a, b = (open(name, "rb").read()[32:] for name in sys.argv[1:])
sys.exit(sum(x != y for x, y in zip(a, b)) > 8 or len(a) != len(b))' \
            "$WORK/compiled.options" "$WORK/state/active.options"
}

n=0 hits=0 new=0
# The record, the text, the list of what was approved, the options: each written, synced, moved.
for step in write:1 write:3 fsync:1 fsync:2 fsync:4 fsync:5 rename:1 rename:2 rename:3; do
    call=${step%:*} when=${step#*:}
    n=$((n + 1))
    before=$(last hash)
    write_config $n
    wanted=$(sha256sum "$CONFIG" | cut -d' ' -f1)
    aim $CORDOND_PID main $call $when
    ctl --timeout 2000 config propose > "$WORK/propose.log" 2>&1 || true
    hit $CORDOND_PID 1 && hits=$((hits + 1))
    restart_cordond
    now=$(last hash)
    [ "$now" != "$wanted" ] || new=$((new + 1))
    [ "$now" = "$before" ] || [ "$now" = "$wanted" ] || fail "$call $when: $now is in force"
    grep -q "\"ref\":\"config=$now\"" "$trail" || fail "$call $when: $now is not on record"
    python3 "$ROOT/tests/support/audit_check.py" "$trail" > "$WORK/check.log" ||
        ctl mode set photos enforce > "$WORK/mode.log" # the next record tells of what is torn
    python3 "$ROOT/tests/support/audit_check.py" "$trail" > "$WORK/check.log" 2>&1 ||
        fail "$call $when: the trail is broken: $(cat "$WORK/check.log")"
    same_options || fail "$call $when: active.options is another one"
done
say "        $hits of $n kills hit, $new of $n times the new one was in force"
check "most kills hit" [ $hits -ge 6 ]
check "before and after" [ $new -gt 0 ] && check "both were seen" [ $new -lt $n ]
check "cordonctl says that the trail is whole" ctl audit verify
