#!/bin/bash
# A feed that cordon-feed published is followed by a TUF client that is not ours, delegations
# included, through a new generation and new keys; and it refuses what was tampered with.
. "$(dirname "$0")/_feed.sh"
need_tuf_js
feed_up
feed_begin 50
start_mirror
follow() {
    node "$ROOT/tests/support/javascript/feed_client.js" "$MIRROR" \
        "$WORK/feed/public/metadata/1.root.json" "$WORK/${1:-client}" > "$WORK/followed"
}
followed() { grep -qx "$1" "$WORK/followed"; }
size_of() { stat -c %s "$WORK"/feed/public/targets/$1; }
fails() { if "$@" > "$WORK/refused" 2>&1; then return 1; fi; }

follow || fail "refused: $(cat "$WORK/followed")"
check "it downloads the full set" followed "full/1.rec $(size_of 'full/*.1.rec') 1"
check "it knows revocations" followed "revocations 1"

digests 20 60 > "$WORK/list"
take_list "$WORK/list" hotline --full
feed_release
feed revoke "$WORK/feed" --key "$WORK/feed/keys/oncall2.key" --reference 7 \
    --reason complaint
follow || fail "refused: $(cat "$WORK/followed")"
check "it downloads the delta" followed "delta/1-2.rec $(size_of 'delta/*.1-2.rec') 2"
check "it sees the suspension" followed "revocations 2"

feed key anna "$WORK/anna.key" --unprotected
feed rotate-key "$WORK/feed" root --add "$WORK/anna.key.pub" --remove root1
feed approve "$WORK/feed" --key "$WORK/anna.key" --yes
approve root2 root3
check "the old holders must sign a new root, too" fails "$FEED" publish "$WORK/feed"
approve root4
feed publish "$WORK/feed"
feed rotate-key "$WORK/feed" timestamp
approve root2 root3 root4
feed publish "$WORK/feed"
follow || fail "refused: $(cat "$WORK/followed")"
check "it follows two new roots" followed "root 3"
check "ours does as well" "$FEED" verify "$WORK/feed"

metadata=$WORK/feed/public/metadata
version=$(ls "$metadata" | sed -n 's/\.releases\.json$//p' | sort -n | tail -n 1)
sed -i 's/"generation":2/"generation":3/' "$metadata/$version.releases.json"
check "it refuses a document that was changed" fails follow other
check "so does ours" fails "$FEED" verify "$WORK/feed"
