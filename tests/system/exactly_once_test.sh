#!/bin/bash
# cordond is killed again and again while known files are refused: every refusal is one incident,
# none is missing and none is there twice.
. "$(dirname "$0")/_cordon.sh"
cordon_up

attempts=24
refuse_many() {
    local n
    for n in $(seq $attempts); do
        refused "$URL4/known$n" "$WORK/known" && echo "$CASE" >> "$WORK/cases"
    done
}
: > "$WORK/cases"
refuse_many &
many=$!
_remember $many
for n in 1 2 3 4 5; do
    sleep 0.2
    stop_cordond KILL
    sleep 0.05
    start_cordond "$CONFIG"
done
wait $many || true
_forget $many
check "all $attempts were refused" [ "$(wc -l < "$WORK/cases")" = $attempts ]
check "each with a case of its own" [ "$(sort -u "$WORK/cases" | wc -l)" = $attempts ]
check "nothing is stored" no_trace known
check "as many incidents" incident_count $attempts
in_store() { incidents | grep -o '"case": *"[^"]*"' | cut -d'"' -f4 | sort; }
same_cases() { [ "$(in_store)" = "$(sort "$WORK/cases")" ]; }
check "the cases the clients were told, each once" same_cases
stop_cordond KILL
start_cordond "$CONFIG"
check "read once more from the start, still the same" wait_for 5 same_cases
