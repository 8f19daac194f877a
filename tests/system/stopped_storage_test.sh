#!/bin/bash
# A storage that stops in the midst of uploads (its windows fill and close) stops these and no
# others; when it goes on so do they, and arrive as they were sent.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_overload.sh"
second_service
LIMIT_LINES='kept_bytes_worker_max = 4194304
kept_bytes_flow_max = 4194304'
cordon_up
start_background other $IN_STO python3 "$ROOT/tests/support/naive_server.py" \
    "$STO_IP4" 81 "$WORK/www"
other=$BACKGROUND_PID
wait_for 5 grep -q ready "$WORK/other.log" || fail "the other storage did not start"

random_file "$WORK/big" 20000000 3
clients=
for n in 1 2 3 4; do
    start_background "big$n" $IN_CLI curl -sS -i --max-time $((60 + OVERLOAD_SECONDS)) \
        --limit-rate 20M -T "$WORK/big" "$URL4:81/big$n"
    clients="$clients $BACKGROUND_PID"
done
wait_for 5 [ -s "$WORK/www/big4" ] || fail "the uploads did not begin"
kill -STOP "$other"
served_on
for pid in $clients; do kill -0 "$pid" || fail "an upload ended while its storage stood"; done
kill -CONT "$other"
for pid in $clients; do wait "$pid" || fail "an upload did not go on"; done
for n in 1 2 3 4; do
    check "upload $n is whole" cmp "$WORK/big" "$WORK/www/big$n"
done
