#!/bin/bash
# Two persons, as an appliance sees them: real users in the groups of viewer, operator and admin.
# What weakens waits for the second one, what strengthens does not, a trial goes back by itself, a
# bypass has two persons or a broken glass, and all of it is in the audit trail.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_people.sh"

eval "write_plain_config() $(declare -f write_config | sed 1d)"
write_config() {
    write_plain_config
    write_operators >> "$CONFIG"
    echo "${MORE_LINES:-}" >> "$CONFIG"
}
eval "lab_up_alone() $(declare -f lab_up | sed 1d)"
lab_up() {
    lab_up_alone
    people_up
}
cordon_up

mode_is() { ctl mode show --json | grep -q "\"in_force\":\"$2\"[^}]*\"service\":\"$1\""; }

# Of the configuration in force, by `config history`.
last() { json_of "a['configurations'][-1]['$1']" ctl config history; }

# --- roles ---------------------------------------------------------------------------------------

check "a viewer sees the modes" ends 0 by $vera mode show
check "and the audit trail" ends 0 by $vera audit show
check "and incidents" ends 0 by $vera incidents list
check "but not whom they are about" ends 5 by $vera incidents show X --reveal --reason curious
check "he is told which role it needs" says "needs the role operator"
check "a viewer sets no mode" ends 5 by $vera mode set photos observe --reason "a test"
check "which is on record" on_record "$vera *viewer *refused *mode.set needs the role operator"
for n in 1 2 3; do by $vera mode set photos observe --reason "again" || true; done
check "once a minute" [ "$(trail | grep -c "$vera *viewer *refused *mode.set")" = 1 ]
check "an operator approves nothing" ends 5 by $olga approve 00
check "a nobody sees nothing" ends 5 setpriv --reuid 65534 --regid 65534 --clear-groups \
    "$BIN/cordonctl" --run-dir "$WORK/run" mode show > "$WORK/said" 2>&1

# As its unit runs it: root without a capability, a member of the three groups.
stop_cordond
gids=$(getent group "$me-viewer" "$me-operator" "$me-admin" | cut -d: -f3 | paste -sd,)
setpriv --bounding-set=-all --inh-caps=-all --groups "$gids" "$BIN/cordond" --config "$CONFIG" \
    >> "$WORK/cordond.log" 2>&1 &
CORDOND_PID=$!
_remember $CORDOND_PID
check "without a capability it has its sockets" wait_for 5 by $anna mode show
check "each for its group" [ "$(stat -c '%a %G' "$WORK/run/operator.sock")" = "660 $me-operator" ]
restart_cordond

# --- modes ---------------------------------------------------------------------------------------

check "root alone weakens nothing" ends 5 ctl mode set photos observe --reason "a test" \
    2> "$WORK/said"
check "an operator asks for observe" ends 12 by $olga mode set photos observe --reason "a trial"
hash=$(hash_said)
check "it enforces meanwhile" refused "$URL4/known" "$WORK/known"
check "status says that something waits" eval \
    'ctl status > "$WORK/said"; says "waits for a second person"'
check "an admin sees what it would do" eval 'by $anna pending && says "photos: enforce to observe"'
check "root is nobody's second person" ends 5 ctl approve "$hash" 2> "$WORK/said"
check "another hash is not it" ends 1 by $anna approve "${hash%?}x"
check "an admin approves it" ends 0 by $anna approve "$hash"
check "it is in force" wait_for 5 mode_is photos observe
check "once" ends 1 by $anna approve "$hash"
check "both are on record" on_record "$anna *admin *mode.approved .*asked by $olga"
check "an operator strengthens alone" ends 0 by $olga mode set photos enforce
check "it is in force" wait_for 5 mode_is photos enforce

check "an admin asks" ends 12 by $anna mode set photos observe --reason "again"
hash=$(hash_said)
check "and cannot approve it himself" ends 5 by $anna approve "$hash"
check "another one rejects it" ends 0 by $bert reject "$hash" --reason "no need"
check "then nobody can" ends 1 by $bert approve "$hash"

# --- the configuration ---------------------------------------------------------------------------

SERVICE_LINES='on_tls = "pass"' write_config
check "a viewer sees what the file would change" eval \
    'by $vera config diff && says "service photos.on_tls *reset *pass *weakens"'
kill -HUP $CORDOND_PID
not_reloaded() { grep -q "not reloaded: this weakens" "$WORK/cordond.log"; }
check "SIGHUP does not put it into force" wait_for 5 not_reloaded
check "the first one is" [ "$(last how)" = initial ]
check "an operator proposes it" ends 12 by $olga config propose --reason "TLS by mistake"
hash=$(hash_said)
restart_cordond
check "a restart does not put it into force either" [ "$(last how)" = initial ]
check "status says that the file differs" eval 'ctl status > "$WORK/said"; says "differs"'
check "it still waits" eval 'by $bert pending && says "$hash"'
check "a second person approves it" ends 0 by $bert config approve "$hash"
check "who is named in the history" eval 'last approver | grep -q $bert'
policy() { json_of "a['dataplane']['services'][0]['policies']['tls']['action']" ctl status; }
stop_dataplane
start_dataplane "$WORK/state/active.options"
check "the dataplane has it with its next start" eval '[ "$(policy)" = pass ]'

SERVICE_LINES='on_tls = "refuse"' write_config
check "what only strengthens is active at once" ends 0 by $olga config propose
check "a rollback that weakens is not" ends 12 by $olga config rollback --reason "as it was"
check "it can be rejected" ends 0 by $olga reject "$(hash_said)"

sed -i '/^\[control\]$/a link_timeout_ms = 900' "$CONFIG"
before=$(last number)
check "a configuration on trial" ends 0 by $olga config commit --confirm 2s
check "is in force" [ "$(last number)" = $((before + 1)) ]
back() { [ "$(last how)" = returned ]; }
check "and goes back by itself" wait_for 8 back
check "on trial again" ends 0 by $olga config commit --confirm 2s
check "confirmed" ends 0 by $olga config commit
sleep 2.5
check "it stays" eval '! back'

# --- bypass --------------------------------------------------------------------------------------

check "a bypass waits for a second person" ends 12 by $olga bypass photos --for 30m --reason "disk"
check "who approves it" ends 0 by $bert approve "$(hash_said)"
check "the known file passes" stored "$URL4/bypassed" "$WORK/known"
check "check is critical" eval 'ctl check > "$WORK/said" || [ $? = 2 ] && says "not inspected"'
check "an operator ends it alone" ends 0 by $olga bypass photos --end
check "the known file is refused" wait_for 5 refused "$URL4/again" "$WORK/known"
check "no file can hold one" eval 'sed "s/^name = .photos.$/&\nmode = \"bypass\"/" "$CONFIG" \
    > "$WORK/other.toml"; ! ctl config check "$WORK/other.toml" > "$WORK/said" 2>&1 &&
    says "nothing to write down"'
check "the glass is broken by one" ends 0 by $olga bypass photos --for 1h --break-glass \
    --reason fire
check "which is critical" eval 'ctl status > "$WORK/said"; says "broke the glass"'
check "not for longer than an hour" ends 2 by $olga bypass photos-v6 --for 61m --break-glass \
    --reason fire
check "it is ended" ends 0 by $olga bypass photos --end
check "and once a day" ends 1 by $olga bypass photos --for 10m --break-glass --reason fire
stop_cordond KILL
check "without cordond no mode is weakened" ends 3 ctl mode set photos observe --reason x \
    2> "$WORK/said"
check "but the glass can be broken" ends 0 ctl bypass photos-v6 --for 3s --break-glass --reason fire
check "the known file passes" stored "$URL6/glass" "$WORK/known"
check "the dataplane ends it by itself" wait_for 6 refused "$URL6/glass2" "$WORK/known"
restart_cordond
check "it is on record" on_record 'root *root *bypass.break_glass *service photos-v6, straight'
stop_cordond KILL
check "once a day as well" ends 1 ctl bypass photos-v6 --for 30m --break-glass --reason fire \
    2> "$WORK/said"
mv "$WORK/state/audit.jsonl" "$WORK/kept"  # as a day later
check "a day later again" ends 0 ctl bypass photos-v6 --for 30m --break-glass --reason fire
mv "$WORK/kept" "$WORK/state/audit.jsonl"
restart_cordond
check "what was done without cordond is ended by an operator with it" wait_for 5 \
    ends 0 by $olga bypass photos-v6 --end
check "the known file is refused" wait_for 5 refused "$URL6/glass3" "$WORK/known"

# --- the trail -----------------------------------------------------------------------------------

file=$WORK/state/audit.jsonl
check "the trail is whole" ends 0 by $vera audit verify
check "twenty lines of Python say the same" python3 "$ROOT/tests/support/audit_check.py" "$file"
head=$(json_of "a['head']" ctl audit verify)
check "the dataplane's own record of modes is in it" wait_for 5 on_record 'mode.changed'
check "the head is in the status" eval 'ctl status --json | grep -q "\"head\":\"[0-9a-f]\{64\}\""'
check "more is recorded" ends 0 by $olga mode set photos enforce
check "an old head is still in it" ends 0 by $vera audit verify --head "$head"
cp "$file" "$WORK/whole"
head -n -3 "$WORK/whole" > "$file"
check "records that are cut off are missed" ends 7 by $vera audit verify
check "and nothing is changed any more" ends 7 by $olga mode set photos enforce
cp "$WORK/whole" "$file"
sed -i '3s/"uid":[0-9]*/"uid":9/' "$file"
check "a changed record is named" eval 'ends 7 by $vera audit verify && says "line 3 is no record"'
cp "$WORK/whole" "$file"
printf '{"seq":99,"time' >> "$file"
restart_cordond
check "a torn record is told" eval 'ends 0 by $olga mode set photos enforce &&
    ctl audit verify > "$WORK/said" && says "1 pieces that a crash left"'
stop_cordond KILL
mv "$WORK/state/config" "$WORK/state/config.away"
gone() { ! "$BIN/cordond" --config "$CONFIG" > "$WORK/said" 2>&1; }
check "a box whose approved configuration is gone is no new one" eval 'gone && says "is gone"'
mv "$WORK/state/config.away" "$WORK/state/config"
restart_cordond
check "it starts when it is back" ends 0 by $vera audit verify
