#!/bin/bash
# SYNs from invented addresses, which the storage answers, fill the flow table many times over:
# uploads go on, a known file is refused, nothing grows.
# Alone: the flood takes a processor.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_overload.sh"
need "$CROWD"
LIMIT_LINES=
cordon_up
# The storage answers them, and the answers end in the client's namespace.
ip -n "$STO" route add default via "$CLI_IP4"
in_sto sh -c 'echo 1 > /proc/sys/net/ipv4/tcp_syncookies'

head -c 20000000 /dev/urandom > "$WORK/long"
start_long_upload 4M
served 0
before=$(resident_kb)
crowd_up flood cli flood "$STO_IP4" 80 20000
flood=$CROWD_PID
served_on
crowd_down "$flood"
say "  $(said flood sent) SYNs"
check "flows were given up for others" counted flow_evicted 10000
check "no SYN was refused" [ "$(outcome flow_table_full)" = 0 ]
wait "$long" || fail "the upload that was under way failed"
check "the upload that was under way is whole" cmp "$WORK/long" "$WORK/www/long"
GROWTH_KB=8192
check "the dataplane has not grown" no_growth "$before"
