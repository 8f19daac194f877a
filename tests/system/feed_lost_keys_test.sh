#!/bin/bash
# Lost and stolen keys: each runbook of docs/feed-keys.md, word for word, with an appliance that has
# followed the feed before and goes on following it.
. "$(dirname "$0")/_sync.sh"

fails() { ! "$@"; }
# new_key NAME: of somebody who takes the place.
new_key() { feed key "$1" "$WORK/feed/keys/$1.key" --unprotected; }
public() { echo "$WORK/feed/keys/$1.key.pub"; }
rotate() { feed rotate-key "$WORK/feed" "$@"; }
publish() { feed publish "$WORK/feed"; }
generation=1
# One more item, signed by these curators: the next generation.
release_by() {
    printf 'item of generation %s' $((generation + 1)) | sha256sum | cut -d' ' -f1 >> "$WORK/list"
    take_list && feed stage "$WORK/feed" && approve "$@" && publish &&
        generation=$((generation + 1))
}
follows() { sync_feed && holds_generation $generation; }
why() { cat "$WORK/sync.log"; tail -n 5 "$WORK/feed.log"; return 1; }
epoch_is() { ctl feed status --json | tr -d ' \n' | grep -q "\"in_force\":{[^}]*\"epoch\":$1,"; }

sync_up
check "an appliance follows" follows

# --- a curator -----------------------------------------------------------------------------------

new_key anna
rotate releases --remove curator1 --add "$(public anna)"
check "a curator is replaced by the holders of targets" eval 'approve targets1 targets2 && publish'
printf 'an item' | sha256sum | cut -d' ' -f1 >> "$WORK/list"
take_list
feed stage "$WORK/feed"
check "the lost key signs nothing any more" fails approve curator1
check "the new one does" eval 'approve curator2 anna && publish'
generation=2
check "and appliances follow" eval 'follows || why'

# --- both curators at once -----------------------------------------------------------------------

list_also "$WORK/known"
take_list
feed stage "$WORK/feed"
approve curator2 anna
publish
generation=3
check "what two thieves listed blocks" eval 'follows && wait_for 5 refused "$URL4/k1" "$WORK/known"'
wait_for 5 is_of_feed "$CASE"
reference=$(reference_of "$CASE")
feed revoke "$WORK/feed" --key "$WORK/feed/keys/oncall1.key" --generation 3 --reason "stolen keys"
check "until the one on call suspends the generation" eval \
    'sync_feed && wait_for 5 stored "$URL4/k2" "$WORK/known"'
new_key bert
new_key carl
rotate releases --remove curator2 --remove anna --add "$(public bert)" --add "$(public carl)"
check "both are replaced" eval 'approve targets1 targets3 && publish'
feed withdraw "$WORK/feed" "$reference" --reason "listed by thieves"
check "what they listed is withdrawn" release_by bert carl
check "and appliances follow" eval 'follows || why'
feed revoke "$WORK/feed" --key "$WORK/feed/keys/oncall1.key" --generation 3 --lift --reason "done"
check "the suspension ends, and the file still passes" eval \
    'sync_feed && wait_for 5 stored "$URL4/k3" "$WORK/known"'

# --- on call -------------------------------------------------------------------------------------

new_key dora
rotate revocations --remove oncall1 --add "$(public dora)"
check "somebody on call is replaced" eval 'approve targets1 targets2 && publish'
check "what was suspended is signed anew" feed revoke "$WORK/feed" \
    --key "$WORK/feed/keys/dora.key" --renew
check "and appliances follow" eval 'follows || why'
check "the lost key suspends nothing any more" fails feed revoke "$WORK/feed" \
    --key "$WORK/feed/keys/oncall1.key" --source 1 --reason x
check "the new one does" feed revoke "$WORK/feed" --key "$WORK/feed/keys/dora.key" --source 1 \
    --reason "a test"
check "and appliances hear it" eval 'follows && grep -q "suspended: source 1" \
    <(ctl feed history centre)'
feed revoke "$WORK/feed" --key "$WORK/feed/keys/dora.key" --source 1 --lift --reason "done"

# --- targets -------------------------------------------------------------------------------------

new_key emil
rotate targets --remove targets1 --add "$(public emil)"
approve root1 root2 root3
feed caps "$WORK/feed"
check "a holder of targets is replaced by those of root" eval 'approve targets2 emil && publish'
check "and appliances follow" eval 'follows || why'
feed caps "$WORK/feed"
check "the lost key signs nothing any more" fails approve targets1
check "the new one does" eval 'approve targets3 emil && publish && follows || why'

# --- root ----------------------------------------------------------------------------------------

new_key fred
rotate root --remove root1 --add "$(public fred)"
check "a holder of root is replaced by three of the old and three of the new" eval \
    'approve root2 root3 root4 fred && publish && follows || why'
rotate root
check "the lost key signs nothing any more" fails approve root1
check "the new one does" eval 'approve root2 root3 fred && publish && follows || why'

# --- the machine's keys --------------------------------------------------------------------------

for role in timestamp snapshot; do
    rotate $role
    check "before it is published the old key of $role goes on" eval \
        'feed refresh "$WORK/feed" && follows || why'
    check "the key of $role is replaced" eval \
        'approve root2 root3 root4 && publish && follows || why'
done
rotate grants
check "the old key of grants goes on, too" feed grant "$WORK/feed" --renew-all
check "that of grants" eval 'approve targets2 targets3 && publish &&
    feed grant "$WORK/feed" --renew-all && follows || why'
check "and a grant of the new key is taken" eval \
    'grep -q "grant 3 until" <(ctl feed history centre)'
rotate epoch
feed grant "$WORK/feed" --renew-all
check "the key of the indicators: appliances have the next one first" follows
check "then it is taken" eval 'feed stage "$WORK/feed" --next-epoch && approve bert carl && publish'
generation=$((generation + 1))
check "and appliances follow" eval 'follows && epoch_is 2 || why'

feed backup "$WORK/feed" "$WORK/backup"
release_by bert carl
check "after the backup it went on" follows
mv "$WORK/feed" "$WORK/lost"
check "a lost machine is restored, with what was served last" \
    feed restore "$WORK/backup" "$WORK/feed" --served "$WORK/lost/public"
mkdir -p "$WORK/feed/keys"
cp -n "$WORK"/lost/keys/* "$WORK/feed/keys/"
check "and appliances follow" eval 'release_by bert carl && follows || why'

# --- an appliance --------------------------------------------------------------------------------

stop_cordond
rm "$WORK/state/node.key"
start_cordond "$CONFIG"
sync_feed || true
check "an appliance whose key is gone says so" alarm_says grant
enrol
check "enrolled anew it follows" eval 'release_by bert carl && follows || why'
