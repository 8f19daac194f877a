#!/bin/bash
# Objects on an S3 storage that passed unjudged: names that need care in a signature, a storage that
# is away, refuses, or is too slow, and a verifier that is killed in the middle. Each match is one
# incident and one deletion.
. "$(dirname "$0")/_verifier.sh"
VERIFY="api = 's3', endpoint = 'http://$STO_IP4:9000', region = 'eu-west-1',
    credentials = '\$WORK/s3.credentials'"
VERIFY=${VERIFY//$'\n'/}

start_s3() {
    mkdir -p "$WORK/www/photos/a b"
    start_background s3 $IN_STO python3 "$ROOT/tests/support/s3_model.py" "$STO_IP4" 9000 \
        VERIFIERKEY not/so+secret eu-west-1 "$WORK/www" "$@"
    S3_PID=$BACKGROUND_PID
    wait_for 10 grep -q ready "$WORK/s3.log" || fail "the S3 model did not start"
}
verifier_up start_s3

odd='a b/Grüße (1)+2&3=4!~*.jpg'
cp "$WORK/known" "$WORK/www/photos/$odd"
cp "$WORK/clean" "$WORK/www/photos/clean"
start_verifier
ask '/photos/a%20b/Gr%C3%BC%c3%9fe%20(1)+2%263=4!~*.jpg?uploadId=abc' /photos/clean
check "a name that needs care is signed right" \
    comes_to '/photos/a%20b/Gr%C3%BC%c3%9fe%20(1)+2%263=4!~*.jpg?uploadId=abc' deleted
check "… and the object is gone" [ ! -e "$WORK/www/photos/$odd" ]
check "a clean one stays" comes_to /photos/clean clean
check "… as it was" cmp "$WORK/clean" "$WORK/www/photos/clean"
check "no signature was wrong" [ "$(grep -c ' 403$' "$WORK/s3.log" || true)" = 0 ]

# 503 with back-off, then there.
cp "$WORK/known" "$WORK/www/photos/two"
echo 503 > "$WORK/www/.fail"
ask /photos/two
check "a storage in trouble is waited for" wait_for 5 in_status 'answered GET with 503'
rm "$WORK/www/.fail"
check "… and asked again" comes_to /photos/two deleted

# The deletion is refused: an alarm until it is done.
touch "$WORK/www/.undeletable"
cp "$WORK/known" "$WORK/www/photos/three"
ask /photos/three
check "a deletion that is refused is an alarm" wait_for 5 in_status '"undeleted":1'
check "… with its reason" in_status 'not deleted: the storage answered DELETE with 403'
check "… and no second incident comes of trying" incident_count 3
rm "$WORK/www/.undeletable"
check "it is deleted as soon as it may be" comes_to /photos/three deleted
check "the alarm is over" in_status '"undeleted":0'

# Killed while it fetches; and between the record of a match and the deletion.
touch "$WORK/www/.slow"
cp "$WORK/known" "$WORK/www/photos/four"
ask /photos/four
check "it is fetching" wait_for 5 grep -q '^GET /photos/four 200' "$WORK/s3.log"
stop_verifier KILL
rm "$WORK/www/.slow"
check "killed in the middle, nothing is recorded" incident_count 3
start_verifier again
check "the next one does it" comes_to /photos/four deleted
touch "$WORK/www/.undeletable"
cp "$WORK/known" "$WORK/www/photos/five"
ask /photos/five
check "recorded" incident_count 5
stop_verifier KILL
stop_cordond KILL
rm "$WORK/www/.undeletable" "$WORK/www/photos/five"
start_cordond "$CONFIG"
start_verifier again
check "what is gone when it comes back is done" comes_to /photos/five deleted
check "and every match is one incident" incident_count 5
not_confirmed() { ctl incidents list --json | grep -c '"status": *"decided"' || true; }
check "all of them done" [ "$(not_confirmed)" = 0 ]
