#!/bin/bash
# Incidents on a PostgreSQL server, which is killed in the middle of uploads, frozen and started
# again; cordond is killed as well. Every block is refused all the time and on record once, who asks
# for what needs no store is answered, and two boxes in one database see their own.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_postgres.sh"
fill=$ROOT/build/release/tests/support/fill_journal
need "$fill"
WITH_POSTGRES=1
cordon_up

in_table() { [ "$(sql 'SELECT count(*) FROM incident')" = "$1" ]; }
once() {
    [ "$(sql "SELECT count(*) || ' ' || count(DISTINCT case_number) FROM incident
        WHERE node = 'TEST'")" = "$1 $1" ]
}
blocks=0
# block N   — so many uploads; each must be refused, whatever becomes of the store.
block() {
    local n
    for n in $(seq "$1"); do
        refused "$URL4/secret-path-$blocks" "$WORK/known" || return 1
        blocks=$((blocks + 1))
    done
}
# fault   — "True" while status tells that the store does not answer.
fault() {
    ctl status --json | python3 -c 'import json, sys
print("error" in json.load(sys.stdin)["control"]["store"])'
}
store_is_at_fault() { [ "$(fault)" = True ]; }
store_is_well() { [ "$(fault)" = False ]; }
# Not what a person would call at once, but far from the seconds that a server may take.
answers() {
    local began
    began=$(date +%s%N)
    ctl status > "$WORK/status.log" 2>&1 || [ $? = 4 ] || return 1 # it needs attention
    grep -q photos "$WORK/status.log" && [ $((($(date +%s%N) - began) / 1000000)) -lt 1500 ]
}

check "a known file is refused" block 1
check "its incident is on the server" wait_for 10 in_table 1
check "  where cordonctl finds it" wait_for 5 incident_known "$CASE"
check "no file of SQLite was made for it" [ ! -e "$WORK/cordon.sqlite" ]
sealed() {
    sql CHECKPOINT
    ! grep -rqaF secret-path "$POSTGRES_DIR" && grep -rqaF "$CASE" "$POSTGRES_DIR/data"
}
check "the server's files tell nothing of a person, its log included" sealed
check "who may is shown it" eval 'ctl incidents show "$CASE" --reveal --reason test |
    grep -q secret-path-0'

check "uploads are refused" block 3
stop_postgres KILL
check "  and while the server is away" block 4
check "that is told" wait_for 15 store_is_at_fault
warns() { ! ctl check > "$WORK/check.log" && grep -q store "$WORK/check.log"; }
check "  to Nagios as well" warns
check "status is answered" answers
check "the mode can be changed" ctl mode set photos observe --reason test
check "  and back" ctl mode set photos enforce
start_postgres
check "the server is back: nothing is lost" wait_for 40 in_table 8
check "  nothing is there twice" once 8
check "  and nothing is told any more" wait_for 20 store_is_well

signal_postgres STOP
check "frozen, with its connections open: refused" block 2
check "status is answered" answers
check "  and again" answers
signal_postgres CONT
check "thawed: nothing is lost" wait_for 40 in_table 10

check "uploads" block 2
stop_cordond KILL
rm -f "$WORK/run/cordond.sock"
stop_postgres KILL
check "cordond and server are dead: refused" block 2
start_cordond "$CONFIG"
check "cordond starts without its server" answers
check "  and says so" wait_for 10 store_is_at_fault
start_postgres
check "each block is there once" wait_for 40 once 14
check "  and cordonctl tells all" wait_for 10 _incident_count 14

# A second box: no dataplane, a journal of its own.
other_config=$WORK/other.toml
mkdir -p "$WORK/other/journal"
sed "s,\"TEST\",\"NEXT\",; s,$WORK/state,$WORK/other,; s,$WORK/run,$WORK/other,
    s,$WORK/cordon.sqlite,$WORK/other.sqlite," "$CONFIG" > "$other_config"
"$fill" "$WORK/other/journal" 30 4096
start_background other "$BIN/cordond" --config "$other_config"
other() { "$BIN/cordonctl" --config "$other_config" "$@"; }
check "a second box shares the database" wait_for 20 in_table 44
sees_own() {
    other incidents list --limit 100 --json | python3 -c 'import json, sys
nodes = [one["node"] for one in json.load(sys.stdin)["incidents"]]
sys.exit(nodes != ["NEXT"] * 30)'
}
check "  and sees its own incidents" wait_for 10 sees_own
check "  and cannot show the other's" eval '! other incidents show "$CASE"'
check "the first sees its own" _incident_count 14
sed "s,\"TEST\",\"NEXT\"," "$CONFIG" > "$WORK/twin.toml"
sed -i "s,$WORK/run,$WORK/twin,; s,$WORK/state,$WORK/twin,; s,$WORK/cordon.sqlite,$WORK/t.sqlite," \
    "$WORK/twin.toml"
mkdir -p "$WORK/twin"
check "a third that takes the second's name is refused" eval \
    '! "$BIN/cordond" --config "$WORK/twin.toml" > "$WORK/twin.log" 2>&1'
check "  and told why" grep -q 'another box that is called NEXT' "$WORK/twin.log"

# No password anywhere.
sed "s,cordon@/postgres,cordon:S3CRET@/postgres," "$CONFIG" > "$WORK/secret.toml"
cp "$CONFIG" "$WORK/kept.toml"
check "an address with a password is refused" eval \
    '! ctl config check "$WORK/secret.toml" > "$WORK/secret.log" 2>&1'
check "  with the reason" grep -q passfile "$WORK/secret.log"
cp "$WORK/secret.toml" "$CONFIG"
ctl config diff >> "$WORK/secret.log" 2>&1 || true
ctl config propose --reason test >> "$WORK/secret.log" 2>&1 || true
ctl reload >> "$WORK/secret.log" 2>&1 || true
ctl status --json >> "$WORK/secret.log" 2>&1 || true
cp "$WORK/kept.toml" "$CONFIG"
nowhere() { ! grep -rqaF S3CRET "$WORK/secret.log" "$WORK/cordond.log" "$WORK/state"; }
check "  and stands nowhere" nowhere
