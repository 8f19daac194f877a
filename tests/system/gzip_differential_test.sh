#!/bin/bash
# Gzip files and bodies of one or several members, and forged ones: what Python's gzip and zlib get
# out of them is seen, or they are refused. Needs no privileges.
# GZIP_SEED (1) and GZIP_CASES (3000) make it longer.
. "$(dirname "$0")/_init.sh"
LIST=$(readlink -f "$BIN")/../tests/support/body_list
need python3 "$LIST"

python3 "$ROOT/tests/support/body_differ.py" gzip "$LIST" "${GZIP_SEED:-1}" "${GZIP_CASES:-3000}"
