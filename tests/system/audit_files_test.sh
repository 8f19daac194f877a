#!/bin/bash
# An audit trail that has filled its file goes on in another one. cordond is killed at each system
# call of that; started again it goes on, and the chain is whole over all files. What somebody does
# to a closed file is named, and ends every change.
NOT_STARTED=1
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_aim.sh"
strace -qq -e trace=none true 2> /dev/null || skip "this machine lets nobody trace a process"
cordon_up
trail=$WORK/state/audit.jsonl
full=$((16 << 20))

# recorded REASON   — a change of which the dataplane, which is not there, knows nothing yet.
recorded() {
    ctl mode set photos enforce --reason "$1" > "$WORK/said" 2>&1 || [ $? = 4 ]
}
answers() { ctl mode show > /dev/null 2>&1; }
restart_cordond() {
    stop_cordond KILL
    rm -f "$WORK/run/cordond.sock"
    start_cordond "$CONFIG"
    wait_for 10 answers || fail "cordond does not answer"
}
# Files other than the one that is written to.
closed() { find "$WORK/state" -name 'audit-*.jsonl' | sort; }
whole() {
    python3 "$ROOT/tests/support/audit_check.py" "$trail" > "$WORK/check.log" 2>&1 &&
        ctl audit verify > "$WORK/verify.log" 2>&1
}
wait_for 5 answers || fail "cordond does not answer"
stop_cordond

# The second name, the folder, the file that follows: each made, written, synced, moved.
n=0 hits=0
for step in link:1 fsync:2 rename:1 fsync:3; do
    call=${step%:*} when=${step#*:}
    n=$((n + 1))
    python3 "$ROOT/tests/support/fill_audit.py" "$trail" $full
    restart_cordond
    aim $CORDOND_PID main $call $when
    ctl --timeout 2000 mode set photos enforce --reason "step $n" > "$WORK/set.log" 2>&1 || true
    hit $CORDOND_PID 1 && hits=$((hits + 1))
    restart_cordond
    recorded "behind step $n" ||
        fail "$call $when: nothing is recorded any more: $(cat "$WORK/said")"
    [ "$(stat -c %s "$trail")" -lt $full ] || fail "$call $when: the file was not closed"
    stop_cordond
done
say "        $hits of $n kills hit"
check "most kills hit" [ $hits -ge 3 ]
check "a file was closed each time" [ "$(closed | wc -l)" = $n ]

restart_cordond
check "the chain is whole over all of them" whole
check "the newest are shown" eval 'ctl audit show --limit 3 > "$WORK/said" &&
    grep -q "behind step $n" "$WORK/said"'
check "and those of long ago, page by page" eval 'ctl audit show --did mode --limit 100 \
    > "$WORK/said" && grep -q "behind step 1 *$" "$WORK/said" &&
    grep -q "behind step 4" "$WORK/said"'
check "status tells how many files there are" grep -q "\"files\":$((n + 1))" <(ctl status --json)
first=$(closed | head -n 1)
head=$(sed -n '2s/.*"hash":"\([0-9a-f]*\)"}$/\1/p' "$first")
check "a head of the first file is still in it" ctl audit verify --head "$head"

# --- closed files --------------------------------------------------------------------------------

# named WORDS   — by `audit verify`, and by a cordond that is started: it changes nothing any more.
named() {
    ! ctl audit verify > "$WORK/said" 2>&1 && grep -q "$1" "$WORK/said" || return 1
    restart_cordond
    wait_for 20 refuses
}
refuses() {
    ! recorded x && grep -q broken "$WORK/said"
}
second=$(closed | sed -n 2p) third=$(closed | sed -n 3p)
mv "$second" "$WORK/kept"
check "a file that is gone is named" named "are missing: a file is gone"
mv "$third" "$second"
check "one in the place of another" named "does not follow record"
mv "$second" "$third"
mv "$WORK/kept" "$second"
cp "$first" "$WORK/kept"
sed -i '7s/"uid":[0-9]*/"uid":9/' "$first"
check "a record that was changed" named "${first##*/}: line 7 is no record"
cp "$WORK/kept" "$first"
printf '{"seq":99,"time' >> "$first"
check "a torn end" named "it was closed"
cp "$WORK/kept" "$first"
restart_cordond
check "with all of them as they were it goes on" eval 'whole && recorded "as it was"'
