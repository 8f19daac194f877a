#!/bin/bash
# A link that is lost on one side is lost on the other one, and comes back with it. An upload under
# way lives through it. What the operator takes down is not brought up behind his back.
. "$(dirname "$0")/_cordon.sh"
cordon_up

carrier() { [ "$(ip -n "$1" -o link show "$2" | grep -c 'LOWER_UP')" = "$3" ]; }
is_up() { ip -n "$BOX" -o link show "$1" | grep -q '<[^>]*[<,]UP[,>]'; }
is_down() { ! is_up "$1"; }
working() { carrier "$STO" sto0 1 && carrier "$CLI" cli0 1; }
state_of() {
    ctl status --json > "$WORK/status.log" || true
    python3 -c 'import json, sys
print(json.load(sys.stdin)["dataplane"]["ports"][sys.argv[1]])' "$1" < "$WORK/status.log"
}
shows() { [ "$(state_of "$1")" = "$2" ]; }

random_file "$WORK/long" 20000000 3
start_long_upload 6M
sleep 0.5
ip -n "$CLI" link set cli0 down
check "the client's link is lost: the storage sees it" wait_for 5 carrier "$STO" sto0 0
check "status says so" wait_for 5 shows storage held
check "    and why" shows client "no carrier"
ip -n "$CLI" link set cli0 up
check "it is back on both sides" wait_for 5 working
ip -n "$CLI" -6 addr replace "$CLI_IP6/64" dev cli0 nodad # the kernel forgets it with the link

sleep 0.5 # it looks five times a second
ip -n "$STO" link set sto0 down
check "the storage's link is lost: the client sees it" wait_for 5 carrier "$CLI" cli0 0
ip -n "$STO" link set sto0 up
check "it is back on both sides again" wait_for 5 working
ip -n "$STO" -6 addr replace "$STO_IP6/64" dev sto0 nodad
ip -n "$CLI" -6 addr replace "$CLI_IP6/64" dev cli0 nodad
wait $long || true
check "the upload ended well" grep -q '^HTTP/1.1 201' "$WORK/long.log"
check "its bytes are right" cmp "$WORK/long" "$WORK/www/long"
check "inspection goes on" refused "$URL4/known" "$WORK/known"

ip -n "$BOX" link set cor-sto down
check "the operator takes one down: the other follows" wait_for 5 is_down cor-cli
sleep 0.5
check "his stays down" is_down cor-sto
ip -n "$BOX" link set cor-cli up
sleep 0.7
check "what he brings up stays up" is_up cor-cli
check "and the other down" is_down cor-sto
ip -n "$BOX" link set cor-sto up
check "the wire is whole" wait_for 5 working
check "a clean file is stored" wait_for 5 stored "$URL4/clean" "$WORK/clean"

sleep 0.5
ip -n "$STO" link set sto0 down
check "lost once more" wait_for 5 is_down cor-cli
stop_dataplane TERM
check "a dataplane that ends leaves no port down" is_up cor-cli
