#!/bin/bash
# Tar archives by Python, bsdtar and GNU tar, and forged ones: the files that Python and bsdtar get
# out of them are seen, or the archive is refused. Needs no privileges.
# TAR_SEED (1) and TAR_CASES (1500) make it longer.
. "$(dirname "$0")/_init.sh"
LIST=$(readlink -f "$BIN")/../tests/support/body_list
need python3 "$LIST" bsdtar tar

python3 "$ROOT/tests/support/body_differ.py" tar "$LIST" "${TAR_SEED:-1}" "${TAR_CASES:-1500}"
