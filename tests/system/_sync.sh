# An appliance that follows a feed: `. "$(dirname "$0")/_sync.sh"`, then `sync_up`.
#
# A Centre publishes with cordon-feed behind nginx, over TLS under a CA of its own, in a namespace
# that only the box reaches. cordond runs in the box's network namespace, as the dataplane does; it
# has no route but the one to the Centre. The demo uses the same words. Words of this file:
#
#   $WORK/feed     the publisher's folder        $WORK/list   what its only source lists
#
# Settings a caller may make before:
#   SYSTEM_FILES  what neither publisher nor appliance lets a list have   $WORK/system, one file
#   DPKG_LISTS    and what dpkg knows, for the publisher                  none
#   FEED_LINES    further TOML of the feed                                it is not polled
#   MIRROR_CLIENTS  connections that the mirror takes at once             64
#   MIRROR_LINES    further lines of nginx                                none

. "$(dirname "${BASH_SOURCE[0]}")/_cordon.sh"

FEED=$BIN/cordon-feed
CTR=${LAB_PREFIX}ctr
BOX_MGMT=10.98.0.1
CENTRE=10.98.0.2
IN_CTR="nsenter --net=/run/netns/$CTR --"

feed() { "$FEED" "$@" >> "$WORK/feed.log" 2>&1; }
# key_of HOLDER   — in a lab the publisher makes them, else begin_held_feed.
key_of() { echo "${FEED_KEYS:-$WORK/feed/keys}/$1.key"; }
approve() {
    for _who; do feed approve "$WORK/feed" --key "$(key_of "$_who")" --yes || return 1; done
}
# take_list [FILE --incremental]   — what $WORK/list has is what there is from now on; or FILE is
# there as well.
take_list() {
    feed import "$WORK/feed" "${1:-$WORK/list}" --source hotline --purpose known-csam \
        "${2:---full}" --category baseline \
        --system "${SYSTEM_FILES:-$WORK/system}" --dpkg "${DPKG_LISTS:-$WORK/none}"
}
# The holders of targets admit the sources that there are now.
admit_sources() {
    feed caps "$WORK/feed" && approve targets1 targets3
}
release() {
    feed stage "$WORK/feed" && approve curator1 curator2 && feed publish "$WORK/feed"
}
list_also() { sha256sum "$1" | cut -d' ' -f1 >> "$WORK/list"; }

# reference_of CASE   — the Centre's own number of what it matched.
reference_of() {
    ctl incidents show "$1" --json | python3 -c 'import json, sys
print(int(json.load(sys.stdin)["matches"][0]["reference"], 16))'
}
is_of_feed() { ctl incidents show "$1" --json | grep -q '"centre"'; }
# revoke REFERENCE REASON   — by the one on call, at once.
revoke() {
    feed revoke "$WORK/feed" --key "$(key_of oncall1)" --reference "$1" --reason "$2"
}

# An appliance with a lab index of its own has it from its list; this one has it from its feed.
write_index() { :; }

start_cordond() {
    $IN_BOX "$BIN/cordond" --config "$1" >> "$WORK/cordond.log" 2>&1 &
    CORDOND_PID=$!
    _remember $CORDOND_PID
    wait_for 20 test -S "$WORK/run/cordond.sock" || fail "cordond did not start"
}

start_centre() {
    need openssl nginx "$FEED"
    mkdir "$WORK/system"
    echo "a file of the system" > "$WORK/system/file"
    python3 -c "import hashlib
for n in range(1000): print(hashlib.sha256(b'item %d' % n).hexdigest())" > "$WORK/list"
    feed init "$WORK/feed" --lab
    take_list
    admit_sources
    release
    join_centre
    make_certificates
    start_mirror
}

# begin_held_feed   — a feed outside a lab: its holders bring their own keys, and $WORK/known is on
# its list.
begin_held_feed() {
    FEED_KEYS=$WORK/keys
    mkdir "$FEED_KEYS" "$WORK/system"
    echo "a file of the system" > "$WORK/system/file"
    sha256sum "$WORK/known" | cut -d' ' -f1 > "$WORK/list"
    _all=
    for _each in root/1 root/2 root/3 root/4 root/5 targets/1 targets/2 targets/3 curator/1 \
        curator/2 curator/3 on-call/1 on-call/2; do
        _name=$(printf %s "$_each" | tr -d /-)
        feed key "$_name" "$(key_of "$_name")" --unprotected
        _all="$_all --${_each%/*} $(key_of "$_name").pub"
    done
    feed init "$WORK/feed" --feed hotline/known $_all
    approve root1 root2 root3
    take_list
    feed caps "$WORK/feed"
    approve targets1 targets2 oncall1
    release
}

# The Centre's namespace, and the management port of the box: an address, and no default route.
join_centre() {
    [ ! -e /run/netns/$CTR ] ||
        fail "namespace $CTR exists: another lab is running (or: ip netns del $CTR)"
    ip netns add $CTR
    _lab_more=$CTR
    ip link add mgmt0 netns $BOX type veth peer name ctr0 netns $CTR
    ip -n $BOX addr add $BOX_MGMT/24 dev mgmt0
    ip -n $BOX link set mgmt0 up
    ip -n $CTR addr add $CENTRE/24 dev ctr0
    ip -n $CTR link set ctr0 up
}

make_certificates() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca \
        -keyout "$WORK/ca.key" -out "$WORK/ca.pem" 2>> "$WORK/feed.log"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=mirror \
        -keyout "$WORK/mirror.key" -out "$WORK/mirror.csr" 2>> "$WORK/feed.log"
    printf 'subjectAltName=IP:%s' $CENTRE > "$WORK/mirror.ext"
    openssl x509 -req -in "$WORK/mirror.csr" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 2 \
        -CAcreateserial -extfile "$WORK/mirror.ext" -out "$WORK/mirror.pem" 2>> "$WORK/feed.log"
}

# LIMIT_RATE: bytes a second of a target, 0 for as fast as it goes.
start_mirror() {
    cat > "$WORK/mirror.conf" <<TEXT
daemon off;
user root;
worker_processes 1;
pid $WORK/mirror.pid;
error_log $WORK/mirror.log;
worker_rlimit_nofile $((${MIRROR_CLIENTS:-64} + 1024));
events { worker_connections ${MIRROR_CLIENTS:-64}; }
http {
    access_log $WORK/mirror-access.log;
    ${MIRROR_LINES:-}
    client_body_temp_path $WORK/tmp/mb; proxy_temp_path $WORK/tmp/mp;
    fastcgi_temp_path $WORK/tmp/mf; uwsgi_temp_path $WORK/tmp/mu; scgi_temp_path $WORK/tmp/ms;
    server {
        listen $CENTRE:443 ssl;
        ssl_certificate $WORK/mirror.pem;
        ssl_certificate_key $WORK/mirror.key;
        root $WORK/feed/public;
        location /targets/ { limit_rate ${LIMIT_RATE:-0}; }
    }
}
TEXT
    rm -f "$WORK/mirror.pid"
    $IN_CTR nginx -c "$WORK/mirror.conf" 2>> "$WORK/mirror.log" &
    MIRROR_PID=$!
    _remember $MIRROR_PID
    wait_for 10 test -s "$WORK/mirror.pid" || fail "the mirror did not start"
}

stop_mirror() {
    _stop_pid $MIRROR_PID TERM
    _forget $MIRROR_PID
}

# The root in which trust begins comes to the appliance by hand.
write_feed_config() {
    cp "$WORK/feed/public/metadata/1.root.json" "$WORK/root.json"
    write_config
    cat >> "$CONFIG" <<TEXT
[feeds]
node = "box-1"
system_files = "${SYSTEM_FILES:-$WORK/system}"
[[feed]]
name = "centre"
mirrors = ["https://$CENTRE"]
root = "$WORK/root.json"
ceiling = "block"
ca = "${CA:-$WORK/ca.pem}"
${FEED_LINES-poll_seconds = 3600}
TEXT
}

# enrol [LEGAL_BASIS]   — the appliance at the Centre, as their two people do over the telephone.
enrol() {
    ctl feed enrol centre --json > "$WORK/enrol.json" ||
        fail "no enrolment: $(cat "$WORK/enrol.json")"
    _key=$(sed -n 's/.*"key": *"\([0-9a-f]*\)".*/\1/p' "$WORK/enrol.json")
    feed enrol "$WORK/feed" box-1 --node-key "$_key" --legal-basis "${1:-system test}"
    feed grant "$WORK/feed" box-1
}

sync_up() {
    need "$BIN/cordon-dataplane" "$BIN/cordond" "$BIN/cordonctl" python3 curl
    lab_up
    random_file "$WORK/known" "$KNOWN_SIZE" 1
    random_file "$WORK/clean" "$KNOWN_SIZE" 2
    start_nginx
    start_centre
    write_feed_config
    start_cordon
    wait_for 5 in_cli curl -s -o /dev/null --max-time 1 "$URL4/" ||
        fail "the storage is not reached"
    enrol
}

sync_feed() { ctl feed sync centre > "$WORK/sync.log" 2>&1; }
# in_feed TEXT: the status of the feed says so.
in_feed() { ctl feed status 2>&1 | grep -qF -- "$1"; }
alarm_says() { ctl feed status 2>&1 | grep ALARM | grep -qF -- "$1"; }
# holds_generation N   — it is in force, and what lies on the disk is sound.
holds_generation() {
    ctl feed verify centre --json | tr -d ' \n' |
        grep -qF "\"generation\":$1,\"name\":\"centre\",\"problems\":[]"
}
