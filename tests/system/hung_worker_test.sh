#!/bin/bash
# A dataplane that hangs (SIGSTOP) is bridged around; when it goes on (SIGCONT) it sends nothing
# stale and inspects again.
. "$(dirname "$0")/_cordon.sh"
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "the kernel takes over only with AF_XDP"

random_file "$WORK/long" 40000000 3
start_long_upload 10M
# One request after the other on one connection, until that ends.
start_background busy $IN_CLI python3 -c 'import socket, sys, time
request = b"PUT /busy HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n" + bytes(60000)
with socket.create_connection((sys.argv[1], 80), 5) as s:
    try:
        while True:
            s.sendall(request)
            if not s.recv(4096): break
            time.sleep(0.01)
    except ConnectionError: pass
print("ended")' "$STO_IP4"
busy=$BACKGROUND_PID
sleep 1
kill -STOP $DATAPLANE_PID
sleep 0.3
check "a file is stored while the dataplane hangs" stored "$URL4/clean" "$WORK/clean" --max-time 2
check "a client's requests are answered meanwhile" kill -0 $busy
kill -CONT $DATAPLANE_PID
check "its connection is ended, and it does not wait in vain" wait_for 3 grep -q ended \
    "$WORK/busy.log"
check "inspection is back" wait_for 5 refused "$URL4/known" "$WORK/known"
check "nothing is stored" no_file known
wait $long || true
check "the long transfer ended well" grep -q '^HTTP/1.1 201' "$WORK/long.log"
check "its bytes are right" cmp "$WORK/long" "$WORK/www/long"
check "the gap is on record" at_least 100000 gap_bytes 2
