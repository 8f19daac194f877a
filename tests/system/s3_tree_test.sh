#!/bin/bash
# A list of tree fingerprints, and room for the bytes of no part: 18 MB in parts, four at once, to a
# real S3 server. A clean file is stored as it is; a listed one is refused when its parts are to
# become an object, and there is none.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_s3.sh"
sections=$BIN/../tests/support/make_sections
need "$sections"
KNOWN_SIZE=18874368
LIMIT_LINES='spool_bytes_max = 1048576'
write_index() {
    "$sections" trees "$WORK/state" "$WORK/index.cdx" "$WORK/known" > "$WORK/index.log" 2>&1 ||
        fail "index: $(cat "$WORK/index.log")"
}
cordon_up s3

try_s3 boto3-upload 1 7 4
check "parts found no room" counted assembly_full
check "it was told by its leaves, as was the clean one" counted assembly_by_leaves 2
check "as one object" eval 'incidents | grep -qE "\"form\": *\"assembled\""'
