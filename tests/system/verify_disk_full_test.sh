#!/bin/bash
# The disk of control's store becomes full while objects are fetched: what cannot be put on record
# is not deleted, also not by the next verifier, and with room again all of it is.
. "$(dirname "$0")/_verifier.sh"
VERIFY="api = 's3', endpoint = 'http://$STO_IP4:9000', credentials = '\$WORK/s3.credentials'"
eval "verified_$(declare -f write_config)"
write_config() {
    mkdir -p "$WORK/db" "$WORK/s3/box"
    mount -t tmpfs -o size=1m cordon-store "$WORK/db"
    _lab_mounts="$_lab_mounts $WORK/db"
    verified_write_config
    sed -i "s,^store = .*,store = \"$WORK/db/cordon.sqlite\"," "$CONFIG"
}
start_s3() {
    start_background s3 $IN_STO python3 "$ROOT/tests/support/s3_model.py" "$STO_IP4" 9000 \
        VERIFIERKEY not/so+secret us-east-1 "$WORK/s3"
    wait_for 10 grep -q ready "$WORK/s3.log" || fail "the S3 model did not start"
}
verifier_up start_s3
for n in 1 2 3; do cp "$WORK/known" "$WORK/s3/box/$n"; done
cp "$WORK/clean" "$WORK/s3/box/clean"
touch "$WORK/s3/.slow"
ask /box/1 /box/2 /box/3 /box/clean
start_verifier
all_fetched() { [ "$(grep -c '^GET /box/.* 200' "$WORK/s3.log")" = 4 ]; }
check "all are being fetched" wait_for 5 all_fetched

dd if=/dev/zero of="$WORK/db/filler" bs=4k 2> /dev/null || true
rm "$WORK/s3/.slow"
check "status says that the disk is full" wait_for 10 in_status 'disk is full'
check "the verifier says that nothing was recorded" wait_for 10 grep -q \
    'cordond went away before a match was recorded' "$WORK/verifier.log"
stop_verifier KILL
start_verifier again
sleep 1.5
for n in 1 2 3; do
    check "what is not on record is not deleted: $n" cmp "$WORK/known" "$WORK/s3/box/$n"
done
check "no deletion was tried" [ "$(grep -c '^DELETE' "$WORK/s3.log" || true)" = 0 ]

rm "$WORK/db/filler"
for n in 1 2 3; do
    check "with room it is deleted: $n" comes_to /box/$n deleted 20
    check "… and gone" [ ! -e "$WORK/s3/box/$n" ]
done
check "the clean one stays" comes_to /box/clean clean
check "… as it was" cmp "$WORK/clean" "$WORK/s3/box/clean"
check "each is one incident" incident_count 3
