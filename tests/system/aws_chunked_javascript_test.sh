#!/bin/bash
# aws-sdk-js sends a stream in unsigned chunks with a checksum behind, within chunks of HTTP. No S3
# server of Debian 12 decodes those, so it is our storage of chunks that does.
. "$(dirname "$0")/_cordon.sh"
export AWS_ACCESS_KEY_ID=tester AWS_SECRET_ACCESS_KEY=testing
. "$(dirname "$0")/_s3_clients.sh"
need_javascript @aws-sdk/client-s3
cordon_up forms

stored_equal() { cmp "$WORK/www/$1" "$2"; }
absent() { [ "$(kept_bytes "$1")" -lt "$KNOWN_SIZE" ]; }
stored_names() { find "$WORK/www" -size "${KNOWN_SIZE}c" -printf "%f\n"; }
try_s3_clients trailer
check "as payload of chunks" wait_for 5 eval 'incidents | grep -qE "\"form\": *\"aws-chunked\""'
