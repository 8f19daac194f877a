#!/bin/bash
# The rest of a large upload that cannot be a listed file passes in the kernel: it is stored as it
# was sent, counted as dismissed, and the next upload on its connection is inspected like any other.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_shunt.sh"
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "only XDP passes a range of a flow"

large_file 200000000
check "200 MB are stored" stored "$URL4/large" "$WORK/large"
check "as they were sent" cmp "$WORK/large" "$WORK/www/large"
check "a range of it was given to the kernel" counted shunt_granted
check "most of it passed there" at_least 180000000 ledger frames dismissed bytes
check "all of it counts as dismissed" at_least 200000000 ledger objects dismissed:size bytes
check "the worker saw little of it" \
    [ "$(ledger frames inspected bytes)" -lt 15000000 ]

rm "$WORK/www/large"
in_cli curl -sS -i --max-time 20 -T "$WORK/large" "$URL4/large" --next -sS -i --max-time 20 \
    -T "$WORK/known" "$URL4/known" > "$WORK/answer.log"
check "known on the same connection: refused" [ "$(status_of_answer)" = 403 ]
check "nothing of it is stored" no_trace known
check "what came before is, as it was sent" cmp "$WORK/large" "$WORK/www/large"

check "over IPv6 as well" stored "$URL6/large" "$WORK/large"
check "as it was sent" cmp "$WORK/large" "$WORK/www/large"
check "known over IPv6: refused" refused "$URL6/known" "$WORK/known"
check "every refusal is recorded, once" incident_count 2
