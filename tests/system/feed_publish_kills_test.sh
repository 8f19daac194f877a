#!/bin/bash
# cordon-feed is killed at random moments of import, stage, approve and publish: what is served
# verifies after every kill, generations only rise, and the next command goes on where it was.
. "$(dirname "$0")/_feed.sh"
feed_up
feed_begin 2000
root=$WORK/feed/public/metadata/1.root.json
seed=${SEED:-$RANDOM}
RANDOM=$seed
say "  seed  $seed"

generation_of() { sed -n 's/^generation *//p' "$1"; }

kills=0
last=1
strike() {
    "$FEED" "$@" >> "$WORK/log" 2>&1 < /dev/null &
    local victim=$!
    sleep "0.0$(printf %02d $((RANDOM % 60)))"
    if kill -9 $victim 2>/dev/null; then kills=$((kills + 1)); fi
    wait $victim 2>/dev/null || true
    "$FEED" verify "$WORK/feed/public" --root "$root" > "$WORK/verified" 2>&1 ||
        fail "after $1: $(cat "$WORK/verified")"
    local now
    now=$(generation_of "$WORK/verified")
    [ "$now" -ge "$last" ] || fail "generation $now after $last"
    last=$now
}

for round in 1 2 3 4 5 6; do
    digests $((round * 300)) $((round * 300 + 2000)) > "$WORK/list"
    strike import "$WORK/feed" "$WORK/list" --source hotline --purpose known-csam --full \
        --category baseline --system "$WORK/system" --dpkg "$WORK/none"
    take_list "$WORK/list" hotline --full
    strike stage "$WORK/feed"
    feed stage "$WORK/feed"
    strike approve "$WORK/feed" --key "$WORK/feed/keys/curator1.key" --yes
    approve curator1 curator2
    strike publish "$WORK/feed"
    strike refresh "$WORK/feed"
    feed publish "$WORK/feed" || feed refresh "$WORK/feed"
    "$FEED" verify "$WORK/feed" > "$WORK/verified"
    check "generation $((round + 1)) is whole" \
        [ "$(generation_of "$WORK/verified")" = $((round + 1)) ]
done
say "  kills $kills"
check "some of the kills hit" [ "$kills" -ge 5 ]
