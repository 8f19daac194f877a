#!/bin/bash
# More frames come than the queue of a worker that stands still for a moment can hold: they are
# dropped and counted, TCP repeats what was among them, and not one passes beside the worker.
LIMIT_LINES='heartbeat_ms_max = 3000' # a crowded machine must not make this a test of the bypass
. "$(dirname "$0")/_cordon.sh"
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "only an AF_XDP queue is looked at here"

random_file "$WORK/long" 8000000 3
start_long_upload 4M
sleep 0.5
cat > "$WORK/flood.py" <<'PY'
import socket, struct, sys
# RSTs of connections that nobody has: the worker passes them on and keeps nothing.
mac = bytes.fromhex(sys.argv[1].replace(":", "")) + bytes.fromhex(sys.argv[2].replace(":", ""))
client, storage = socket.inet_aton(sys.argv[3]), socket.inet_aton(sys.argv[4])

def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF

def frame(number):
    tcp = struct.pack("!HHIIBBHHH", 1024 + number, 80, number, 0, 5 << 4, 4, 0, 0, 0)
    sum_over = checksum(client + storage + struct.pack("!BBH", 0, 6, 20) + tcp)
    tcp = tcp[:16] + struct.pack("!H", sum_over) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, client, storage)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return mac + b"\x08\x00" + ip + tcp

link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("cli0", 0))
frames = [frame(number) for number in range(6000)]
print("ready", flush=True)
open(sys.argv[5]).readline()  # a background program has no input of ours
for one in frames:
    while True:
        try:
            link.send(one)
            break
        except BlockingIOError:
            pass
PY
mac_of() { ip -n "$1" -o link show "$2" | sed -n 's/.*link\/ether \([0-9a-f:]*\).*/\1/p'; }
mkfifo "$WORK/go"
exec 7<> "$WORK/go"
start_background flood $IN_CLI python3 "$WORK/flood.py" "$(mac_of $STO sto0)" \
    "$(mac_of $CLI cli0)" "$CLI_IP4" "$STO_IP4" "$WORK/go"
flood=$BACKGROUND_PID
wait_for 5 grep -q ready "$WORK/flood.log" || fail "no flood"
missed() {
    ctl coverage --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["ports"]["client"]["missed"])'
}
kill -STOP $DATAPLANE_PID
echo go >&7
wait $flood
_forget $flood
kill -CONT $DATAPLANE_PID
check "what found no room is counted" at_least 3000 missed
check "nothing passed beside the worker" [ "$(gap_bytes 2)" = 0 ]
check "    and none of it is called bypassed" \
    [ "$(ledger frames uninspected:bypassed bytes)" = 0 ]
wait $long || true
check "the upload ended well" grep -q '^HTTP/1.1 201' "$WORK/long.log"
check "its bytes are right" cmp "$WORK/long" "$WORK/www/long"
check "a known file is refused" refused "$URL4/known" "$WORK/known"
