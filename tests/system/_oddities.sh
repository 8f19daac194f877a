# TCP as it is found in the field, none of it wrong: `. tests/system/_oddities.sh` after _cordon.sh.
#
#   for oddity in $ODDITIES; do with "$oddity" command…; done
#
# Each sets both ends up, runs the command with UPLOAD_MANNER and URL set, and undoes it.

ODDITIES="plain no_timestamps no_sack neither ecn small_storage_window small_client_buffers
          delayed_acks ipv6"

_at() {
    local end=$1
    shift
    "in_$end" sysctl -qw "$@"
}
_both() {
    _at cli "$@"
    _at sto "$@"
}

_plain_set() { :; }
_plain_undo() { :; }
_no_timestamps_set() { _both net.ipv4.tcp_timestamps=0; }
_no_timestamps_undo() { _both net.ipv4.tcp_timestamps=1; }
_no_sack_set() { _both net.ipv4.tcp_sack=0; }
_no_sack_undo() { _both net.ipv4.tcp_sack=1; }
_neither_set() { _both net.ipv4.tcp_sack=0 net.ipv4.tcp_timestamps=0; }
_neither_undo() { _both net.ipv4.tcp_sack=1 net.ipv4.tcp_timestamps=1; }
_ecn_set() { _both net.ipv4.tcp_ecn=1; }
_ecn_undo() { _both net.ipv4.tcp_ecn=2; }

# A listening socket hands its buffer down, so the storage begins anew.
_small_storage_window_set() {
    _at sto net.ipv4.tcp_rmem="4096 4096 4096"
    stop_nginx
    start_nginx
}
_small_storage_window_undo() {
    _at sto net.ipv4.tcp_rmem="4096 131072 6291456"
    stop_nginx
    start_nginx
}
_small_client_buffers_set() {
    _at cli net.ipv4.tcp_rmem="2304 2304 2304" net.ipv4.tcp_wmem="4608 4608 4608"
}
_small_client_buffers_undo() {
    _at cli net.ipv4.tcp_rmem="4096 131072 6291456" net.ipv4.tcp_wmem="4096 16384 4194304"
}
# Pieces of one segment and a bit, with pauses: the storage waits with every second ACK.
_delayed_acks_set() { UPLOAD_MANNER="slow --piece 1700 --pause 0.003"; }
_delayed_acks_undo() { :; }
_ipv6_set() { ADDRESS=$STO_IP6; }
_ipv6_undo() { ADDRESS=$STO_IP4; }

with() {
    local oddity=$1 status=0
    shift
    UPLOAD_MANNER=plain ADDRESS=$STO_IP4
    "_${oddity}_set"
    "$@" || status=$?
    "_${oddity}_undo"
    return $status
}

# upload_to TARGET FILE STATUS   — in the manner of the oddity; true when the answer begins so.
upload_to() {
    local manner
    read -ra manner <<< "$UPLOAD_MANNER"
    upload "${manner[0]}" "$1" "$2" --linger 0.1 "${manner[@]:1}" > /dev/null
    grep -q "^$3" "$WORK/answer.log"
}

# What a connection that does nothing wrong must not meet.
nothing_dropped() {
    nothing_of "gaps_full kept_full segment_out_of_window segment_old_timestamp segment_unexpected
        segment_bad_flags ack_invalid inconsistent messages_full transmit_full buffer_empty
        tcp_bad_checksum tcp_bad_header"
}
