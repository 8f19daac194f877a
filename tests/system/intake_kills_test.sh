#!/bin/bash
# cordond is killed at its system calls while it takes the journal into its store: where it reads,
# writes, syncs, commits, deletes a segment. Started again it has every record exactly once, and the
# segments that are stored are gone.
#
#   INTAKE_KILLS=12   how many of those steps, spread over all of them
NOT_STARTED=1
. "$(dirname "$0")/_cordon.sh"
kills=${INTAKE_KILLS:-12}
fill=$ROOT/build/release/tests/support/fill_journal
need strace "$fill"
strace -qq -e trace=none true 2> /dev/null || skip "this machine lets nobody trace a process"
start_cordon() { :; }
cordon_up

records=600 segments=13 calls=pread64,pwrite64,fdatasync,fsync,unlink,ftruncate
"$fill" "$WORK/filled" $records 163840
made=$(find "$WORK/filled" -name 'incident*' | wc -l)
check "the journal has $segments segments" [ "$made" = $segments ]

fresh() {
    rm -rf "$WORK"/cordon.sqlite* "$WORK/state/journal" "$WORK/run/cordond.sock"
    cp -r "$WORK/filled" "$WORK/state/journal"
}
# traced [option of strace]…   — cordond from its start until it is killed, or has taken all.
traced() {
    strace -qq -f -e trace=$calls -e signal=none "$@" \
        "$BIN/cordond" --config "$CONFIG" >> "$WORK/traced.log" 2>&1 &
    local tracer=$!
    _remember $tracer
    wait_for 20 _over $tracer || fail "cordond takes no records under strace"
    for pid in $(cat /proc/$tracer/task/$tracer/children 2> /dev/null); do kill -TERM $pid; done
    status=0
    wait $tracer 2> /dev/null || status=$?
    _forget $tracer
}
_over() { ! kill -0 $1 2> /dev/null || _has_all; }
_store() {
    python3 -c 'import sqlite3, sys
store = sqlite3.connect("file:%s/cordon.sqlite?mode=ro" % sys.argv[1], uri=True)
print(*store.execute(sys.argv[2]).fetchone())' "$WORK" "$1" 2> /dev/null
}
_has_all() { [ "$(_store 'SELECT count(*) FROM incident')" -ge $records ]; }
_clean() { [ "$(find "$WORK/state/journal" -name 'incident*' | wc -l)" = 1 ]; }

fresh
traced -o "$WORK/calls.out"
for call in ${calls//,/ }; do
    total=$(grep -c "$call(" "$WORK/calls.out" || true)
    eval "total_$call=$total"
    say "        $call: $total"
done
kill_at() {
    local call=$1 n=$2
    fresh
    traced -o "$WORK/calls.out" -e "inject=$call:signal=KILL:when=$n"
    [ $status = 137 ] || return 0 # another thread does some of these calls
    hits=$((hits + 1))
    rm -f "$WORK/run/cordond.sock"
    start_cordond "$CONFIG"
    wait_for 10 _has_all || fail "$call $n: has $(_store 'SELECT count(*) FROM incident')"
    wait_for 5 _clean || fail "$call $n: $(ls "$WORK/state/journal")"
    stop_cordond
    local found
    found=$(_store 'SELECT (SELECT count(*) FROM incident), count(*), count(DISTINCT sequence),
        max(sequence), (SELECT count(*) FROM fault), (SELECT count(*) FROM odd_record) FROM record')
    [ "$found" = "$records $records $records $records 0 0" ] || fail "$call $n: $found"
}
RANDOM=${INTAKE_SEED:-1}
hits=0 tries=0
while [ $hits -lt $kills ]; do
    for call in pwrite64 fdatasync unlink pread64 pwrite64 ftruncate fsync; do
        eval "total=\$total_$call"
        [ "$total" -gt 0 ] && [ $hits -lt $kills ] || continue
        kill_at $call $((1 + RANDOM % total))
        tries=$((tries + 1))
        [ $tries -le $((4 * kills)) ] || fail "of $tries kills only $hits hit"
    done
done
say "  ok    every record once after each of $hits kills"
