#!/bin/bash
# The known file is found as the second object of a connection, and as the second of a pipeline.
. "$(dirname "$0")/_cordon.sh"
cordon_up

upload keep-alive /clean "$WORK/clean" --also "$WORK/known"
check "the first is stored, the second refused" \
    [ "$(cut -c1-3 "$WORK/answer.log" | paste -sd ' ')" = "201 403 clo" ]
check "the clean bytes are right" cmp "$WORK/clean" "$WORK/www/clean"
check "nothing of the known file is stored" no_trace known
rm "$WORK/www/clean"

upload pipeline /clean "$WORK/clean" --also "$WORK/known"
# While the first awaits its answer, a 403 would be taken for that: then the connection only ends.
check "both written at once: refused or ended" grep -qE '^(403|closed)' "$WORK/answer.log"
check "nothing of the known file is stored" no_trace known

in_cli curl -sS -i --max-time 20 -T "$WORK/clean" "$URL4/c1" --next -sS -i --max-time 20 \
    -T "$WORK/known" "$URL4/c2" > "$WORK/answer.log"
check "curl: the second on its connection is refused" [ "$(status_of_answer)" = 403 ]
check "nothing of it is stored" no_trace c2
check "three incidents" incident_count 3
