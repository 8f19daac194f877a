# Shared by the tests of feeds: a folder to work in, and cordon-feed with little to type.
# Neither needs root nor namespaces: a mirror listens on the loopback.

. "$(dirname "$0")/_init.sh"

FEED=$BIN/cordon-feed

feed_up() {
    need python3
    [ -x "$FEED" ] || fail "no $FEED"
    WORK=$(mktemp -d /tmp/cordon-feed.XXXXXX)
    trap feed_down EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    mkdir "$WORK/system"
    echo "a file of the system" > "$WORK/system/file"
}

MIRROR_PID=
feed_down() {
    _status=$?
    [ -z "$MIRROR_PID" ] || kill "$MIRROR_PID" 2>/dev/null || true
    if [ $_status -ne 0 ] && [ -f "$WORK/log" ]; then tail -n 20 "$WORK/log" >&2; fi
    [ "${KEEP:-}" = 1 ] || rm -rf "$WORK"
}

# feed COMMAND…: what it prints goes to a log.
feed() { "$FEED" "$@" >> "$WORK/log" 2>&1; }

# digests FROM TO: SHA-256 digests of small texts, one a line.
digests() {
    python3 -c "import hashlib, sys
for n in range(int(sys.argv[1]), int(sys.argv[2])):
    print(hashlib.sha256(b'item %d' % n).hexdigest())" "$1" "$2"
}

# take_list LIST SOURCE HOW: the list, as SOURCE gives it.
take_list() {
    feed import "$WORK/feed" "$1" --source "$2" --purpose known-csam "$3" --category baseline \
        --system "$WORK/system" --dpkg "$WORK/none"
}

approve() {
    for _who; do feed approve "$WORK/feed" --key "$WORK/feed/keys/$_who.key" --yes; done
}

# A laboratory's feed with a first generation of digests 0 to $1.
feed_begin() {
    feed init "$WORK/feed" --lab
    digests 0 "$1" > "$WORK/list"
    take_list "$WORK/list" hotline --full
    feed caps "$WORK/feed"
    approve targets1 targets3
    feed_release
}

feed_release() {
    feed stage "$WORK/feed" "$@"
    approve curator1 curator2
    feed publish "$WORK/feed"
}

# Serves $WORK/feed/public on a free port; sets $MIRROR.
start_mirror() {
    python3 -u -c "import functools, http.server
class Quiet(http.server.SimpleHTTPRequestHandler):
    log_message = lambda *rest: None
server = http.server.ThreadingHTTPServer(
    ('127.0.0.1', 0), functools.partial(Quiet, directory='$WORK/feed/public'))
print(server.server_port)
server.serve_forever()" > "$WORK/port" 2>/dev/null < /dev/null &
    MIRROR_PID=$!
    wait_for 10 test -s "$WORK/port"
    MIRROR=http://127.0.0.1:$(cat "$WORK/port")
}

need_tuf_js() {
    need node
    export NODE_PATH=$ROOT/build/javascript/node_modules
    [ -e "$NODE_PATH/tuf-js" ] ||
        skip "no JavaScript clients in build/javascript (npm or its registry was not there)"
}
