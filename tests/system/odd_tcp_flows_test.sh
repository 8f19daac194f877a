#!/bin/bash
# No timestamps, no SACK, ECN, tiny windows, delayed ACKs, IPv6: uploads flow, and nothing of them
# is dropped for being odd. The known file is refused in each.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_oddities.sh"
KNOWN_SIZE=60000
cordon_up

clean_and_known() {
    check "$1: a clean upload is stored" upload_to "/clean-$1" "$WORK/clean" 20
    check "$1: as it was sent" cmp "$WORK/clean" "$WORK/www/clean-$1"
    check "$1: nothing of it was dropped" nothing_dropped
    check "$1: the known file is refused" upload_to "/known-$1" "$WORK/known" 403
    check "$1: and not stored" no_trace known
}
for oddity in $ODDITIES; do with "$oddity" clean_and_known "$oddity"; done
check "every refusal is recorded, once" incident_count 9
