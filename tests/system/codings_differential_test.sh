#!/bin/bash
# Signed chunks, content codings and coded parts of forms as other programs write them, and damaged
# ones: what other readers get out of them is seen, or the body is refused. Needs no privileges.
# CODING_SEED (1) and CODING_CASES (800) make it longer.
. "$(dirname "$0")/_init.sh"
LIST=$(readlink -f "$BIN")/../tests/support/body_list
need python3 "$LIST" node zstd
python3 -c 'import botocore' 2> /dev/null || skip "no botocore"

for kind in chunks coding part; do
    check "$kind: the same objects are seen" python3 "$ROOT/tests/support/coding_differ.py" $kind \
        "$LIST" "${CODING_SEED:-1}" "${CODING_CASES:-800}"
done
