#!/bin/bash
# A known file is refused with a case number and leaves nothing on the storage; what was there under
# its name stays. nginx and Apache, IPv4 and IPv6.
. "$(dirname "$0")/_cordon.sh"
cordon_up nginx

attempts=0
try_storage() {
    local url
    for url in "$URL4" "$URL6"; do
        check "$1: a clean file is stored, $url" stored "$url/clean" "$WORK/clean"
        check "$1: its bytes are right" cmp "$WORK/clean" "$WORK/www/clean"
        check "$1: the known file is refused" refused "$url/known" "$WORK/known"
        check "$1: the case is recorded" wait_for 5 incident_known "$CASE"
        check "$1: nothing of it is stored" no_trace known
        check "$1: refused over an old object" refused "$url/clean" "$WORK/known"
        check "$1: the old object stays" cmp "$WORK/clean" "$WORK/www/clean"
        attempts=$((attempts + 2))
        rm "$WORK/www/clean"
    done
}

try_storage nginx
stop_nginx
start_apache
try_storage apache
check "every attempt is one incident" incident_count $attempts
