#!/bin/bash
# The same oddities on a path that loses, reorders, repeats and marks on both sides of us.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_oddities.sh"
KNOWN_SIZE=40000
cordon_up
TRACE_TRIES=50 # an RST may be lost and is repeated
seed=${SEED:-3}
echo "seed $seed"
bad="--loss 1 --reorder 2 --duplicate 2 --mark 5"
wire_up cli $bad --seed "$seed"
wire_up sto $bad --seed $((seed + 100))

clean_and_known() {
    check "$1: a clean upload is stored" upload_to "/clean-$1" "$WORK/clean" 20
    check "$1: as it was sent" cmp "$WORK/clean" "$WORK/www/clean-$1"
    check "$1: the known file is refused" upload_to "/known-$1" "$WORK/known" 403
    check "$1: and not stored" no_trace known
}
for oddity in $ODDITIES; do with "$oddity" clean_and_known "$oddity"; done
limits="gaps_full kept_full inconsistent messages_full buffer_empty tcp_bad_checksum"
check "no limit was met" nothing_of "$limits"
check "every refusal is recorded, once" incident_count 9
