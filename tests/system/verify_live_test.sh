#!/bin/bash
# The whole way: an upload that the dataplane lets pass without having read it leads to a request,
# and what is listed meanwhile is found where it lies and deleted.
SERVICE_LINES='on_unparsable = "pass"'
. "$(dirname "$0")/_verifier.sh"
VERIFY="api = 'webdav', endpoint = 'http://$STO_IP4', credentials = '\$WORK/dav.credentials'"
cordon_up

# A coding with a wrong sum at its end: servers keep it as it came.
python3 -c 'import gzip, random, sys
coded = gzip.compress(random.Random(5).randbytes(20000))
open(sys.argv[1], "wb").write(coded[:-8] + bytes(8))' "$WORK/damaged"
check "an upload that cannot be read passes" stored "$URL4/odd" "$WORK/damaged" \
    -H 'Content-Encoding: gzip'
check "… and is to be verified" counted verify_requested
check "one that was read is not" stored "$URL4/plain" "$WORK/clean"
check "control knows it" wait_for 5 came_to /odd waiting
check "it is there" cmp "$WORK/damaged" "$WORK/www/odd"

# What is known later, at the latest when it is judged.
{ sha256sum "$WORK/known"; sha256sum "$WORK/damaged"; } | cut -d' ' -f1 > "$WORK/both.txt"
"$BIN/cordonctl" index build --output "$WORK/index.cdx" "$WORK/both.txt" > "$WORK/index.log" 2>&1
start_verifier
check "it is found and deleted" comes_to /odd deleted
check "nothing of it is left" no_trace odd
check "one incident" incident_count 1
check "… of the client that uploaded it" grep -q "\"address\": *\"$CLI_IP4\"" <(revealed)
check "coverage counts what was verified" grep -q 'verified after write: 1 of 1 objects, 1 of' \
    <(ctl coverage)
check "the other one stays" cmp "$WORK/clean" "$WORK/www/plain"

stop_verifier
check "a verifier that is away is told" wait_for 5 in_status 'cordon-verifier is not there'
