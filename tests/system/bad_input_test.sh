#!/bin/bash
# Requests whose framing is in doubt get 400 and the connection ends; each is counted by its name.
. "$(dirname "$0")/_cordon.sh"
cordon_up

# A row: outcome, then the request as printf writes it.
while IFS='|' read -r name request; do
    request=${request/START/'PUT /bad HTTP/1.1\r\nHost: x\r\n'}
    printf "${request/CHUNKED/Transfer-Encoding: chunked}" > "$WORK/request"
    before=$(outcome "$name")
    upload raw / "$WORK/request" > /dev/null
    check "$name: 400 and cut" [ "$(cut -c1-4 "$WORK/answer.log" | paste -sd,)" = '400 ,clos' ]
    check "$name is counted" counted "$name" $((before + 1))
done <<'TABLE'
http_bare_lf|PUT /bad HTTP/1.1\nHost: x\nContent-Length: 1\n\nx
http_both_lengths|STARTContent-Length: 1\r\nCHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n
http_bad_length|STARTContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx
http_bad_chunk|STARTCHUNKED\r\n\r\nfffffffffffffffff\r\nx
http_bad_coding|STARTTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n
http_folded_header|STARTA: b\r\n c\r\nContent-Length: 1\r\n\r\nx
http_bad_header_name|STARTContent-Length : 1\r\n\r\nx
http_bad_host|PUT /bad HTTP/1.1\r\nContent-Length: 1\r\n\r\nx
http_bad_version|PUT /bad HTTP/9.9\r\nHost: x\r\nContent-Length: 1\r\n\r\nx
TABLE
check "nothing is stored" no_trace bad

{
    # Long by many lines: of a single one nginx has enough before we have.
    printf 'PUT /bad HTTP/1.1\r\nHost: x\r\n'
    for n in $(seq 30); do printf 'A%d: %0900d\r\n' "$n" 0; done
    printf '\r\n'
} > "$WORK/request"
upload raw / "$WORK/request" > /dev/null
check "a head that never ends: 431" grep -q '^431' "$WORK/answer.log"
check "it is counted" counted http_head_too_long
check "good requests still pass" stored "$URL4/clean" "$WORK/clean"
