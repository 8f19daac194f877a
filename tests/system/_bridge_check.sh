#!/bin/bash
# The two kernel layers on a real wire, without any dataplane: TCP between two namespaces that are
# joined only through the ports. Exit 0 good, 1 failed, 125 skipped.
#
# Run by hand, after `make build/release/tests/bpf/steer_tool`; the system tests do the same with
# the real dataplane.
#
#   cordon-eb-cli ── eb-cli [cordon-eb-box] eb-sto ── cordon-eb-sto
set -euo pipefail
cd "$(dirname "$0")/../.."
tool=${TOOL:-build/release/tests/bpf/steer_tool}
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 125; }
[ -x "$tool" ] || { echo "skipped: no $tool, make it first"; exit 125; }
work=$(mktemp -d /tmp/cordon-eb-XXXXXX)
pids=()

clean_up() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    in_box "$tool" "$work/bpf" eb-cli eb-sto 10.77.0.2 32 80 open detach || true
    for ns in cli box sto; do ip netns del "cordon-eb-$ns" 2>/dev/null || true; done
    rm -rf "$work"
}
# nsenter keeps the mount namespace, where `ip netns exec` would make a new one.
in_box() { nsenter --net=/run/netns/cordon-eb-box "$@"; }
steer() { in_box "$tool" "$work/bpf" eb-cli eb-sto 10.77.0.2 32 80 "$1" "$2"; }
fail() { echo "FAILED: $*"; exit 1; }
trap clean_up EXIT

for ns in cli box sto; do ip netns add "cordon-eb-$ns"; done
for side in cli sto; do
    ip link add "eb-$side" netns cordon-eb-box type veth peer name eth0 netns "cordon-eb-$side"
    # XDP's redirect needs NAPI at the far end, and checksums that are really there.
    ip netns exec "cordon-eb-$side" ethtool -K eth0 gro on tx off >/dev/null
    ip netns exec "cordon-eb-$side" ip link set lo up
    ip netns exec "cordon-eb-$side" ip link set eth0 up
    in_box ip link set "eb-$side" up
done
ip netns exec cordon-eb-cli ip addr add 10.77.0.1/24 dev eth0
ip netns exec cordon-eb-sto ip addr add 10.77.0.2/24 dev eth0
cat >"$work/sink.py" <<'PY'
import hashlib, socket, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
while True:
    connection, _ = listener.accept()
    digest = hashlib.sha256()
    while data := connection.recv(1 << 18):
        digest.update(data)
    connection.sendall(digest.hexdigest().encode())
    connection.close()
PY
cat >"$work/send.py" <<'PY'
import hashlib, socket, sys, time
address, port, megabytes, seconds = (f(a) for f, a in zip((str, int, int, float), sys.argv[1:]))
block = bytes(i * 7 % 256 for i in range(1 << 20))
digest = hashlib.sha256()
try:
    connection = socket.create_connection((address, port), timeout=seconds)
    begin = time.monotonic()
    for _ in range(megabytes):
        connection.sendall(block)
        digest.update(block)
    connection.shutdown(socket.SHUT_WR)
    answer = connection.recv(100).decode()
except OSError as error:
    sys.exit(f"no transfer: {error}")
rate = megabytes * 8.39e-3 / (time.monotonic() - begin)
print(f"{megabytes} MB, {rate:.1f} Gbit/s")
sys.exit(answer != digest.hexdigest())
PY
cat >"$work/tagged.py" <<'PY'
# Sends one TCP segment in VLAN 5 from one namespace and waits for it, tag included, in the other.
import ctypes, os, socket, struct, sys
ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA = 3, 263, 8
libc = ctypes.CDLL(None, use_errno=True)

def raw_socket(namespace):
    with open(f"/run/netns/{namespace}") as file:
        assert libc.setns(file.fileno(), 0) == 0
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    raw.bind(("eth0", 0))
    return raw

receiver = raw_socket("cordon-eb-sto")
receiver.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
receiver.settimeout(3)
sender = raw_socket("cordon-eb-cli")
tcp = struct.pack("!HHIIBBHHH", 5555, int(sys.argv[1]), 1, 1, 0x50, 16, 1000, 0, 0) + b"in a vlan"
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0,
                 socket.inet_aton("10.77.0.1"), socket.inet_aton("10.77.0.2"))
sender.send(b"\xff" * 6 + b"\2\0\0\0\0\1" + struct.pack("!HHH", 0x8100, 5, 0x0800) + ip + tcp)
while True:
    data, extra, _, _ = receiver.recvmsg(2000, 200)
    if data.endswith(b"in a vlan"):
        break
tci = next(struct.unpack("IIIHHHH", value)[5] for _, kind, value in extra if kind == PACKET_AUXDATA)
sys.exit(tci != 5)
PY
for port in 80 81; do
    ip netns exec cordon-eb-sto python3 "$work/sink.py" $port &
    pids+=($!)
done
send() { timeout 60 ip netns exec cordon-eb-cli python3 "$work/send.py" "$@"; }

steer open attach
sleep 1
echo "tc, another port:        $(send 10.77.0.2 81 400 10)" || fail "tc, another port"
echo "tc, service, open:       $(send 10.77.0.2 80 400 10)" || fail "tc, service, open"
gap=$(steer open gaps)
echo "tc, gap:                 $gap"
[ "$(echo "$gap" | cut -d' ' -f5)" -ge $((400 << 20)) ] || fail "the gap misses payload"
steer open gaps | grep -q gap && fail "the gap was not taken"
python3 "$work/tagged.py" 80 || fail "tc: a tagged frame did not arrive with its tag"
[ "$(steer open gaps | cut -d' ' -f3,4,5)" = "1 67 9" ] || fail "tc: tagged frame not counted"
steer closed attach
send 10.77.0.2 80 1 2 && fail "tc, closed: payload passed"
echo "tc, other port, closed:  $(send 10.77.0.2 81 50 10)" || fail "tc, closed, another port"

steer open xdp
sleep 1
in_box ip link show eb-cli | grep -q 'mtu 1500 xdp ' || fail "XDP is not attached natively"
echo "xdp, another port:       $(send 10.77.0.2 81 400 10)" || fail "xdp, another port"
echo "xdp, service, dead open: $(send 10.77.0.2 80 400 10)" || fail "xdp, service, open"
python3 "$work/tagged.py" 80 || fail "xdp: a tagged frame did not arrive with its tag"
steer closed attach  # services and settings only: the XDP program stays
send 10.77.0.2 80 1 2 && fail "xdp, closed: payload passed"
steer open status
steer open detach
[ -z "$(in_box tc filter show dev eb-cli ingress)" ] || fail "a tc filter stays"
in_box ip link show eb-cli | grep -q xdp && fail "an XDP program stays"
[ ! -e "$work/bpf" ] || fail "the pins stay"
echo "bridge check: good"
