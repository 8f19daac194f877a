# An appliance that follows a feed and can test itself: `. "$(dirname "$0")/_selftest.sh"`, then
# `selftest_up [start_storage]`. cordon-verifier runs beside the client, so that what it uploads
# passes the appliance.
#
# Settings a caller may make before:
#   SELFTEST   the keys of the service's `selftest`     WebDAV, in /selftest
#   CANARY     more of them                             none: no canary

. "$(dirname "${BASH_SOURCE[0]}")/_sync.sh"

SELFTEST=${SELFTEST:-"api = 'webdav', endpoint = '$URL4', folder = '/selftest', \
credentials = '\$WORK/dav.credentials'"}

# Only the first service: the other one is at an address of its own.
eval "untested_$(declare -f write_feed_config)"
write_feed_config() {
    untested_write_feed_config
    printf 'user = verifier\npassword = secret\n' > "$WORK/dav.credentials"
    printf 'access_key = test:tester\nsecret_key = testing\n' > "$WORK/s3.credentials"
    chmod 600 "$WORK"/*.credentials
    local keys
    keys=$(eval "echo \"$SELFTEST\"" | sed "s/'/\"/g")
    sed -i "s|^name = \"photos\"\$|&\nselftest = { $keys${CANARY:+, $CANARY} }|" "$CONFIG"
    cat >> "$CONFIG" <<TEXT
[verifier]
socket = "$WORK/run/verifier/control.sock"
user = "root"
TEXT
    more_config >> "$CONFIG"
}
# Further TOML.
more_config() { :; }

selftest_up() {
    need "$BIN/cordon-verifier"
    [ $# = 0 ] || eval "start_nginx() { $1; }"
    sync_up
    start_verifier
}

start_verifier() {
    $IN_CLI "$BIN/cordon-verifier" --socket "$WORK/run/verifier/control.sock" \
        >> "$WORK/verifier.log" 2>&1 &
    VERIFIER_PID=$!
    _remember $VERIFIER_PID
}
stop_verifier() {
    _stop_pid $VERIFIER_PID TERM
    _forget $VERIFIER_PID
}

# The Centre lists the vector as a test, and the appliance has it.
list_vector() {
    mkdir -p "$WORK/vector"
    feed vector "$WORK/vector/vector" &&
        feed import "$WORK/feed" "$WORK/vector" --format folder --source hotline \
            --purpose known-csam --incremental --category test --system "$WORK/system" \
            --dpkg "$WORK/none" && release && sync_feed && wait_for 10 vector_stands blocks
}
vector_stands() { (ctl status --json || true) | tr -d ' \n' | grep -qF "\"test_vector\":\"$1\""; }

# selftest_ends CODE [option…]   — what it says goes to $WORK/selftest.log.
selftest_ends() {
    local code=0
    ctl selftest "${@:2}" > "$WORK/selftest.log" 2>&1 || code=$?
    [ $code = "$1" ] || {
        cat "$WORK/selftest.log"
        return 1
    }
}
selftest_says() { tr -s ' \n' '  ' < "$WORK/selftest.log" | grep -qF -- "$1"; }
nothing_left() { [ -z "$(find "$WORK/www" -name 'cordon-selftest-*')" ]; }
# Without a dataplane, or with a problem, its exit status says nothing.
in_status() { (ctl status || true) | grep -qF -- "$1"; }
