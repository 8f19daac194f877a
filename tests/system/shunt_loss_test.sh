#!/bin/bash
# Loss, reordering and duplication on both sides while most of an upload passes in the kernel: it is
# stored as it was sent, and the known file behind it on its connection is refused.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_shunt.sh"
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "only XDP passes a range of a flow"
TRACE_TRIES=50 # an RST may be lost and is repeated
seed=${SEED:-21}
echo "seed $seed"
bad="--loss 0.3 --reorder 2 --duplicate 1"
wire_up cli $bad --delay-ms 2 --seed "$seed"
wire_up sto $bad --seed $((seed + 100))

large_file 12000000
for n in 1 2; do
    upload keep-alive /large "$WORK/large" --also "$WORK/known" --linger 0.1
    check "round $n: stored, then refused" \
        [ "$(cut -c1-3 "$WORK/answer.log" | paste -sd ' ')" = "201 403 clo" ]
    check "as it was sent" cmp "$WORK/large" "$WORK/www/large"
    check "known: not stored" no_trace known
    rm "$WORK/www/large"
done
check "the kernel had its part" at_least 10000000 ledger frames dismissed bytes
check "no connection was taken for an attack" nothing_of "inconsistent buffer_empty"
check "every refusal is recorded, once" incident_count 2
