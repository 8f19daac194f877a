#!/bin/bash
# Fragments to the address of a service that are not the service's pass, whoever bridges them: the
# kernel, or the worker when they are whole. A tunnel does not. Frames that AF_XDP cannot carry are
# refused at the start.
. "$(dirname "$0")/_cordon.sh"
KNOWN_SIZE=12000
cordon_up naive

# echoes NUMBER BYTES ADDRESS   — a request of that protocol comes back: udp, or ping.
echoes() {
    in_cli python3 -c 'import os, socket, sys
kind, size, address = sys.argv[1], int(sys.argv[2]), sys.argv[3]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
data = os.urandom(size)
if kind == "udp":
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.settimeout(2)
    client.sendto(data, (address, 7000))
    sys.exit(client.recv(65536) != data[::-1])
v6 = family == socket.AF_INET6
total = sum(data[0::2]) * 256 + sum(data[1::2]) + 0x0800 + 1 + 1
while total >> 16: total = (total & 0xffff) + (total >> 16)
head = bytes([128, 0, 0, 0]) if v6 else bytes([8, 0]) + (~total & 0xffff).to_bytes(2, "big")
client = socket.socket(family, socket.SOCK_RAW, 58 if v6 else 1)
client.settimeout(2)
client.sendto(head + bytes([0, 1, 0, 1]) + data, (address, 0))
while True:
    answer = client.recv(65536)
    if answer.endswith(data) and answer[0 if v6 else 20] == (129 if v6 else 0): break' "$@"
}

start_background udp $IN_STO python3 -c 'import socket
server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
server.bind(("::", 7000))
while True:
    data, peer = server.recvfrom(65536)
    server.sendto(data[::-1], peer)'
for address in "$STO_IP4" "$STO_IP6"; do
    check "a ping of 4 kB to $address" wait_for 5 echoes ping 4000 "$address"
    check "UDP of 5 kB to $address and back" wait_for 5 echoes udp 5000 "$address"
    check "UDP of 60 kB to $address and back" wait_for 5 echoes udp 60000 "$address"
done
check "those of IPv6 were put together" counted fragment_reassembled 6
in_cli python3 -c 'import socket, sys
gre = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
gre.sendto(bytes(64), (sys.argv[1], 0))
vxlan = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
vxlan.sendto(bytes(64), (sys.argv[2], 4789))' "$STO_IP4" "$STO_IP6"
check "tunnels to the service are refused" counted tunnel_refused 2
balanced() { ctl coverage --json | grep -q '"balanced": *true'; }
check "every frame is in one class" wait_for 8 balanced

stop_dataplane
[ "$PORT_KIND" = af_xdp ] || exit 0
for port in cor-cli cor-sto; do ip -n "$BOX" link set "$port" mtu 3401; done
refused_at_start() {
    ! in_box timeout 10 "$BIN/cordon-dataplane" --options "$WORK/state/active.options" \
        > "$WORK/refused.log" 2>&1 && grep -q "$1" "$WORK/refused.log"
}
check "an MTU beyond AF_XDP is refused by name" refused_at_start "MTU 3401 is more than AF_XDP"
ip -n "$BOX" link set cor-sto mtu 1500
check "two MTUs that differ as well" refused_at_start "MTUs differ"
