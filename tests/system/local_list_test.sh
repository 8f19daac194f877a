#!/bin/bash
# The operator's own list, as an operator uses it: one entry at a time, asked for by one person and
# approved by another who has the digest himself. What it lists passes, in enforce, and leaves a
# case without anything of a person in it. Its end holds with cordond dead; nothing lets it block.
. "$(dirname "$0")/_sync.sh"
. "$(dirname "$0")/_people.sh"
ACCOUNT=person-4711
SERVICE_LINES='account_from = "header"
account_header = "X-Account"'

eval "write_plain_config() $(declare -f write_config | sed 1d)"
write_config() {
    write_plain_config
    write_operators >> "$CONFIG"
    printf '[log]\nevents = "%s"\n' "$WORK/events.json" >> "$CONFIG"
}
eval "lab_up_alone() $(declare -f lab_up | sed 1d)"
lab_up() {
    lab_up_alone
    people_up
}
sync_up
ctl feed sync centre > "$WORK/sync.log" 2>&1 || fail "no feed: $(cat "$WORK/sync.log")"

# Wherever its lines were broken.
tells() { tr -s ' \n' ' ' < "$WORK/said" | grep -q -- "$1"; }
sha256_of() { sha256sum "$1" | cut -d' ' -f1; }
summary() { json_of "a['control']['local_list']$1" ctl status; }
hits_are() { [ "$(summary "['hits']['$1']")" = "$2" ]; }
# list_file FILE option…   — asked for by one person, approved by another.
list_file() {
    local digest
    digest=sha256:$(sha256_of "$1")
    shift
    ends 12 by $olga list add "$digest" "$@" || return 1
    hash=$(sed -n 's/^ *cordonctl list approve \([0-9a-f]*\) DIGEST$/\1/p' "$WORK/said")
    ends 0 by $anna list approve "$hash" "$digest"
}
# Neither whose upload it was, nor what it was called, nor the digest: in no file of ours, the open
# segment of the journal included.
nowhere() {
    local word
    for word in "$ACCOUNT" secret-name "$CLI_IP4" "$digest"; do
        ! grep -rqaF "$word" "$WORK/state" "$WORK"/cordon.sqlite* "$WORK/events.json" \
            "$WORK/cordond.log" "$WORK/dataplane.log" || { echo "$word" && return 1; }
    done
    # As the bytes of an address in a record, and of a digest.
    python3 - "$CLI_IP4" "$digest" "$WORK/state/journal" "$WORK/cordon.sqlite" << 'TEXT'
import pathlib, socket, sys
address, digest, journal, store = sys.argv[1:]
mapped = bytes(10) + b"\xff\xff" + socket.inet_aton(address)
files = list(pathlib.Path(journal).iterdir())
files += pathlib.Path(store).parent.glob("cordon.sqlite*")
raw = bytes.fromhex(digest)
sys.exit(any(mapped in f.read_bytes() or raw in f.read_bytes() for f in files))
TEXT
}
photo() { stored "$URL4/secret-name-$1" "$2" -H "X-Account: $ACCOUNT"; }

# --- what may be asked for -----------------------------------------------------------------------

digest=$(sha256_of "$WORK/known")
add="list add sha256:$digest --origin hotline --id INHOPE-2026/17 --for 1d"
check "a viewer adds nothing" ends 5 by $vera $add
check "root is nobody's first person" ends 5 ctl $add 2> "$WORK/said"
check "a digest has its digits" ends 2 by $olga list add sha256:1234 --origin order --id A-1
check "and a kind that an index has" ends 2 by $olga list add sha512:$digest --origin order --id A-1
check "it comes from somewhere" ends 2 by $olga list add sha256:$digest --id A-1
check "with a number" ends 2 by $olga list add sha256:$digest --origin order
check "which is no text" ends 2 by $olga list add sha256:$digest --origin order --id "Mr X"
check "for 90 days at most" ends 2 by $olga $add --for 91d
check "the empty file is not listed" ends 1 by $olga list add \
    "md5:$(md5sum < /dev/null | cut -d' ' -f1)" --origin order --id A-1
check "nor an empty size" ends 1 by $olga $add --size 0
check "nor a file of this system" ends 1 by $olga list add \
    "sha1:$(sha1sum "$WORK/system/file" | cut -d' ' -f1)" --origin order --id A-1
check "which is said" says "of this system"

# --- two persons ---------------------------------------------------------------------------------

check "an operator asks" ends 12 by $olga $add --reason "notice of the hotline"
hash=$(sed -n 's/^ *cordonctl list approve \([0-9a-f]*\) DIGEST$/\1/p' "$WORK/said")
check "which waits" eval 'by $vera pending && says "hotline INHOPE-2026/17" && says "$hash"'
check "its digest is on no disk" eval '! grep -rqaF "$digest" "$WORK/state" "$WORK/cordond.log"'
check "and is counted" [ "$(summary "['pending']")" = 1 ]
check "the file passes meanwhile" photo early "$WORK/known"
check "unseen" _incident_count 0
check "an operator approves nothing" ends 5 by $olga list approve "$hash" "sha256:$digest"
check "the hash alone is not enough" ends 2 by $anna approve "$hash"
check "nor is another digest" ends 1 by $anna list approve "$hash" \
    "sha256:$(sha256_of "$WORK/clean")"
restart_cordond
check "it waits on after a kill" eval 'by $anna pending && says "$hash"'
check "another person approves it" ends 0 by $anna list approve "$hash" "sha256:$digest"
check "it is in force" says "the dataplane has it so"
check "once" ends 1 by $anna list approve "$hash" "sha256:$digest"
check "and not twice" ends 1 by $olga $add
check "  which is said" says "lists this digest already"
check "both are on record" on_record "$anna *admin *list.approved .*asked by $olga"
check "an admin does not approve what he asked for" eval \
    'ends 12 by $anna list add "sha256:$(sha256_of "$WORK/clean")" --origin case --id C-1 &&
    hash=$(sed -n "s/^ *cordonctl list approve \([0-9a-f]*\) DIGEST$/\1/p" "$WORK/said") &&
    ends 5 by $anna list approve "$hash" "sha256:$(sha256_of "$WORK/clean")" &&
    ends 0 by $olga reject "$hash" --reason "a test"'

# --- a hit ---------------------------------------------------------------------------------------

check "what it lists is stored, in enforce" photo one "$WORK/known"
check "and is one case" incident_count 1
CASE=$(incidents | grep -om1 "$CASE_PATTERN")
check "to be reviewed" eval 'ctl incidents list > "$WORK/said" && says " review "'
check "counted by its origin" hits_are hotline 1
check "and by its entry" [ "$(json_of "a['entries'][0]['hits']" ctl list show)" = 1 ]
check "nothing of a person is anywhere" nowhere
python3 -c 'import sys, zipfile
zipfile.ZipFile(sys.argv[1], "w").write(sys.argv[2], "secret-name/inner.bin")' \
    "$WORK/secret.zip" "$WORK/known"
check "in an archive as well" photo two "$WORK/secret.zip"
check "  as a case" incident_count 2
check "  counted" hits_are hotline 2
check "nothing of a person is anywhere" nowhere
check "nobody can be shown one" eval 'by $olga incidents show "$CASE" --reveal --reason curious &&
    says "none: only your own list matched" && ! says "$CLI_IP4"'
check "or hold it" ends 1 by $olga incidents hold "$CASE" --for 1d --reason x
check "status tells of the list" eval 'ctl status > "$WORK/said" || says "Own list  *1 entry"'

# --- explain -------------------------------------------------------------------------------------

fits() {
    python3 -c 'import sys
lines = open(sys.argv[1]).read().splitlines()
sys.exit(not (0 < len(lines) <= 24 and max(map(len, lines)) <= 80))' "$WORK/said"
}
check "a viewer has it explained" ends 0 by $vera explain "$CASE"
check "  on one screen" fits
check "  who said so" tells "hotline INHOPE-2026/17"
check "  what was done" tells "It was not stopped: your own list only asks for a look"
check "  and what can be" says "cordonctl list remove 1"
check "  without a person" eval '! says "$ACCOUNT" && ! says "$CLI_IP4" && ! says secret'
check "no such case" ends 1 by $vera explain TEST-0000-0000

# --- a look that takes long -----------------------------------------------------------------------

# The first digest of a kind that no feed has: every file of the system is read.
truncate -s 4T "$WORK/system/large"
check "what takes hours to look for waits at once" eval 'ends 12 by $olga list add \
    "md5:$(printf %032d 7)" --origin order --id L-1 --timeout 300 && says "still tried"'
hash=$(sed -n 's/^ *cordonctl list approve \([0-9a-f]*\) DIGEST$/\1/p' "$WORK/said")
check "cordond answers meanwhile" ends 0 by $vera list show
check "and follows its feed" sync_feed
check "nobody approves it before" ends 1 by $anna list approve "$hash" "md5:$(printf %032d 7)"
check "  which is said" says "still looks"
restart_cordond
check "a restart ends it: the digest was on no disk" eval 'by $vera pending && ! says "$hash"'
check "  on record" on_record "cordond .*list.expired .*before it was tried"
rm "$WORK/system/large"

# --- beside a feed -------------------------------------------------------------------------------

list_also "$WORK/known"
take_list
release
check "a feed lists it too" sync_feed
check "then it is refused" wait_for 5 refused "$URL4/again" "$WORK/known"
check "  for the feed" wait_for 5 incident_known "$CASE"
check "  which is explained" ends 0 by $vera explain "$CASE"
check "  on one screen" fits
check "  with both lists" eval 'tells "your own list by sha256" && tells "list centre by sha256"'
check "  the feed's right to block" tells "might block"
check "  what the storage kept" tells "kept nothing"
check "  and what can be done" says "incidents hold $CASE --for 90d --reason WHY"
reference=$(json_of "[int(m['reference'], 16) for m in a['matches'] if not m['local']][0]" \
    ctl incidents show "$CASE")
revoke "$reference" "a complaint"
sync_feed || true
check "the suspension of since then is told" eval 'by $vera explain "$CASE" &&
    tells "list centre has suspended this reference since"'
check "what a person did as well" eval 'by $olga incidents hold "$CASE" --for 120d --reason z &&
    by $vera explain "$CASE" && tells "was held on" && says "incidents release" && ! says "z$"'
blocked=$CASE

# --- ends ----------------------------------------------------------------------------------------

check "an entry that ends soon" list_file "$WORK/clean" --origin case --id C-2 --for 12s
check "is met" photo three "$WORK/clean"
check "  and counted" wait_for 5 hits_are case 1
stop_cordond KILL
sleep 14  # its end is a whole second, and with it
check "its end holds with cordond dead" photo four "$WORK/clean"
begin_cordond
check "it is off the list" wait_for 10 eval '[ "$(summary "[\"entries\"]")" = 1 ]'
check "  on record" wait_for 5 on_record 'list.ended .*entry 2 of the local list: case C-2'
check "  and had one hit" hits_are case 1
check "  which still counts" [ "$(json_of "a['ended'][0]['hits']" ctl list show)" = 1 ]
CASE=$(incidents | python3 -c 'import json, sys
print([i["case"] for i in json.load(sys.stdin)["incidents"] if i["matches"][0]["source"] == 3][0])')
check "  and is explained" eval 'by $vera explain "$CASE" && tells "case, off the list since"'

check "one person may remove" ends 0 by $olga list remove 1 --reason "the notice was withdrawn"
check "  which is on record" on_record "$olga *operator *list.removed .*hotline INHOPE-2026/17"
before=$(summary "['hits']['hotline']")
check "  then the file is stored" wait_for 5 photo five "$WORK/known"
check "  unseen" [ "$(summary "['hits']['hotline']")" = "$before" ]
check "  there is none to remove" ends 1 by $olga list remove 1

# --- limits --------------------------------------------------------------------------------------

stop_cordond
python3 - "$WORK/state/local.json" << 'TEXT'
import json, secrets, sys, time
file = json.load(open(sys.argv[1]))
person = {"uid": 9, "name": "x", "role": "operator"}
now = int(time.time())
file["entries"] = [{"number": n, "origin": "order", "id": f"O-{n}", "kind": "md5",
    "tag": secrets.token_hex(16), "size": None, "added": now, "until": now + 3600,
    "requester": person, "approver": person} for n in range(10, 10010)]
file["next"] = 10010
json.dump(file, open(sys.argv[1], "w"))
TEXT
begin_cordond
check "ten thousand entries" wait_for 10 eval '[ "$(summary "[\"entries\"]")" = 10000 ]'
check "are all there may be" ends 1 by $olga list add "sha256:$digest" --origin order --id A-2
check "  which is said" says "is full"
check "one gives way to another" eval 'ends 0 by $olga list remove 17 --reason "a test" &&
    list_file "$WORK/clean" --origin order --id A-3'
check "which is in force among them" photo six "$WORK/clean"
check "  and counted" wait_for 5 hits_are order 1

stop_cordond
echo '{"key": "' > "$WORK/state/local.json"
begin_cordond
check "a damaged list is told" wait_for 5 eval \
    'ctl status > "$WORK/said" || says "the local list: "'
check "  and takes nothing" ends 7 by $olga list add "sha256:$digest" --origin order --id A-4

# A case whose feed is gone.
stop_cordond
sed -i '/^\[\[feed\]\]/,$d' "$CONFIG"
rm -r "$WORK/state/config" "$WORK/state/audit.jsonl" "$WORK/state/pending.json"
begin_cordond
check "without a feed there is no local list" ends 1 by $olga list add "sha256:$digest" \
    --origin order --id A-5
check "a case of a feed that is gone is explained" ends 0 by $vera explain "$blocked"
check "  and says so" tells "list centre is no longer here"
check "  on one screen" fits
