#!/bin/bash
# Zips made by Python, Info-ZIP, bsdtar and 7-Zip in every form they write, and forged ones: what
# other readers get out of them is seen, or the archive is refused. Needs no privileges.
# ZIP_FORGED (1500) and ZIP_SEED (1) make it longer.
set -eu
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
BIN=${BIN:-$ROOT/build/bin}
LIST=$(readlink -f "$BIN")/../tests/support/zip_list
[ -x "$LIST" ] || { echo "SKIP: $LIST is not built"; exit 125; }
for tool in zip bsdtar; do
    command -v $tool > /dev/null || { echo "SKIP: no $tool"; exit 125; }
done
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
python3 "$ROOT/tests/support/zip_differ.py" made "$LIST" "$WORK/made"
python3 "$ROOT/tests/support/zip_differ.py" mutated "$LIST" "$WORK/forged" \
    "${ZIP_SEED:-1}" "${ZIP_FORGED:-1500}"
