#!/bin/bash
# The tus server and client of the protocol's authors: what the client uploads, in every way it can,
# is stored as it is. At a known file it is refused, stops, and finds it refused when it goes on.
. "$(dirname "$0")/_cordon.sh"
need_javascript @tus/server @tus/file-store tus-js-client

start_tus() {
    start_background tus $IN_STO node "$ROOT/tests/support/javascript/tus_server.js" \
        "$STO_IP4" 80 "$WORK/www"
    wait_for 10 grep -q ready "$WORK/tus.log" || fail "the tus server did not start"
}
cordon_up tus

# send_tus FILE NAME [option of tus_send.js]…
send_tus() {
    in_cli timeout 30 node "$ROOT/tests/support/javascript/tus_send.js" "$URL4/files" \
        "$WORK/$1" "$2" "${@:3}" > "$WORK/answer.log" 2>&1
}
stored_by_tus() { send_tus clean clean "$@" && cmp "$WORK/clean" "$WORK/www/clean"; }
refused_by_tus() {
    local status=0
    send_tus known known "$@" || status=$?
    [ $status = 3 ] && CASE=$(grep -om1 "$CASE_PATTERN" "$WORK/answer.log")
}
# Not even in the folder where the server collects them.
never_whole() {
    local file
    for file in "$WORK"/tus-*/* "$WORK"/www/*; do
        if [ -f "$file" ] && cmp -s "$file" "$WORK/known"; then return 1; fi
    done
}
attempts=0
known_again() { refused_by_tus upload="$URL4$place"; }
# try_tus [option of tus_send.js]…
try_tus() {
    local how="tus${*:+ }$*"
    rm -f "$WORK/www/"*
    check "$how: a clean file is stored as it is" stored_by_tus "$@"
    check "$how: a known one is refused, the client stops" refused_by_tus "$@"
    check "$how: and is not there" never_whole
    check "$how: it is on record" wait_for 5 incident_known "$CASE"
    attempts=$((attempts + 1))
    check "$how: tried once" incident_count $attempts
}

try_tus
try_tus chunk=100000
try_tus creation=1
try_tus chunk=100000 creation=1
try_tus chunk=100000 pause=150000
check "it was paused" grep -qx paused "$WORK/answer.log"
try_tus close=150000
check "it asked what had come" grep -qx "HEAD 200" "$WORK/answer.log"
try_tus parallel=3
try_tus chunk=100000 close=150000

place=$(grep -om1 '/files/.*' "$WORK/answer.log")
check "a refused one that goes on is refused again" known_again
check "and is not there" never_whole

# What the storage had read when it cut is not known here, and it has fewer bytes than were
# inspected: the client is told to come later and gives up after its tries.
not_stored() {
    local status=0
    send_tus known known "$@" || status=$?
    [[ $status = [13] ]] && grep -qE '^(403|503)$' "$WORK/answer.log"
}
check "a known one that the storage cuts is not stored" not_stored cut=150000 retries=1
check "and is not there" never_whole
