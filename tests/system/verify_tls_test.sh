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
for name in first second third; do cp "$WORK/known" "$WORK/www/$name"; done
cp "$WORK/clean" "$WORK/www/clean"
start_verifier

told() { verification detail "$1" | grep -q "$2"; }
ask /first
check "a certificate of another authority is told" wait_for 20 told /first certificate
start_tls stranger
trust ca
ask /second
check "so is one for another name" wait_for 20 told /second \
    'no alternative certificate subject name matches'
for name in first second; do
    check "nothing is deleted: $name" cmp "$WORK/known" "$WORK/www/$name"
    check "… and it is tried again" came_to /$name waiting
done
check "no incident" incident_count 0
start_tls storage
ask /third /clean
check "with the right one it is found and deleted" comes_to /third deleted
check "… and gone" [ ! -e "$WORK/www/third" ]
check "a clean one stays" comes_to /clean clean
check "… as it was" cmp "$WORK/clean" "$WORK/www/clean"
