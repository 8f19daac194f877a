#!/bin/bash
# A client that was refused uses the same source port again at once, as terminators do: its next
# upload is neither stalled nor passed over.
. "$(dirname "$0")/_cordon.sh"
cordon_up

stored_from() {
    put "$URL4/clean" "$WORK/clean" --local-port "$1" --max-time 3 &&
        [[ $(status_of_answer) = 20[14] ]]
}
for port in 45001 45002 45003; do
    check "refused from port $port" refused "$URL4/known" "$WORK/known" --local-port $port
    sleep 0.2 # until the client's kernel has given the port back
    check "stored from port $port" stored_from $port
    sleep 0.2
done
check "nothing of the known file is stored" no_trace known
check "three incidents" incident_count 3
