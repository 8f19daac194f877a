#!/bin/bash
# Common clients and a WebDAV server: a clean file is stored as it is; at the refusal of a known one
# they stop and show its case number.
. "$(dirname "$0")/_cordon.sh"
need wget rclone
cordon_up apache # rclone asks for properties first, which nginx does not answer
export RCLONE_CONFIG=$WORK/rclone.conf
printf '[dav]\ntype = webdav\nurl = %s\nvendor = other\n' "$URL4" > "$RCLONE_CONFIG"

with_curl() { in_cli timeout 20 curl -sS -T "$1" "$URL4/$2"; }
with_wget() { in_cli timeout 20 wget -nv -O - --method=PUT --body-file="$1" "$URL4/$2"; }
with_rclone() { in_cli timeout 20 rclone copyto "$1" "dav:$2"; }
with_requests() {
    in_cli timeout 20 python3 -c 'import requests, sys
answer = requests.put(sys.argv[1], data=open(sys.argv[2], "rb"), timeout=10)
print(answer.status_code, answer.reason, answer.text)
answer.raise_for_status()' "$URL4/$2" "$1"
}

stored_as_it_is() {
    "with_$1" "$WORK/clean" "$1-clean" > "$WORK/answer.log" 2>&1 &&
        cmp "$WORK/clean" "$WORK/www/$1-clean"
}
shows_case() {
    local status=0
    "with_$1" "$WORK/known" "$1-known" > "$WORK/answer.log" 2>&1 || status=$?
    [ $status != 124 ] && grep -q "$CASE_PATTERN" "$WORK/answer.log"
}
attempts=0
# try_client NAME ATTEMPTS
try_client() {
    check "$1 stores a clean file as it is" stored_as_it_is "$1"
    check "$1 shows the case number of a known one" shows_case "$1"
    check "nothing of it is stored" no_trace known
    attempts=$((attempts + $2))
    check "tried $2 times" incident_count $attempts
}

try_client curl 1
try_client wget 1
try_client requests 1
try_client rclone 3 # its own --retries
