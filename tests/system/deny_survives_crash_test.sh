#!/bin/bash
# A block that was decided stays enforced when the dataplane dies right after: not one byte of
# payload of that connection reaches the storage any more.
. "$(dirname "$0")/_cordon.sh"
need tcpdump
cordon_up naive
[ "$PORT_KIND" = af_xdp ] || skip "the kernel takes over only with AF_XDP"

cat > "$WORK/client.py" <<'PY'
import socket, sys, time
known = open(sys.argv[2], "rb").read()
client = socket.create_connection((sys.argv[1], 80), 10)
print(client.getsockname()[1], flush=True)
client.sendall(b"PUT /known HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(known) + known)
print(client.recv(4096).split(b"\r\n")[0].decode(), flush=True)
open(sys.argv[3]).readline()  # a background program has no input of ours
try:
    for _ in range(5):  # the connection as it is, and what a client may still have to say
        client.sendall(known[-100000:])
        time.sleep(0.2)
except OSError as why:
    print(why)
PY
mkfifo "$WORK/go"
exec 7<> "$WORK/go"
start_background client $IN_CLI python3 "$WORK/client.py" "$STO_IP4" "$WORK/known" \
    "$WORK/go"
client=$BACKGROUND_PID
check "the known file is refused" wait_for 10 grep -q '403' "$WORK/client.log"
stop_dataplane KILL
port=$(head -n 1 "$WORK/client.log")
before=$(kept_bytes known)
start_background dump $IN_STO tcpdump -n -l -i sto0 "tcp src port $port and greater 100"
sleep 0.5
echo go >&7
wait $client || true
check "no payload of it reached the storage" [ "$(grep -c Flags "$WORK/dump.log")" = 0 ]
check "the storage has no more of it than before" [ "$(kept_bytes known)" -le "$before" ]
check "other connections pass" stored "$URL4/clean" "$WORK/clean"
