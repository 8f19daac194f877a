#!/bin/bash
# What changes below a connection while it lives: the MAC of its client or its storage, the size
# that the path takes. Uploads go on, a block still reaches both ends, ICMP errors pass.
. "$(dirname "$0")/_cordon.sh"

# A second address of the storage lives behind it, so that the storage is a router to it.
deep_ip=10.98.0.2
eval "written_$(declare -f write_config)"
write_config() {
    written_write_config
    cat >> "$CONFIG" <<TEXT
[[service]]
name = "deep"
address = "$deep_ip"
port = 80
TEXT
}
cordon_up

# new_mac NAMESPACE DEVICE LAST   — as another card, or another host that took the address over.
new_mac() {
    ip -n "$1" link set "$2" address "02:00:00:00:00:$3"
    # Both neighbours learn it, as from a gratuitous ARP.
    ip -n "$CLI" neigh flush dev cli0
    ip -n "$STO" neigh flush dev sto0
}
random_file "$WORK/long" 12000000 3
start_long_upload 4M
sleep 0.7
new_mac "$CLI" cli0 41
sleep 0.7
new_mac "$STO" sto0 42
wait $long || true
check "an upload lives through new MACs of both ends" grep -q '^HTTP/1.1 201' "$WORK/long.log"
check "its bytes are right" cmp "$WORK/long" "$WORK/www/long"

late() {
    upload late "/$1" "$WORK/known" --pause 1 > /dev/null &
    _late=$!
    sleep 0.5
}
late known-client
new_mac "$CLI" cli0 51
wait $_late || true
check "a client with another MAC gets its refusal" grep -q '^403' "$WORK/answer.log"
check "    and nothing is stored" no_trace known-client
late known-storage
new_mac "$STO" sto0 52
wait $_late || true
check "with another MAC of the storage: refused" grep -q '^403' "$WORK/answer.log"
check "    and the storage was reset: nothing is left" no_trace known-storage

deep=${LAB_PREFIX}deep
ip netns add $deep
_lab_more="${_lab_more:-} $deep"
ip link add deep0 netns "$STO" type veth peer name deep1 netns $deep
for end in "$STO deep0 10.98.0.1" "$deep deep1 $deep_ip"; do
    set -- $end
    in_ns_quiet "$1" ethtool -K "$2" tx off tso off gso off gro off
    ip -n "$1" link set "$2" up
    ip -n "$1" addr add "$3/24" dev "$2"
done
ip -n $deep route add default via 10.98.0.1
ip -n "$CLI" route add 10.98.0.0/24 via "$STO_IP4"
in_sto sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
start_background deep nsenter --net=/run/netns/$deep -- python3 \
    "$ROOT/tests/support/naive_server.py" $deep_ip 80 "$WORK/www"
wait_for 5 grep -q ready "$WORK/deep.log" || fail "no storage behind the storage"
start_background deep-upload $IN_CLI curl -sS -i --max-time 30 --limit-rate 4M -T "$WORK/long" \
    "http://$deep_ip/deep"
deep_upload=$BACKGROUND_PID
sleep 0.7
ip -n "$STO" link set deep0 mtu 1200
ip -n $deep link set deep1 mtu 1200
wait $deep_upload || true
check "an upload lives through a smaller path" grep -q '^HTTP/1.1 201' "$WORK/deep-upload.log"
check "its bytes are right" cmp "$WORK/long" "$WORK/www/deep"
check "the client was told so by the router" \
    grep -q "mtu 1200" <(ip -n "$CLI" route get $deep_ip)
check "nothing passed beside the worker" [ "$(ledger frames uninspected:bypassed bytes)" = 0 ]

# Larger than at the start of the dataplane, whose buffers are made for that.
ip -n "$BOX" link set cor-cli mtu 3000
ip -n "$CLI" link set cli0 mtu 3000
check "a larger MTU of a port is told" wait_for 5 grep -q "the MTU of cor-cli is 3000 now" \
    "$WORK/dataplane.log"
lost() {
    ctl coverage --json | python3 -c 'import json, sys
port = json.load(sys.stdin)["ports"]["client"]
print(port["missed"] + port["oversized"])'
}
before=$(lost)
in_cli python3 -c 'import socket, struct, sys
ends = socket.inet_aton(sys.argv[1]) + socket.inet_aton(sys.argv[2])
tcp = struct.pack("!HHIIBBHHH", 50000, 80, 1, 1, 5 << 4, 16, 1000, 0, 0) + bytes(2400)
ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + ends
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("cli0", 0))
for _ in range(3): link.send(bytes(12) + b"\x08\x00" + ip + tcp)' "$CLI_IP4" "$STO_IP4"
check "    frames beyond it are dropped and counted" at_least $((before + 3)) lost
check "    those that fit go on" stored "$URL4/clean" "$WORK/clean"
