#!/bin/bash
# With 5 % loss on each side refusals still arrive, nothing is stored, clean bytes are right.
. "$(dirname "$0")/_cordon.sh"
cordon_up
TRACE_TRIES=50 # an RST may be lost and is repeated
seed=${SEED:-7}
echo "seed $seed"
wire_up cli --loss 5 --seed "$seed"
wire_up sto --loss 5 --seed $((seed + 100))

for n in 1 2 3 4; do
    check "clean upload $n is stored" stored "$URL4/clean$n" "$WORK/clean"
    check "its bytes are right" cmp "$WORK/clean" "$WORK/www/clean$n"
    check "known upload $n is refused" refused "$URL4/known$n" "$WORK/known"
    check "nothing of it is stored" no_trace known
done
upload chunked /known "$WORK/known" --piece 1000
check "chunked: refused" grep -q '^403' "$WORK/answer.log"
check "chunked: nothing is stored" no_trace known
