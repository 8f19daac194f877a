#!/bin/bash
# What each service says about TLS, other protocols and limits is what its clients meet, and what
# status and coverage show.
. "$(dirname "$0")/_cordon.sh"
need openssl
# On a crowded machine the kernel must not take over here: what it bridges meets no policy.
LIMIT_LINES="heartbeat_ms_max = 5000
[[service]]
name = \"open\"
address = \"$STO_IP4\"
port = 8443
on_tls = \"pass\"
on_unparsable = \"pass\"
[[service]]
name = \"polite\"
address = \"$STO_IP4\"
port = 8444
on_tls = \"refuse\"
on_unparsable = \"reset\"
on_limit = \"reset\""
cordon_up
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=storage \
    -keyout "$WORK/key.pem" -out "$WORK/cert.pem" > "$WORK/openssl.log" 2>&1
start_background tls $IN_STO openssl s_server -quiet -www -accept "$STO_IP4:8443" \
    -cert "$WORK/cert.pem" -key "$WORK/key.pem"
start_background plain $IN_STO python3 -m http.server --bind "$STO_IP4" -d "$WORK/www" 8444
wait_for 5 $IN_STO bash -c ": < /dev/tcp/$STO_IP4/8443 && : < /dev/tcp/$STO_IP4/8444" ||
    fail "the storage does not listen"

https() {
    in_cli curl -sS -k --max-time 5 -o "$WORK/page" -w '%{http_code}' "https://$STO_IP4:$1/"
}
# say_and_hear PORT TEXT   — sends it and prints what comes back until the end.
say_and_hear() {
    in_cli python3 -c 'import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
connection.settimeout(5)
connection.sendall(sys.argv[3].encode().decode("unicode_escape").encode("latin-1"))
while True:
    try: part = connection.recv(65536)
    except ConnectionResetError: sys.exit("reset")
    if not part: break
    sys.stdout.write(part.decode("latin-1"))' "$STO_IP4" "$1" "$2" > "$WORK/heard.log" 2>&1
}
heard() { say_and_hear "$1" "$2" || true; grep -q "$3" "$WORK/heard.log"; }
# decided SERVICE CASE RESULT   — connections, from status.
decided() {
    ctl status --json | python3 -c 'import json, sys
for service in json.load(sys.stdin)["dataplane"]["services"]:
    if service["name"] == sys.argv[1]: print(service["policies"][sys.argv[2]][sys.argv[3]])' "$@"
}
refuses_tls() {
    local code=0
    https "$1" > "$WORK/curl.log" 2>&1 || code=$?
    [ $code != 0 ] && [ $code != 28 ] # 28: it hung
}

check "TLS is reset by default, at once" refuses_tls 80
check "and counted for the service" at_least 1 decided photos tls reset
check "TLS passes where the service says so" test "$(https 8443)" = 200
check "as uninspected bytes" at_least 500 ledger objects uninspected:tls bytes
check "TLS is answered where the service says so" \
    heard 8444 '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' '^HTTP/1.1 503 '
check "a TLS client understands that it is refused" refuses_tls 8444

check "SSH is answered 503 by default" heard 80 'SSH-2.0-test\r\n' '^HTTP/1.1 503 '
check "the preface of HTTP/2 as well" \
    heard 80 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' '^HTTP/1.1 503 '
check "SSH is reset where the service says so" heard 8444 'SSH-2.0-test\r\n' '^reset'
check "ambiguous framing is answered 400" \
    heard 80 'PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx' \
    '^HTTP/1.1 400 '
# In one segment: nothing of it is at the storage when the limit is reached.
many_fields=$(printf 'X: y\\r\\n%.0s' $(seq 130))
check "a head of 130 fields is answered 431" \
    heard 80 "GET / HTTP/1.1\r\nHost: a\r\n$many_fields\r\n" '^HTTP/1.1 431 '
check "and reset where the service says so" \
    heard 8444 "GET / HTTP/1.1\r\nHost: a\r\n$many_fields\r\n" '^reset'

# More requests at once than are followed: all get their answer.
pipelined() {
    in_cli python3 -c 'import socket, sys
connection = socket.create_connection((sys.argv[1], 80), 5)
connection.settimeout(5)
connection.sendall(b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n" * 60)
heard = b""
while heard.count(b"HTTP/1.1 404 ") < 60: heard += connection.recv(65536)' "$STO_IP4"
}
check "sixty requests at once are all answered" pipelined
check "though only some were let ahead" counted http_pipeline_full
check "status shows what is set" grep -q 'reset: ' <(ctl status)
check "coverage shows what was decided" grep -qE 'polite +limit +reset +0 +1 ' <(ctl coverage)
