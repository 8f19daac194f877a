#!/bin/bash
# What an operator may get wrong is one line that says what and how to mend it, and an exit status
# by kind.
. "$(dirname "$0")/_cordon.sh"
lab_up
need "$BIN/cordon-dataplane" "$BIN/cordonctl"
random_file "$WORK/known" 1000 1

ctl=$BIN/cordonctl
dataplane="in_box timeout 20 $BIN/cordon-dataplane"

# refuses STATUS PATTERN command…   — with one line for each error, and all of them match.
refuses() {
    local wanted=$1 pattern=$2 status=0
    shift 2
    "$@" > "$WORK/out" 2> "$WORK/err" || status=$?
    [ $status = "$wanted" ] && grep -qE "$pattern" "$WORK/err" &&
        [ -z "$(grep -vE "$pattern" "$WORK/err")" ] && return
    echo "status $status:" && cat "$WORK/out" "$WORK/err"
    return 1
}

write_config
check "the configuration of the tests is right" $ctl config check "$CONFIG"
while IFS='|' read -r what edit pattern; do
    write_config
    sed -i "$edit" "$CONFIG"
    check "$what" refuses 8 "cordon.toml:[0-9]+: .*$pattern" $ctl config check "$CONFIG"
    check "  cordond says the same" refuses 8 "cordon.toml:[0-9]+: .*$pattern" \
        timeout 20 "$BIN/cordond" --config "$CONFIG"
done <<'TABLE'
an unknown key|s/^flows_max/flows_mx/|flows_max
a wrong type|s/^port = 80/port = "eighty"/|port
out of range|s/^flows_max = .*/flows_max = 1/|1024
a wrong word|s/^kind = .*/kind = "xdp"/|af_xdp
an address that is none|s/^address = "10.*/address = "10.99.0"/|address
TABLE

check "no such configuration" refuses 8 nothere.toml $ctl config check "$WORK/nothere.toml"
check "an unknown command" refuses 2 frobnicate $ctl frobnicate
check "an unknown option" refuses 2 . $dataplane --frobnicate
check "nobody answers" refuses 3 running $ctl --run-dir "$WORK/run" mode show

# options NAME [sed expression]   — compiled from the configuration, changed by it.
options() {
    write_config
    sed -i "${2:-}" "$CONFIG"
    $ctl config compile "$CONFIG" --output "$WORK/$1"
}
echo garbage > "$WORK/garbage"
check "options that are not there" refuses 8 nothere $dataplane --options "$WORK/nothere"
check "options that are none" refuses 8 . $dataplane --options "$WORK/garbage"
options no-port 's/^client = .*/client = "nope0"/'
check "no such interface" refuses 9 nope0 $dataplane --options "$WORK/no-port"
options good
check "digest kernels that are none" refuses 2 'CORDON_ISA.*avx2' \
    in_box env CORDON_ISA=avx1024 timeout 20 "$BIN/cordon-dataplane" --options "$WORK/good"
chmod 755 "$WORK/run" "$WORK/state" && chmod 644 "$WORK/good"
check "no privileges" refuses 5 . \
    in_box setpriv --reuid 65534 --clear-groups --inh-caps=-all --bounding-set=-all \
    "$BIN/cordon-dataplane" --options "$WORK/good"
write_index
head -c 1000 "$WORK/index.cdx" > "$WORK/cut.cdx"
check "a truncated index" refuses 7 . $ctl index check "$WORK/cut.cdx"
check "an index that is none" refuses 7 . $ctl index check "$WORK/garbage"
check "a whole index is right" $ctl index check "$WORK/index.cdx"
