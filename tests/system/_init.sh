# Shared by every system test and by the demo: `. tests/system/_init.sh`, then `lab_up`.
#
#   cordon-cli            cordon-box (no addresses: a bump in the wire)            cordon-sto
#   cli0 ─────── cor-cli [ tc bypass · XDP steer · cordon-dataplane ] cor-sto ─────── sto0
#   10.99.0.1/24                                                               10.99.0.2/24
#   fd99::1/64                                                                   fd99::2/64
#
# What it makes: three network namespaces, veth pairs, one work directory, one bpffs mount in it.
# Everything is removed when the script ends, however it ends (KEEP=1 leaves it and says so).
# The appliance's programs run in the box's network namespace but in our mount namespace
# (`nsenter --net`): `ip netns exec` would remount /sys and hide a bpffs.
#
# Exit status of a test: 0 passed, 125 skipped, anything else failed.
#
# Settings a caller may export before:
#   LAB_PREFIX  prefix of the namespaces        cordon-
#   PORT_KIND   af_xdp or af_packet             af_xdp, when the kernel can do it
#   BIN         directory of the programs       build/bin
#   BPF         directory of the BPF objects    $BIN/../ebpf
#   LAB_QUEUES  queues of every port, for as many workers    1
#   KEEP        1: leave everything running

set -eu
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")/../.." && pwd)
BIN=${BIN:-$ROOT/build/bin}
BPF=${BPF:-$(cd "$(readlink -f "$BIN")/../ebpf" 2>/dev/null && pwd || true)}
LAB_PREFIX=${LAB_PREFIX:-cordon-}
CLI=${LAB_PREFIX}cli
STO=${LAB_PREFIX}sto
BOX=${LAB_PREFIX}box
CLI_IP4=10.99.0.1 STO_IP4=10.99.0.2
CLI_IP6=fd99::1 STO_IP6=fd99::2
WORK=
DATAPLANE_PID= CORDOND_PID= NGINX_PID=
_lab_pids=
_lab_made=
_lab_more=    # further namespaces that go with the lab
_lab_mounts=  # and further mounts
_lab_users=   # users and groups that were made, see lab_user
_lab_groups=

# --- words --------------------------------------------------------------------------------------

say() { printf '%s\n' "$*"; }
skip() { say "SKIP: $*"; exit 125; }
fail() { say "FAIL: $*" >&2; exit 1; }

# check "what must be true" command…   — prints one line, ends the test when it is not true.
check() {
    _what=$1
    shift
    if "$@"; then say "  ok    $_what"; else fail "$_what (was: $*)"; fi
}

# wait_for SECONDS command…   — repeats the command until it succeeds; fails after that time.
wait_for() {
    _tries=$(($1 * 20))
    shift
    while ! "$@" >/dev/null 2>&1; do
        _tries=$((_tries - 1))
        [ $_tries -gt 0 ] || return 1
        sleep 0.05
    done
}

# For the foreground. In the background use `$IN_BOX command &` instead: a function there would be a
# shell of its own, and $! not the program.
IN_CLI="nsenter --net=/run/netns/$CLI --"
IN_STO="nsenter --net=/run/netns/$STO --"
IN_BOX="nsenter --net=/run/netns/$BOX --"
in_cli() { nsenter --net=/run/netns/$CLI -- "$@"; }
in_sto() { nsenter --net=/run/netns/$STO -- "$@"; }
in_box() { nsenter --net=/run/netns/$BOX -- "$@"; }

# --- what the machine can do -------------------------------------------------------------------

need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }

need() {
    for _tool in "$@"; do
        command -v "$_tool" >/dev/null 2>&1 || [ -x "$_tool" ] || skip "$_tool is not installed"
    done
}

# True when the kernel has BTF and lets us make BPF maps, a bpffs and AF_XDP sockets.
can_af_xdp() {
    [ -r /sys/kernel/btf/vmlinux ] || return 1
    unshare --mount sh -c 'mount -t bpf none /mnt &&
        bpftool map create /mnt/cordon type array key 4 value 4 entries 1 name cordon_probe' \
        >/dev/null 2>&1 || return 1
    python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW, 0)' 2>/dev/null
}

# --- the lab ------------------------------------------------------------------------------------

lab_up() {
    need_root
    need ip tc ethtool nsenter
    if [ -z "${PORT_KIND:-}" ]; then
        if can_af_xdp; then PORT_KIND=af_xdp; else PORT_KIND=af_packet; fi
    fi
    for _ns in $CLI $STO $BOX; do
        [ ! -e /run/netns/$_ns ] ||
            fail "namespace $_ns exists: another lab is running (or: ip netns del $_ns)"
    done
    WORK=$(mktemp -d /tmp/cordon-lab.XXXXXX)
    chmod 755 "$WORK"
    trap lab_down EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    _lab_made=1
    mkdir "$WORK/state" "$WORK/run" "$WORK/bpf" "$WORK/www" "$WORK/tmp"
    if [ "$PORT_KIND" = af_xdp ]; then mount -t bpf cordon "$WORK/bpf"; fi
    for _ns in $CLI $STO $BOX; do ip netns add $_ns; done
    _lab_pair $CLI cli0 cor-cli $CLI_IP4 $CLI_IP6
    _lab_pair $STO sto0 cor-sto $STO_IP4 $STO_IP6
}

# _lab_pair NAMESPACE FAR NEAR IPV4 IPV6
_lab_pair() {
    _queues="numrxqueues ${LAB_QUEUES:-1} numtxqueues ${LAB_QUEUES:-1}"
    ip link add $2 netns $1 $_queues type veth peer name $3 netns $BOX $_queues
    # The box is a wire: no address, no neighbour discovery, no router solicitation of its own.
    in_box sh -c "echo 1 > /proc/sys/net/ipv6/conf/$3/disable_ipv6"
    ip -n $BOX link set $3 up promisc on
    ip -n $1 link set lo up
    ip -n $1 link set $2 txqueuelen 1000 up
    # tx off: real checksums on the wire and no super-frames.
    in_ns_quiet $1 ethtool -K $2 tx off tso off gso off txvlan off
    in_ns_quiet $BOX ethtool -K $3 tx off tso off gso off rxvlan off txvlan off
    # A veth takes frames from XDP only when its far end has NAPI, and the kernel notices that only
    # when gro is switched on while the link is up.
    in_ns_quiet $1 ethtool -K $2 gro off
    in_ns_quiet $1 ethtool -K $2 gro on
    # A real qdisc makes a full veth ring hold back instead of drop.
    tc -n $1 qdisc replace dev $2 root pfifo limit 1000
    ip -n $1 addr add $4/24 dev $2
    ip -n $1 addr add $5/64 dev $2 nodad
}

in_ns_quiet() {
    _ns=$1
    shift
    nsenter --net=/run/netns/$_ns -- "$@" >/dev/null 2>&1 || true
}

# What must hold at the end of every test that passed; _cordon.sh says more.
lab_check() { :; }

# Stops what was started, removes what was made. Runs at every exit.
lab_down() {
    _status=$?
    trap - EXIT INT TERM HUP
    [ -n "$_lab_made" ] || exit $_status
    if [ $_status = 0 ]; then (lab_check) || _status=1; fi
    if [ "${KEEP:-0}" = 1 ] && [ $_status = 0 ]; then lab_keep_notice; exit 0; fi
    if [ $_status != 0 ] && [ $_status != 125 ]; then lab_show_logs; fi
    for _pid in $_lab_pids; do _stop_pid $_pid TERM; done
    for _ns in $CLI $STO $BOX $_lab_more; do ip netns del $_ns 2>/dev/null || true; done
    for _mount in "$WORK/bpf" $_lab_mounts; do
        if mountpoint -q "$_mount"; then umount "$_mount" || true; fi
    done
    for _user in $_lab_users; do _in_turn userdel -f $_user >/dev/null 2>&1 || true; done
    for _group in $_lab_groups; do _in_turn groupdel $_group >/dev/null 2>&1 || true; done
    rm -rf --one-file-system "$WORK"
    exit $_status
}

# lab_group NAME; lab_user NAME [GROUP]   — for this test; gone when it ends, however it ends.
# What labs beside one another must not do at once: who finds the files of users locked gives up.
_in_turn() { flock "$ROOT/tests/system/_init.sh" "$@"; }
lab_group() {
    _lab_groups="$_lab_groups $1"
    _in_turn groupadd --system "$1" || fail "no group $1"
}
lab_user() {
    _lab_users="$_lab_users $1"
    _in_turn useradd --system --no-create-home --shell /usr/sbin/nologin ${2:+-G "$2"} "$1" ||
        fail "no user $1"
}

# Says how to go on by hand; $WORK/end does what lab_down would have done.
lab_keep_notice() {
    cat >"$WORK/end" <<TEXT
#!/bin/sh
kill $_lab_pids 2>/dev/null
for _pid in $_lab_pids; do
    for _try in \$(seq 100); do kill -0 \$_pid 2>/dev/null || break; sleep 0.05; done
done
for _ns in $CLI $STO $BOX $_lab_more; do ip netns del \$_ns; done
for _mount in "$WORK/bpf" $_lab_mounts; do
    if mountpoint -q \$_mount; then umount \$_mount; fi
done
for _user in $_lab_users; do userdel -f \$_user; done
for _group in $_lab_groups; do groupdel \$_group; done
rm -rf --one-file-system "$WORK"
TEXT
    chmod 755 "$WORK/end"
    say
    say "The lab stays. By hand (as root):"
    for _file in "$WORK/clean" "$WORK/holiday.jpg" "$WORK/known"; do
        [ ! -e "$_file" ] || say "  $IN_CLI curl -i -T $_file http://$STO_IP4/by-hand"
    done
    say "  ls -l $WORK/www        what the storage has stored"
    for _words in status coverage "incidents list" "mode show"; do
        [ ! -e "$WORK/cordon.toml" ] || say "  $BIN/cordonctl --config $WORK/cordon.toml $_words"
    done
    say "End it and remove everything:  $WORK/end"
}

lab_show_logs() {
    for _log in "$WORK"/*.log; do
        [ -s "$_log" ] || continue
        say "--- the last lines of ${_log##*/}" >&2
        tail -n 25 "$_log" >&2
    done
}

# _stop_pid PID SIGNAL   — ends a process we started and waits for it; kills it after 5 s.
_stop_pid() {
    kill -0 $1 2>/dev/null || return 0
    kill -CONT $1 2>/dev/null || true
    kill -$2 $1 2>/dev/null || true
    _left=100
    while kill -0 $1 2>/dev/null && [ $_left -gt 0 ]; do
        _left=$((_left - 1))
        sleep 0.05
        # A zombie is ours to reap; kill -0 still finds it.
        case $(cut -d' ' -f3 /proc/$1/stat 2>/dev/null) in Z | '') break ;; esac
    done
    kill -KILL $1 2>/dev/null || true
    wait $1 2>/dev/null || true
}

_remember() { _lab_pids="$1 $_lab_pids"; }
_forget() {
    _rest=
    for _pid in $_lab_pids; do [ "$_pid" = "$1" ] || _rest="$_rest $_pid"; done
    _lab_pids=$_rest
}

# --- programs -----------------------------------------------------------------------------------

# $with_queues command…   — a program whose AF_XDP ports have LAB_QUEUES queues, on veths.
with_queues=
if [ "${LAB_QUEUES:-1}" -gt 1 ]; then
    with_queues="env LD_PRELOAD=$ROOT/build/release/tests/support/paired_queues.so"
fi

# start_dataplane OPTIONS_FILE   — returns when it forwards (its control socket answers). With the
# priority that its unit has: a busy machine must not take it for a hung one.
start_dataplane() {
    $IN_BOX nice -n -10 $with_queues "$BIN/cordon-dataplane" --options "$1" \
        >>"$WORK/dataplane.log" 2>&1 &
    DATAPLANE_PID=$!
    _remember $DATAPLANE_PID
    wait_for 20 _dataplane_settled || fail "cordon-dataplane did not start in 20 s"
    kill -0 $DATAPLANE_PID 2>/dev/null || fail "cordon-dataplane ended at its start"
}
_dataplane_settled() {
    ! kill -0 $DATAPLANE_PID || grep -q '^ready$' "$WORK/dataplane.log"
}

# stop_dataplane [SIGNAL]
stop_dataplane() {
    [ -n "$DATAPLANE_PID" ] || return 0
    _stop_pid $DATAPLANE_PID ${1:-TERM}
    _forget $DATAPLANE_PID
    DATAPLANE_PID=
    # The next start waits for a fresh `ready`.
    [ ! -f "$WORK/dataplane.log" ] || sed -i 's/^ready$/was ready/' "$WORK/dataplane.log"
}

# start_cordond CONFIG.toml
start_cordond() {
    "$BIN/cordond" --config "$1" >>"$WORK/cordond.log" 2>&1 &
    CORDOND_PID=$!
    _remember $CORDOND_PID
    wait_for 20 test -S "$WORK/run/cordond.sock" || fail "cordond did not start"
}

# stop_cordond [SIGNAL]
stop_cordond() {
    [ -n "$CORDOND_PID" ] || return 0
    _stop_pid $CORDOND_PID ${1:-TERM}
    _forget $CORDOND_PID
    CORDOND_PID=
}

# start_nginx   — WebDAV PUT into $WORK/www on port 80, both address families.
start_nginx() {
    need nginx
    _dav=
    _module=/usr/lib/nginx/modules/ngx_http_dav_module.so
    [ ! -e $_module ] || _dav="load_module $_module;"
    chmod 777 "$WORK/www" "$WORK/tmp"
    cat >"$WORK/nginx.conf" <<TEXT
$_dav
daemon off;
user root;
worker_processes 1;
pid $WORK/nginx.pid;
error_log $WORK/nginx.log;
events { worker_connections 512; }
http {
    access_log off;
    client_max_body_size 0;
    client_body_temp_path $WORK/tmp;
    proxy_temp_path $WORK/tmp/p; fastcgi_temp_path $WORK/tmp/f;
    uwsgi_temp_path $WORK/tmp/u; scgi_temp_path $WORK/tmp/s;
    server {
        listen 80; listen [::]:80;
        root $WORK/www;
        dav_methods PUT DELETE MKCOL COPY MOVE;
        create_full_put_path on;
        location /forbidden/ { deny all; }
    }
}
TEXT
    $IN_STO nginx -c "$WORK/nginx.conf" 2>>"$WORK/nginx.log" &
    NGINX_PID=$!
    _remember $NGINX_PID
    wait_for 10 test -s "$WORK/nginx.pid" || fail "nginx did not start"
}

stop_nginx() {
    [ -n "$NGINX_PID" ] || return 0
    _stop_pid $NGINX_PID QUIT
    _forget $NGINX_PID
    NGINX_PID=
}

# start_background NAME command…   — any other program; its output goes to $WORK/NAME.log.
start_background() {
    _name=$1
    shift
    "$@" >>"$WORK/$_name.log" 2>&1 &
    BACKGROUND_PID=$!
    _remember $BACKGROUND_PID
}
