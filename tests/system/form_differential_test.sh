#!/bin/bash
# Forms as browsers and libraries write them, and forged ones: the files that Python's email gets
# out of them are seen, or the form is refused. Needs no privileges.
# FORM_SEED (1) and FORM_CASES (1500) make it longer.
. "$(dirname "$0")/_init.sh"
LIST=$(readlink -f "$BIN")/../tests/support/body_list
need python3 "$LIST"

python3 "$ROOT/tests/support/body_differ.py" form "$LIST" "${FORM_SEED:-1}" "${FORM_CASES:-1500}"
