#!/bin/bash
# The object gateway of Ceph by https, as verify_swift_test.sh has Swift by http.
. "$(dirname "$0")/_verifier.sh"
. "$(dirname "$0")/_rgw.sh"
. "$(dirname "$0")/_tls.sh"
VERIFY="api = 's3', endpoint = 'https://$STO_IP4:$TLS_PORT',
    credentials = '\$WORK/s3.credentials', ca_file = '\$WORK/tls/ca.pem'"
VERIFY=${VERIFY//$'\n'/}

start_storage() {
    make_certificates
    start_rgw
    start_tls storage
}
verifier_up start_storage
printf 'access_key = %s\nsecret_key = %s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" \
    > "$WORK/s3.credentials"
place() { rgw_api -f -o /dev/null -T "$1" "$BUCKET/$2" || fail "not stored: $2"; }
place "$WORK/known" known
place "$WORK/clean" clean
start_verifier
ask "/$BUCKET/known" "/$BUCKET/clean" "/$BUCKET/never"
check "the known object is deleted" comes_to "/$BUCKET/known" deleted
check "… and gone" absent known
check "the clean one stays" comes_to "/$BUCKET/clean" clean
check "… as it was" stored_equal clean "$WORK/clean"
check "one that never came is gone" comes_to "/$BUCKET/never" gone
check "one incident" incident_count 1
