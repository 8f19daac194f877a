#!/bin/bash
# Behind a terminator that speaks the PROXY protocol (curl plays it): the upload is inspected behind
# the header, and the incident names the client and the account that were told.
. "$(dirname "$0")/_cordon.sh"
SERVICE_LINES='
proxy_protocol = "accept"
client_from = "proxy"
account_from = "basic-user"
trusted_hops = ["10.99.0.0/24", "fd99::/64"]'
cordon_up
sed -i 's/listen 80; listen \[::\]:80;/listen 80 proxy_protocol; listen [::]:80 proxy_protocol;/' \
    "$WORK/nginx.conf"
old=$(pgrep -P "$(cat "$WORK/nginx.pid")")
kill -HUP "$(cat "$WORK/nginx.pid")"
gone() { ! kill -0 "$1" 2> /dev/null; }
check "nginx expects PROXY headers" wait_for 5 gone "$old"

proxied() { put "$1" "$2" --haproxy-protocol -u alice:secret; }
stored_proxied() { proxied "$@" && [ "$(status_of_answer)" = 201 ]; }

check "a clean upload behind a PROXY header is stored" stored_proxied "$URL4/clean" "$WORK/clean"
check "its bytes are right" cmp "$WORK/clean" "$WORK/www/clean"
proxied "$URL4/known" "$WORK/known"
check "the known file is refused" [ "$(status_of_answer)" = 403 ]
check "nothing is stored" no_trace known
CASE=$(grep -om1 "$CASE_PATTERN" "$WORK/answer.log")
check "the incident is stored" wait_for 5 incident_known "$CASE"
ctl incidents show "$CASE" --reveal --reason test --json > "$WORK/incident.json"
check "with the account" grep -q '"alice"' "$WORK/incident.json"
check "with the forwarded client" grep -qE '"forwarded[^}]*10\.99\.0\.1' \
    <(tr -d '\n ' < "$WORK/incident.json")
proxied "$URL6/known6" "$WORK/known"
check "over IPv6 as well" [ "$(status_of_answer)" = 403 ]
printf 'PROXY TCP4 nonsense\r\n' > "$WORK/bad"
before=$(outcome proxy_header_bad)
upload raw / "$WORK/bad" > /dev/null
check "a malformed PROXY header is cut and counted" \
    at_least $((before + 1)) outcome proxy_header_bad
