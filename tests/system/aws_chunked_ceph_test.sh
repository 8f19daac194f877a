#!/bin/bash
# Uploads to a real S3 server that decodes chunks, and checks their signatures: what is stored is
# the file itself, of a known file nothing.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_rgw.sh"
need restic
cordon_up rgw

try_s3_clients aws-chunked
check "as payload of chunks" wait_for 5 eval 'incidents | grep -qE "\"form\": *\"aws-chunked\""'

# A client in use that sends such chunks over HTTP; what it uploads is encrypted, so it has nothing
# to refuse.
export RESTIC_PASSWORD=test HOME=$WORK RESTIC_CACHE_DIR=$WORK/restic
by_restic() {
    in_cli timeout 30 restic -q -r "s3:$URL4/$BUCKET/backup" "$@" > "$WORK/answer.log" 2>&1
}
check "restic makes a repository" by_restic init
check "restic backs a file up" by_restic backup "$WORK/clean"
check "and finds it whole again" by_restic check --read-data
check "as it was" eval 'by_restic dump latest "$WORK/clean" && cmp "$WORK/answer.log" "$WORK/clean"'
