#!/bin/bash
# The storage refuses an Expect request before its body. Some servers then discard the body, some
# clients do not send it: whoever reads the next bytes as a request can be fooled. The answer
# passes, then the connection ends; a body that looks like a request is neither stored nor
# forwarded.
. "$(dirname "$0")/_cordon.sh"
cordon_up nginx

printf 'PUT /smuggled HTTP/1.1\r\nHost: storage\r\nContent-Length: 6\r\n\r\nhidden' > "$WORK/fake"
try_storage() {
    upload expect /forbidden/x "$WORK/fake" --pause 0.2
    check "$1: the storage's refusal arrives" grep -q '^40[135]' "$WORK/answer.log"
    check "$1: it is the only answer" [ "$(grep -c '^[1-5][0-9][0-9] ' "$WORK/answer.log")" = 1 ]
    check "$1: the connection ends" grep -qE '^(closed|reset)$' "$WORK/answer.log"
    check "$1: the body is no request" [ ! -e "$WORK/www/smuggled" ]
    upload expect /clean "$WORK/clean"
    check "$1: an accepted Expect goes on" grep -q '^201' "$WORK/answer.log"
    check "$1: its bytes are right" cmp "$WORK/clean" "$WORK/www/clean"
    rm "$WORK/www/clean"
    upload expect /known "$WORK/known"
    check "$1: an accepted Expect is inspected" grep -q '^403' "$WORK/answer.log"
    check "$1: nothing is stored" no_trace known
}

try_storage nginx
stop_nginx
start_apache
try_storage apache
check "both were counted" counted http_expect_refused 2
