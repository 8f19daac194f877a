# A storage that throws away what it takes: `. "$(dirname "$0")/_sink.sh"` after _cordon.sh, then
# `cordon_up sink`. SINK_PORTS: where it listens.
start_sink() {
    # shellcheck disable=SC2086  # ports are words
    start_background sink $IN_STO python3 "$ROOT/tests/bench/inline_put.py" sink "$STO_IP4" \
        ${SINK_PORTS:-80}
    wait_for 5 grep -q ready "$WORK/sink.log" || fail "the sink did not start"
}
