# A PostgreSQL server of a test's own: below $WORK, of the user postgres, at a Unix socket only.
# It ends and goes with the test.

# postgres_up   — makes it and starts it; STORE_URL is its address, and that of the store.
postgres_up() {
    need_root
    POSTGRES_BIN=
    for _bin in /usr/lib/postgresql/*/bin; do [ ! -x "$_bin/initdb" ] || POSTGRES_BIN=$_bin; done
    [ -n "$POSTGRES_BIN" ] || skip "no PostgreSQL server is installed (scripts/setup-debian)"
    POSTGRES_DIR=$WORK/postgres
    mkdir -p "$POSTGRES_DIR"
    chown postgres: "$POSTGRES_DIR"
    _as_postgres "$POSTGRES_BIN/initdb" -N -A trust -U cordon -E UTF8 --locale=C \
        -D "$POSTGRES_DIR/data" > "$WORK/initdb.log" 2>&1 ||
        fail "initdb: $(cat "$WORK/initdb.log")"
    STORE_URL="postgresql://cordon@/postgres?host=$POSTGRES_DIR"
    CONTROL_LINES="store = \"$STORE_URL\""
    start_postgres
}
_as_postgres() {
    env -C "$POSTGRES_DIR" setpriv --reuid postgres --regid postgres --clear-groups "$@"
}

start_postgres() {
    # Of one that was killed; its number may be somebody else's by now.
    rm -f "$POSTGRES_DIR"/data/postmaster.pid "$POSTGRES_DIR"/.s.PGSQL.*
    # What it shares in memory goes with it, however it ends: a kill would leave it on the machine.
    unshare --ipc env -C "$POSTGRES_DIR" \
        setpriv --reuid postgres --regid postgres --clear-groups \
        "$POSTGRES_BIN/postgres" -D "$POSTGRES_DIR/data" -k "$POSTGRES_DIR" \
        -c listen_addresses= -c shared_buffers=16MB -c dynamic_shared_memory_type=mmap \
        >> "$WORK/postgres.log" 2>&1 &
    POSTGRES_PID=$!
    _remember $POSTGRES_PID
    wait_for 20 sql 'SELECT 1' || fail "PostgreSQL did not start: $(tail -n 3 "$WORK/postgres.log")"
}

# signal_postgres SIGNAL   — to all of its processes.
signal_postgres() {
    local -a children
    read -ra children -d '' < <(cat /proc/$POSTGRES_PID/task/*/children) || true
    kill -s "$1" $POSTGRES_PID "${children[@]}" || true
}

# stop_postgres [SIGNAL]   — KILL ends all of it at once, as a power cut would.
stop_postgres() {
    [ "${1:-}" != KILL ] || signal_postgres KILL
    _stop_pid $POSTGRES_PID ${1:-INT}
    _forget $POSTGRES_PID
    POSTGRES_PID=
}

# sql QUERY   — its values, one row a line.
sql() { "$POSTGRES_BIN/psql" -qAtX "$STORE_URL" -c "$1" 2> /dev/null; }
