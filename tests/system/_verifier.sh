# A storage with what was never judged in flight, cordond, and cordon-verifier beside the storage:
# no dataplane, its journal is written by ask_verify. `. "$(dirname "$0")/_verifier.sh"`, then set
# VERIFY (the keys of a service's `verify`), and `verifier_up [start_storage]`.

. "$(dirname "${BASH_SOURCE[0]}")/_cordon.sh"

VERIFIER_PID=
VERIFIER_SOCKET=
ASK=$(cd "$(readlink -f "$BIN")/.." && pwd)/tests/support/ask_verify

# What every service says, and [verifier].
eval "written_$(declare -f write_config)"
write_config() {
    printf 'user = verifier\npassword = secret\n' > "$WORK/dav.credentials"
    printf 'access_key = VERIFIERKEY\nsecret_key = not/so+secret\n' > "$WORK/s3.credentials"
    chmod 600 "$WORK"/*.credentials
    VERIFIER_SOCKET=$WORK/run/verifier/control.sock
    SERVICE_LINES="${SERVICE_LINES:-}
verify = { $(eval "echo \"$VERIFY\"" | sed "s/'/\"/g") }"
    written_write_config
    cat >> "$CONFIG" <<TEXT
[verifier]
socket = "$VERIFIER_SOCKET"
user = "root"
retry_seconds = 1
appear_seconds = ${APPEAR_SECONDS:-2}
confirm_seconds = 1
${VERIFIER_LINES:-}
TEXT
}

verifier_up() {
    need "$BIN/cordon-verifier" "$BIN/cordond" "$BIN/cordonctl" python3 curl "$ASK"
    lab_up
    random_file "$WORK/known" "$KNOWN_SIZE" 1
    random_file "$WORK/clean" "$KNOWN_SIZE" 2
    write_config
    write_index
    [ $# = 0 ] || "$@"
    start_cordond "$CONFIG"
}

start_verifier() {
    [ -n "${1:-}" ] || : > "$WORK/verifier.log"
    $IN_STO "$BIN/cordon-verifier" --socket "$VERIFIER_SOCKET" >> "$WORK/verifier.log" 2>&1 &
    VERIFIER_PID=$!
    _remember $VERIFIER_PID
}
stop_verifier() {
    _stop_pid $VERIFIER_PID ${1:-TERM}
    _forget $VERIFIER_PID
}

# ask TARGET…   — as a dataplane asks for objects that it could not judge.
ask() { "$ASK" "$WORK/state/journal" photos "${HOST:-10.99.0.2}" "$@" || fail "no record written"; }

# verification FIELD TARGET   — of the newest request for it.
verification() {
    ctl verify list --json | python3 -c 'import json, sys
for v in json.load(sys.stdin)["verifications"]:
    if v["target"] == sys.argv[2]:
        print(v[sys.argv[1]])
        break' "$@"
}
came_to() { [ "$(verification outcome "$1")" = "$2" ]; }
comes_to() { wait_for "${3:-30}" came_to "$1" "$2"; }
# Without a dataplane the state is `degraded`, so its exit status says nothing.
in_status() { (ctl status --json || true) | tr -d ' \n' | grep -qF "$(tr -d ' ' <<< "$1")"; }
