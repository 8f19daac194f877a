#!/bin/bash
# A list of tree fingerprints, and room for the bytes of no part: 18 MB in parts, four at once, to a
# real S3 server. A clean file is stored as it is; a listed one is refused when its parts are to
# become an object, and there is none. The same for parts that the storage copies.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_s3.sh"
sections=$BIN/../tests/support/make_sections
need "$sections"
KNOWN_SIZE=18874368
SERVICE_LINES='copy_sources = "path"'
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

check "a copy in parts of a clean file is stored as it is" s3_stored boto3-copy "$WORK/clean" copy
check "it was told by the leaves of its source" counted assembly_by_leaves 3
read_before=$(outcome assembly_source_read)
check "an object of two halves that are copied is refused" s3_refused boto3-halves "$WORK/known" two
check "and does not exist" absent two
check "both halves were known" [ $(($(outcome assembly_source_read) - read_before)) = 2 ]
