#!/bin/bash
# A bucket that keeps versions, on a server that knows no conditions: the version that was judged is
# deleted for good, and what becomes visible by that is judged as well.
. "$(dirname "$0")/_verifier.sh"
VERIFY="api = 's3', endpoint = 'http://$STO_IP4:9000', credentials = '\$WORK/s3.credentials'"

start_s3() {
    start_background s3 $IN_STO python3 "$ROOT/tests/support/s3_model.py" "$STO_IP4" 9000 \
        VERIFIERKEY not/so+secret us-east-1 "$WORK/www" versions no-conditions
    wait_for 10 grep -q ready "$WORK/s3.log" || fail "the S3 model did not start"
}
verifier_up start_s3
place() { in_sto curl -sS -f --max-time 5 -T "$1" "http://$STO_IP4:9000/box/$2" > /dev/null; }
deletions() { grep -c "^DELETE /box/$1" "$WORK/s3.log" || true; }

place "$WORK/clean" key
place "$WORK/known" key
place "$WORK/clean" other
start_verifier
ask /box/key /box/other
check "the version that matched is deleted" wait_for 10 grep -q \
    '^DELETE /box/key?versionId=v%2B1%2F[0-9a-f]* 204' "$WORK/s3.log"
check "what is visible now is judged as well" comes_to /box/key clean
check "… and stays" [ "$(deletions key)" = 1 ]
check "a clean one stays" comes_to /box/other clean
check "one incident" incident_count 1

# Two known ones on top of each other: neither is left.
place "$WORK/known" twice
place "$WORK/known" twice
ask /box/twice
all_gone() { [ "$(deletions twice)" = 2 ]; }
check "both versions are deleted" wait_for 10 all_gone
check "each is an incident" incident_count 3
