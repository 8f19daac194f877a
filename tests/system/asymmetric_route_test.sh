#!/bin/bash
# A cable beside the appliance: what it sees only one direction of is not inspected, does not pass
# unless the service says so, and raises an alarm.
. "$(dirname "$0")/_cordon.sh"
# On a crowded machine the kernel must not take over here: what it bridges meets no policy.
LIMIT_LINES="heartbeat_ms_max = 5000
[[service]]
name = \"open\"
address = \"$STO_IP4\"
port = 8080
on_midstream = \"pass\""
cordon_up
start_background plain $IN_STO python3 -m http.server --bind "$STO_IP4" -d "$WORK/www" 8080
wait_for 5 $IN_STO bash -c ": < /dev/tcp/$STO_IP4/8080" || fail "the storage does not listen"

# .5: the answers take the cable. .6: the requests do.
ip link add cli1 netns $CLI type veth peer name sto1 netns $STO
for ns in $CLI $STO; do
    nsenter --net=/run/netns/$ns -- sh -c 'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do
        echo 0 > $f; done; for f in /proc/sys/net/ipv4/conf/*/arp_ignore; do echo 0 > $f; done'
done
ip -n $CLI link set cli1 up
ip -n $STO link set sto1 up
ip -n $CLI addr add 10.99.0.5/32 dev cli0
ip -n $CLI addr add 10.99.0.6/32 dev cli0
mac_of() { ip -n $1 -o link show $2 | sed 's,.*link/ether \([0-9a-f:]*\).*,\1,'; }
ip -n $STO route add 10.99.0.5/32 dev sto1
ip -n $STO neigh add 10.99.0.5 lladdr "$(mac_of $CLI cli1)" dev sto1
ip -n $CLI rule add from 10.99.0.6 table 7
ip -n $CLI route add $STO_IP4/32 dev cli1 table 7
ip -n $CLI neigh add $STO_IP4 lladdr "$(mac_of $STO sto1)" dev cli1

# from ADDRESS PORT SECONDS
from() {
    in_cli curl -sS --interface "$1" --max-time "$3" -o /dev/null -w '%{http_code}' \
        "http://$STO_IP4:$2/" 2> "$WORK/curl.log"
}
# curl says 7 or 56 for a reset, as it comes before or after the end of its handshake; 28 in time.
ends_with() {
    local wanted=$1 code=0
    shift
    from "$@" > "$WORK/code" || code=$?
    [[ $code =~ ^($wanted)$ ]]
}
alarmed() {
    ctl status > "$WORK/status.log"
    grep -q "service $1: only one direction of" "$WORK/status.log"
}

check "the route through the appliance works" test "$(from $CLI_IP4 8080 3)" = 200
check "without the answers a connection is reset" ends_with "7|56" 10.99.0.5 80 8
check "it is counted" counted flow_asymmetric
check "without the requests none begins" ends_with 28 10.99.0.6 80 1
check "where the service says so, the first passes" test "$(from 10.99.0.5 8080 3)" = 200
check "and the second" test "$(from 10.99.0.6 8080 3)" = 200
check "as uninspected bytes" at_least 50 ledger objects uninspected:asymmetric bytes
check "status raises the alarm" wait_for 5 alarmed photos
check "for each service" wait_for 5 alarmed open
check "the log tells of it" grep -q '^alarm: service photos: only one direction' \
    "$WORK/dataplane.log"
