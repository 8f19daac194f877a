#!/bin/bash
# The same with a real S3 server (Swift's S3 API): what was uploaded to it beside the appliance is
# found, deleted and recorded; names that need care are signed as it signs them.
. "$(dirname "$0")/_verifier.sh"
. "$(dirname "$0")/_s3.sh"
VERIFY="api = 's3', endpoint = 'http://$STO_IP4', credentials = '\$WORK/s3.credentials'"
verifier_up start_s3
printf 'access_key = %s\nsecret_key = %s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" \
    > "$WORK/s3.credentials"

odd='a%20b/Gr%C3%BC%C3%9Fe%20%281%29%2B2%263=4~.jpg'
for name in known "$odd"; do
    swift_api -f -o /dev/null -T "$WORK/known" "$BUCKET/$name" || fail "not stored: $name"
done
swift_api -f -o /dev/null -T "$WORK/clean" "$BUCKET/clean"
check "it is there" stored_equal known "$WORK/known"
start_verifier
ask "/$BUCKET/known" "/$BUCKET/$odd?uploadId=x" "/$BUCKET/clean" "/$BUCKET/never"
check "the known object is deleted" comes_to "/$BUCKET/known" deleted
check "… and gone" absent known
check "so is the one with the odd name" comes_to "/$BUCKET/$odd?uploadId=x" deleted
check "… and gone" absent "$odd"
check "the clean one stays" comes_to "/$BUCKET/clean" clean
check "… as it was" stored_equal clean "$WORK/clean"
check "one that never came is gone" comes_to "/$BUCKET/never" gone
check "two incidents" incident_count 2

printf 'access_key = %s\nsecret_key = wrong\n' "$AWS_ACCESS_KEY_ID" > "$WORK/s3.credentials"
swift_api -f -o /dev/null -T "$WORK/known" "$BUCKET/again"
ask "/$BUCKET/again"
check "a wrong key is told" wait_for 5 in_status 'answered GET with 403'
printf 'access_key = %s\nsecret_key = %s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" \
    > "$WORK/s3.credentials"
check "the right one is taken without a restart" comes_to "/$BUCKET/again" deleted
check "… and does its work" absent again
