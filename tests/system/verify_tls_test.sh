#!/bin/bash
# A storage that is reached by https: it is believed only with a certificate of the named authority
# for the name of the endpoint; before, it is told nothing, and nothing on it is deleted.
. "$(dirname "$0")/_verifier.sh"
. "$(dirname "$0")/_tls.sh"
VERIFY="api = 'webdav', endpoint = 'https://$STO_IP4:$TLS_PORT',
    credentials = '\$WORK/dav.credentials', ca_file = '\$WORK/tls/chosen.pem'"
VERIFY=${VERIFY//$'\n'/}

trust() { cp "$WORK/tls/$1.pem" "$WORK/tls/chosen.pem"; }
start_storage() {
    make_certificates
    start_nginx
    start_tls storage
    trust other-ca
}
verifier_up start_storage
cp "$WORK/known" "$WORK/www/known"
cp "$WORK/clean" "$WORK/www/clean"
start_verifier

ask /known
check "a certificate of another authority is told" wait_for 5 in_status 'certificate'
start_tls stranger
trust ca
check "so is one for another name" wait_for 10 in_status \
    'no alternative certificate subject name matches'
check "the object is there" cmp "$WORK/known" "$WORK/www/known"
check "no incident" incident_count 0
start_tls storage
check "with the right one it is found and deleted" comes_to /known deleted 20
check "… and gone" [ ! -e "$WORK/www/known" ]
ask /clean
check "a clean one stays" comes_to /clean clean
check "one incident" incident_count 1
