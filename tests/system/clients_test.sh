#!/bin/bash
# Common clients stop at the refusal and show its case number.
. "$(dirname "$0")/_cordon.sh"
need wget rclone
cordon_up apache # rclone asks for properties first, which nginx does not answer

shows_case() { grep -q "$CASE_PATTERN" "$WORK/answer.log"; }
try_client() {
    local name=$1
    shift
    in_cli timeout 20 "$@" > "$WORK/answer.log" 2>&1 || true
    check "$name shows the case number" shows_case
    check "nothing is stored" no_trace known
}

try_client curl curl -sS -T "$WORK/known" "$URL4/known"
try_client wget wget -nv -O - --method=PUT --body-file="$WORK/known" "$URL4/known"
RCLONE_CONFIG=$WORK/rclone.conf try_client rclone rclone copyto --retries 1 --low-level-retries 1 \
    --webdav-url="$URL4" --webdav-vendor=other "$WORK/known" ":webdav:known"
try_client requests python3 -c 'import requests, sys
answer = requests.put(sys.argv[1], data=open(sys.argv[2], "rb"), timeout=10)
print(answer.status_code, answer.reason, answer.text)' "$URL4/known" "$WORK/known"
check "each tried once" incident_count 4
