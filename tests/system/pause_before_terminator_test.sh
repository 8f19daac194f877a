#!/bin/bash
# A client sends the known file in chunks and waits before the terminator. The timer looks the
# offset up before it lets the tail go.
. "$(dirname "$0")/_cordon.sh"
cordon_up nginx

upload pause /known "$WORK/known" --pause 0.5
check "nginx: refused" grep -q '^403' "$WORK/answer.log"
check "nginx: nothing is stored" no_trace known
upload late /clean "$WORK/clean" --pause 0.5
check "a clean upload may pause" grep -q '^201' "$WORK/answer.log"
check "its bytes are right" cmp "$WORK/clean" "$WORK/www/clean"
stop_nginx
start_naive
upload pause /known "$WORK/known" --pause 0.5
sleep 0.3
kept=$(kept_bytes known)
check "naive storage: the file is not whole ($kept bytes)" [ "$kept" -lt "$KNOWN_SIZE" ]
check "two incidents" incident_count 2
