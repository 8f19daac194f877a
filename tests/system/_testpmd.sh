# DPDK's testpmd in the box instead of an appliance: `. "$(dirname "$0")/_testpmd.sh"` after
# _cordon.sh. It forwards every frame as it is (io) between the same ports, with LAB_QUEUES queues
# and a core for each.

# Busy polling takes a core; it is stopped while it is not measured.
start_testpmd() {
    local first=${PORT_KIND#af_} queues=${LAB_QUEUES:-1} count cores=0@0 n
    count=$([ "$first" = xdp ] && echo queue_count || echo qpairs)
    for n in $(seq "$queues"); do cores=$cores,$n@$((n % $(nproc))); done
    mkfifo "$WORK/testpmd.in"
    # What DPDK makes for a process goes with $WORK.
    start_background testpmd $IN_BOX env RUNTIME_DIRECTORY="$WORK" $with_queues \
        sh -c 'exec dpdk-testpmd "$@" 0<> '"$WORK/testpmd.in" testpmd \
        --no-huge --no-shconf --no-pci --no-telemetry --iova-mode=va -m 256 --lcores "$cores" \
        --file-prefix="${LAB_PREFIX}$$" \
        --vdev "net_af_${first}0,iface=cor-cli,$count=$queues" \
        --vdev "net_af_${first}1,iface=cor-sto,$count=$queues" -- \
        --forward-mode=io --auto-start --no-lsc-interrupt --rxd=2048 --txd=2048 \
        --total-num-mbufs=16384 --mbuf-size=3840 \
        --rxq="$queues" --txq="$queues" --nb-cores="$queues"
    TESTPMD_PID=$BACKGROUND_PID
    wait_for 20 grep -q 'Checking link' "$WORK/testpmd.log" || fail "testpmd did not start"
}

stop_testpmd() {
    local end
    _stop_pid "$TESTPMD_PID" TERM
    _forget "$TESTPMD_PID"
    rm -f "$WORK/testpmd.in"
    # It leaves its XDP programs.
    for end in cor-cli cor-sto; do in_ns_quiet "$BOX" ip link set "$end" xdp off; done
}
