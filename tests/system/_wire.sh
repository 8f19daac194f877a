# A bad cable for a lab that is up: `. tests/system/_wire.sh`, then `wire_up cli --loss 5`.
#
#   before:  cli0 ───────────────────────────── cor-cli
#   after:   cli0 ─── near ( wire ) far ─────── cor-cli       in a namespace of its own

# wire_up cli|sto [option of tests/support/wire]…
wire_up() {
    local side=$1 end=${1}0 ns=${LAB_PREFIX}wire-$1
    local host=${LAB_PREFIX}$1 ip4=$STO_IP4 ip6=$STO_IP6
    shift
    [ "$side" = sto ] || { ip4=$CLI_IP4 ip6=$CLI_IP6; }
    need "$ROOT/build/release/tests/support/wire"
    ip netns add "$ns"
    _lab_more="${_lab_more:-} $ns" # goes with the lab
    # The host's end becomes the wire's far end; the host gets a new one with its addresses.
    ip -n "$host" link set "$end" netns "$ns"
    ip -n "$ns" link set "$end" name far
    ip link add "$end" netns "$host" type veth peer name near netns "$ns"
    in_ns_quiet "$host" ethtool -K "$end" tx off tso off gso off gro on
    for name in near far; do
        # gro on gives the veth NAPI, which frames from XDP need; the limit keeps segments apart
        # (put together they would leave with a checksum that nobody has computed).
        in_ns_quiet "$ns" ethtool -K $name tx off tso off gso off gro on
        in_ns_quiet "$ns" sh -c "echo 1 > /proc/sys/net/ipv6/conf/$name/disable_ipv6"
        ip -n "$ns" link set $name gro_max_size 1 txqueuelen 10000 up
    done
    ip -n "$host" link set "$end" txqueuelen 1000 up
    ip -n "$host" addr add "$ip4/24" dev "$end"
    ip -n "$host" addr add "$ip6/64" dev "$end" nodad
    _wire_start "$side" "$@"
}

# wire_set cli|sto [option]…   — the same cable with other faults, beginning anew with its seed.
wire_set() {
    local pid=_wire_pid_$1
    _stop_pid "${!pid}" TERM
    _forget "${!pid}"
    sed -i 's/^ready/was ready/' "$WORK/wire-$1.log"
    _wire_start "$@"
}

_wire_start() {
    local side=$1
    shift
    start_background "wire-$side" nsenter --net="/run/netns/${LAB_PREFIX}wire-$side" -- \
        "$ROOT/build/release/tests/support/wire" near far "$@"
    printf -v "_wire_pid_$side" %s "$BACKGROUND_PID"
    wait_for 5 grep -q ^ready "$WORK/wire-$side.log" || fail "the wire did not start"
}
