#!/bin/bash
# A storage that stands still while it gives objects, and another one: its jobs never are all there
# are, and one that is killed meanwhile loses nothing.
. "$(dirname "$0")/_verifier.sh"
VERIFY="api = 's3', endpoint = 'http://$STO_IP4:9000', credentials = '\$WORK/s3.credentials'"
VERIFIER_LINES='jobs = 3'

start_storages() {
    start_nginx
    mkdir -p "$WORK/s3/box"
    start_background s3 $IN_STO python3 "$ROOT/tests/support/s3_model.py" "$STO_IP4" 9000 \
        VERIFIERKEY not/so+secret us-east-1 "$WORK/s3"
    wait_for 10 grep -q ready "$WORK/s3.log" || fail "the S3 model did not start"
    # The second service has the second storage.
    local dav="verify = { api = \"webdav\", endpoint = \"http://$STO_IP4\", credentials = \
\"$WORK/dav.credentials\" }"
    python3 - "$CONFIG" "$dav" <<'CODE'
import sys
path, line = sys.argv[1:]
head, second = open(path).read().split('name = "photos-v6"')
lines = [line if one.startswith("verify") else one for one in second.split("\n")]
open(path, "w").write(head + 'name = "photos-v6"' + "\n".join(lines))
CODE
}
verifier_up start_storages
for n in 1 2 3 4 5; do cp "$WORK/known" "$WORK/s3/box/$n"; done
for n in a b; do cp "$WORK/known" "$WORK/www/$n"; done
ask_other() { "$ASK" "$WORK/state/journal" photos-v6 10.99.0.2 "$@" || fail "no record written"; }
fetched() { [ "$(grep -c '^GET /box/[0-9] 200' "$WORK/s3.log")" = "$1" ]; }

touch "$WORK/s3/.slow"
ask /box/1 /box/2 /box/3 /box/4 /box/5
start_verifier
check "two objects of the slow storage are fetched at once" wait_for 5 fetched 2
ask_other /a /b
check "the other storage is served meanwhile" comes_to /a deleted
check "… one object after the other" comes_to /b deleted
check "the slow one has two jobs and no more" fetched 2
check "only what was judged is on record" incident_count 2

stop_verifier KILL
rm "$WORK/s3/.slow"
start_verifier again
for n in 1 2 3 4 5; do
    check "killed in the middle, object $n is judged by the next one" comes_to /box/$n deleted
    check "… and gone" [ ! -e "$WORK/s3/box/$n" ]
done
check "each is one incident" incident_count 7

# Killed where the results are written down: cordond, with three jobs under way.
for n in 1 2 3; do cp "$WORK/known" "$WORK/s3/box/again$n"; done
cp "$WORK/clean" "$WORK/s3/box/clean"
touch "$WORK/s3/.slow"
ask /box/again1 /box/again2 /box/again3 /box/clean
under_way() { [ "$(grep -c '^GET /box/again[0-9] 200' "$WORK/s3.log")" -ge 2 ]; }
check "they are being fetched" wait_for 5 under_way
stop_cordond KILL
rm "$WORK/s3/.slow"
sleep 0.5
for n in 1 2 3; do
    check "without cordond nothing is deleted" cmp "$WORK/known" "$WORK/s3/box/again$n"
done
start_cordond "$CONFIG"
for n in 1 2 3; do check "it comes back: deleted" comes_to /box/again$n deleted; done
check "the clean one stays" comes_to /box/clean clean
check "… as it was" cmp "$WORK/clean" "$WORK/s3/box/clean"
check "each is one incident" incident_count 10
