#!/bin/bash
# Loss, reordering and duplication on both sides at 10 ms: with a length and in chunks, clean bytes
# arrive as they were sent and the known file is refused.
. "$(dirname "$0")/_cordon.sh"
cordon_up
TRACE_TRIES=50 # an RST may be lost and is repeated
seed=${SEED:-11}
echo "seed $seed"
bad="--loss 1 --reorder 5 --duplicate 3"
wire_up cli $bad --delay-ms 5 --seed "$seed"
wire_up sto $bad --seed $((seed + 100))

for manner in plain "chunked --piece 1000" "chunked --piece 16384"; do
    set -- $manner
    upload "$1" /clean "$WORK/clean" --linger 0.1 "${@:2}"
    check "clean, $manner: stored" grep -q '^20' "$WORK/answer.log"
    check "clean, $manner: as it was sent" cmp "$WORK/clean" "$WORK/www/clean"
    upload "$1" /known "$WORK/known" --linger 0.1 "${@:2}"
    check "known, $manner: refused" grep -q '^403' "$WORK/answer.log"
    check "known, $manner: not stored" no_trace known
done
check "holes were seen" counted gap_segment
check "and repetitions" counted retransmission
limits="gaps_full kept_full inconsistent messages_full buffer_empty tcp_bad_checksum"
check "no limit was met" nothing_of "$limits"
check "every refusal is recorded, once" incident_count 3
