# For the tests of overload: bad company (tests/support/crowd), and what the dataplane takes.
#
# OVERLOAD_SECONDS makes a test last longer (a soak).

OVERLOAD_SECONDS=${OVERLOAD_SECONDS:-3}
CROWD=$ROOT/build/release/tests/support/crowd

# A second service on port 81 of the storage, for bad company and its storage.
second_service() {
    eval "$(declare -f write_config | sed '1s/write_config/_first_config/')"
    write_config() {
        _first_config
        cat >> "$CONFIG" <<TEXT
[[service]]
name = "others"
address = "$STO_IP4"
port = 81
TEXT
    }
}

# crowd_up NAME cli|sto word…   — in the background; its output is $WORK/NAME.log. CROWD_PID.
crowd_up() {
    local name=$1 side=$2
    shift 2
    start_background "$name" nsenter --net="/run/netns/${LAB_PREFIX}$side" -- "$CROWD" "$@"
    CROWD_PID=$BACKGROUND_PID
    wait_for "${READY_SECONDS:-10}" grep -q ready "$WORK/$name.log" || fail "$name is not ready"
}
crowd_down() {
    _stop_pid "$1" TERM
    _forget "$1"
}
# said NAME WORD   — a number that it printed.
said() { sed -n "s/^$2=//p" "$WORK/$1.log"; }

# Uploads that must go as if nobody else were there: clean ones arrive, the known one is refused.
served() {
    local n=$1
    check "a clean upload arrives ($n)" stored "$URL4/clean$n" "$WORK/clean"
    check "  as it was sent" cmp "$WORK/clean" "$WORK/www/clean$n"
    check "the known file is refused ($n)" refused "$URL4/known$n" "$WORK/known"
    check "  and not stored" no_file known
}
# The same for OVERLOAD_SECONDS.
served_on() {
    local until=$((SECONDS + OVERLOAD_SECONDS)) n=0
    while [ $SECONDS -lt $until ]; do
        n=$((n + 1))
        served "$n" > "$WORK/served.log" || { cat "$WORK/served.log"; exit 1; }
    done
    say "  ok    $n rounds of a clean and a known upload"
    ROUNDS=$n
}

resident_kb() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$DATAPLANE_PID/status"; }
# no_growth BEFORE_KB   — beyond pages of pools that are touched for the first time. Both files of a
# round have a place in `assembly`, until whole objects have their share of it: a quarter of 8192.
# With digests and what they are found by a place has less than 5 KB.
no_growth() {
    local files=$((2 * (ROUNDS < 1024 ? ROUNDS : 1024)))
    [ "$(resident_kb)" -le $(($1 + ${GROWTH_KB:-4096} + 5 * files)) ]
}
