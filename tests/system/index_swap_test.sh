#!/bin/bash
# Lists change under load: no upload stalls or fails, the new list is in force at once, and a file
# that is truncated, garbage or gone changes nothing.
. "$(dirname "$0")/_cordon.sh"
cordon_up

random_file "$WORK/later" "$KNOWN_SIZE" 4
sha256sum "$WORK/known" "$WORK/later" | cut -d' ' -f1 > "$WORK/both.txt"
sha256sum "$WORK/known" | cut -d' ' -f1 > "$WORK/one.txt"
build() { "$BIN/cordonctl" index build --output "$WORK/index.cdx" "$@" >> "$WORK/index.log" 2>&1; }
swapped() { at_least "$1" outcome generation_swapped; }

load() {
    local n
    for n in $(seq 40); do
        in_cli curl -sS -o /dev/null -w '%{http_code} %{time_total}\n' --max-time 5 \
            -T "$WORK/clean" "$URL4/clean$1" 2>&1
    done > "$WORK/load$1"
}
loads=
for n in 1 2; do
    load $n &
    loads="$loads $!"
    _remember $!
done
check "what is not listed is stored" stored "$URL4/later" "$WORK/later"
rm "$WORK/www/later"
swaps=$(outcome generation_swapped)
for n in 1 2; do
    sleep 0.2
    build "$WORK/both.txt"
    swaps=$((swaps + 1))
    check "swap $n is in force" swapped $swaps
    check "what it lists is refused" refused "$URL4/later" "$WORK/later"
    sleep 0.2
    build "$WORK/one.txt"
    swaps=$((swaps + 1))
    check "back again" swapped $swaps
done
wait $loads || true
check "no upload failed" [ -z "$(grep -v '^20[14] ' "$WORK/load1" "$WORK/load2")" ]
check "all uploads were made" [ "$(cat "$WORK/load1" "$WORK/load2" | wc -l)" = 80 ]
slowest=$(cut -d' ' -f2 "$WORK/load1" "$WORK/load2" | sort -n | tail -n 1)
check "none stalled (slowest $slowest s)" awk "BEGIN { exit !($slowest < 1) }"

# A list that is built twice in a second has the same generation.
on_record() { ctl audit show --did index.in_force | grep -qF "generation 7, $1 indicators"; }
build --generation 7 "$WORK/both.txt"
check "a new list is on record" wait_for 5 on_record 2
build --generation 7 "$WORK/one.txt"
check "and another one of the same generation" wait_for 5 on_record 1

cp "$WORK/index.cdx" "$WORK/good.cdx"
head -c 3000 "$WORK/good.cdx" > "$WORK/bad.cdx" && mv "$WORK/bad.cdx" "$WORK/index.cdx"
sleep 1
check "a truncated file: still refused" refused "$URL4/known" "$WORK/known"
random_file "$WORK/bad.cdx" 50000 5 && mv "$WORK/bad.cdx" "$WORK/index.cdx"
sleep 1
check "garbage: still refused" refused "$URL4/known" "$WORK/known"
check "cordond says why" grep -q "not an index" "$WORK/cordond.log"

rm "$WORK/index.cdx"
sleep 1
check "no file: still refused" refused "$URL4/known" "$WORK/known"
check "nothing of it is stored" no_trace known
