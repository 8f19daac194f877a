#!/bin/bash
# `cordonctl check` as Nagios runs it: one line with figures, and 0, 1, 2 or 3 for what an operator
# has to know.
. "$(dirname "$0")/_cordon.sh"
cordon_up

figures='( [a-z_]+=[0-9]+(c|B)?;;;0)+'
# says CODE WORD PATTERN command…
says() {
    local code=$1 word=$2 pattern=$3 status=0
    shift 3
    "$@" > "$WORK/line" 2> "$WORK/err" || status=$?
    [ $status = "$code" ] && [ "$(wc -l < "$WORK/line")" = 1 ] &&
        grep -qE "^CORDON $word - [^|]*${pattern}[^|]*( \|$figures)?\$" "$WORK/line" && return
    echo "exit $status:" && cat "$WORK/line" "$WORK/err"
    return 1
}
figure() { sed -n "s/.* $1=\([0-9]*\).*/\1/p" "$WORK/line"; }

check "all is well" says 0 OK 'inspects, with 1 indicators' ctl check
check "with figures" grep -qE " \|$figures\$" "$WORK/line"
check "refused" refused "$URL4/known" "$WORK/known"
counted_block() { ctl check > "$WORK/line" && [ "$(figure blocked)" = 1 ]; }
check "the block is a figure" wait_for 5 counted_block
check "and the same as JSON" eval 'ctl check --json | python3 -m json.tool | grep -q "\"code\": 0"'

ctl bypass photos --for 1h --reason "a test" > "$WORK/mode.log"
check "a bypass is critical" says 2 CRITICAL 'service photos is not inspected' ctl check
ctl bypass photos --end > "$WORK/mode.log"
check "well again" says 0 OK inspects ctl check

unit_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$BIN/cordonctl" "$@"; }
check "who may not ask does not know" says 3 UNKNOWN 'not allowed' \
    unit_user --run-dir "$WORK/run" check
says_nothing() { local status=0; "$@" > "$WORK/line" 2>&1 || status=$?; [ $status = 3 ]; }
for wrong in "check --unlisted" "check --nonsense" "check more"; do
    check "wrong usage is no alarm: $wrong" says_nothing "$BIN/cordonctl" $wrong
done

stop_cordond KILL
check "without cordond it needs attention" says 1 WARNING 'cordond does not answer' ctl check
start_cordond "$CONFIG"
kill -STOP "$DATAPLANE_PID"
check "a dataplane that hangs is critical" says 2 CRITICAL 'dataplane does not answer' ctl check
kill -CONT "$DATAPLANE_PID"
check "well again" wait_for 5 says 0 OK inspects ctl check
stop_dataplane KILL
check "a dead one is" says 2 CRITICAL 'dataplane does not answer' ctl check
stop_cordond KILL
check "nobody at all is" says 2 CRITICAL 'dataplane does not answer' ctl check
