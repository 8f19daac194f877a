#!/bin/bash
# A client declares one byte more than the known file has, sends the file and hangs up: the held
# tail is looked up before the hang-up passes.
. "$(dirname "$0")/_cordon.sh"
cordon_up nginx

for end in fin rst; do
    upload one-more "/known-$end" "$WORK/known" --end $end --pause 0.1
    check "nginx, $end: nothing is stored" no_trace known
done
check "both are incidents" incident_count 2
stop_nginx
start_naive
for end in fin rst; do
    upload one-more "/known-$end" "$WORK/known" --end $end --pause 0.1
    sleep 0.3
    kept=$(kept_bytes "known-$end")
    check "naive storage, $end: the file is not whole ($kept bytes)" [ "$kept" -lt "$KNOWN_SIZE" ]
done
check "four incidents" incident_count 4
