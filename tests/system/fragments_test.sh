#!/bin/bash
# Every IP datagram of an upload comes in fragments. A clean file arrives as it was sent, the known
# one is refused; fragments that overlap deliver nothing. IPv4, or what FAMILY says.
. "$(dirname "$0")/_cordon.sh"
KNOWN_SIZE=12000
cordon_up
seed=${SEED:-1}
say "seed $seed"

mac_of() { ip -n "$1" -o link show "$2" | sed 's,.*link/ether \([0-9a-f:]*\).*,\1,'; }
cli_mac=$(mac_of "$CLI" cli0)
sto_mac=$(mac_of "$STO" sto0)
for address in 10.99.0.77 fd99::77; do
    ip -n "$STO" neigh replace "$address" lladdr "$cli_mac" dev sto0 nud permanent
done
refusals=0
# fragmented FAMILY MANNER NAME [option…]
fragmented() {
    local from=10.99.0.77 to=$STO_IP4
    [ "$1" = 4 ] || { from=fd99::77 to=$STO_IP6; }
    in_cli python3 "$ROOT/tests/support/fragment_tcp.py" cli0 "$2" "/$3" "$WORK/${3%%-*}" \
        --source "$from" --destination "$to" --peer-mac "$sto_mac" --seed "$((seed++))" "${@:4}" \
        > "$WORK/fragmented.log" 2>&1 || return 1
    [ "$(head -n 1 "$WORK/fragmented.log")" != 403 ] || refusals=$((refusals + 1))
}
answered() {
    local status=$1
    shift
    fragmented "$@" && [ "$(head -n 1 "$WORK/fragmented.log")" = "$status" ]
}

family=${FAMILY:-4}
for manner in in-order backwards shuffled repeated; do
    name=$manner-$family
    check "$name: a clean upload is stored" answered 201 $family $manner "clean-$name"
    check "$name: as it was sent" cmp "$WORK/clean" "$WORK/www/clean-$name"
    check "$name: the known file is refused" answered 403 $family $manner "known-$name"
    check "$name: and not stored" no_file "known-$name"
done
check "IPv$family: segments of 8000 bytes" \
    answered 201 $family in-order clean-large-$family --size 1448 --segment 8000
check "IPv$family: arrive as they were sent" cmp "$WORK/clean" "$WORK/www/clean-large-$family"
for manner in same-place-before same-place-after over-the-border over-the-header; do
    name=$manner-$family
    check "$name: the known file is refused" answered 403 $family $manner "known-$name"
    check "$name: and not stored" no_file "known-$name"
done
if [ "${FAMILY:-4}" = 4 ]; then
    check "eight bytes of TCP are enough" answered 403 4 in-order known-tiny --size 8 --segment 200
else
    unanswered() { ! fragmented "$@"; }
    check "a header of TCP in pieces opens nothing" unanswered 6 in-order known-tiny --size 16
    check "it is counted" counted fragment_tiny
fi
check "overlaps are counted" counted fragment_overlap 10
check "every refusal is recorded, once" incident_count "$refusals"
balanced() { ctl coverage --json | grep -q '"balanced": *true'; }
check "every frame is in one class" wait_for 8 balanced
