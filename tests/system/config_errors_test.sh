#!/bin/bash
# What an operator may get wrong is one line that says what and how to mend it, and an exit status
# by kind.
. "$(dirname "$0")/_cordon.sh"
lab_up
need "$BIN/cordon-dataplane" "$BIN/cordonctl"
random_file "$WORK/known" 1000 1

# refuses STATUS PATTERN command…
refuses() {
    local wanted=$1 pattern=$2 status=0
    shift 2
    timeout 20 "$@" > "$WORK/out" 2>&1 || status=$?
    [ $status = "$wanted" ] && grep -qE "$pattern" "$WORK/out" && return
    echo "status $status:" && cat "$WORK/out"
    return 1
}
one_line() { [ "$(grep -c . "$WORK/out")" = 1 ]; }

write_config
check "the configuration of the tests is right" ctl config check "$CONFIG"
while IFS='|' read -r what edit pattern; do
    write_config
    sed -i "$edit" "$CONFIG"
    check "$what" refuses 8 "cordon.toml:[0-9]+.*$pattern" ctl config check "$CONFIG"
    check "  one line" one_line
done <<'TABLE'
an unknown key|s/^flows_max/flows_mx/|flows_max
a wrong type|s/^port = 80/port = "eighty"/|port
out of range|s/^flows_max = .*/flows_max = 1/|flows_max
a wrong word|s/^kind = .*/kind = "xdp"/|af_xdp
an address that is none|s/^address = "10.*/address = "10.99.0"/|address
TABLE

write_config
check "no such file" refuses 8 'nothere.toml' ctl config check "$WORK/nothere.toml"
check "an unknown command is usage" refuses 2 . "$BIN/cordonctl" frobnicate
check "options that are not there" refuses '(8|11)' . true ||
    check "options that are not there" refuses 11 options \
        in_box "$BIN/cordon-dataplane" --options "$WORK/nothere.cdo"
