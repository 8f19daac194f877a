#!/bin/bash
# Twenty thousand connections that say nothing: uploads go on beside them, memory does not grow with
# them, and those beyond the table take the places of the longest idle.
# Alone: its crowd takes a processor and the memory of sockets.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_overload.sh"
need "$CROWD"
second_service
eval "$(declare -f write_config | sed '1s/write_config/_all_config/')"
write_config() {
    _all_config
    sed -i 's/^flows_max = .*/flows_max = 16384/' "$CONFIG"
}
cordon_up
crowd_up others sto serve "$STO_IP4" 81
served 0
before=$(resident_kb)
in_cli sh -c 'echo 2000 65000 > /proc/sys/net/ipv4/ip_local_port_range'
crowd_up idle cli hold "$STO_IP4" 81 20000
check "all of them are established" [ "$(said idle established)" = 20000 ]
# A table that fills up within a second has nobody idle for long enough: those SYNs come again.
full=$(outcome flow_table_full)
served_on
check "the longest idle were given up" counted flow_evicted 3000
check "no upload was refused for them" [ "$(outcome flow_table_full)" = "$full" ]
check "the dataplane has not grown" no_growth "$before"
