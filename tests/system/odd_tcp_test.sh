#!/bin/bash
# A TCP of our own uploads in every odd way. Honest ones are served: clean bytes arrive as they were
# sent, the known file is refused. By whatever lie, the known file never arrives.
. "$(dirname "$0")/_cordon.sh"
KNOWN_SIZE=12000
cordon_up
odd=$ROOT/tests/support/odd_tcp.py
seed=${SEED:-1}
say "seed $seed"

refusals=0
odd_tcp() {
    in_cli python3 "$odd" cli0 "$1" "/$2" "$WORK/${2%%-*}" --seed "$((seed++))" \
        > "$WORK/odd.log" 2>&1 || return 1
    [ "$(head -n 1 "$WORK/odd.log")" != 403 ] || refusals=$((refusals + 1))
}
answered() { odd_tcp "$@" && [ "$(head -n 1 "$WORK/odd.log")" = "$status" ]; }

for manner in $(python3 "$odd" cli0 list-honest); do
    status=201
    check "$manner: a clean upload is stored" answered "$manner" "clean-$manner"
    check "$manner: as it was sent" cmp "$WORK/clean" "$WORK/www/clean-$manner"
    status=403
    check "$manner: the known file is refused" answered "$manner" "known-$manner"
done
differs() { [ ! -e "$2" ] || ! cmp -s "$1" "$2"; }
for manner in $(python3 "$odd" cli0 list-lying); do
    odd_tcp "$manner" "known-$manner"
    check "$manner: what arrives is not the known file" \
        differs "$WORK/known" "$WORK/www/known-$manner"
done
check "liars are cut" counted inconsistent 3
check "every refusal is recorded, once" incident_count "$refusals"
