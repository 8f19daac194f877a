#!/bin/bash
# What we take from the list of a commit is what the readers of storages take from it: lists in many
# spellings and mutations of them, against readers of XML and JSON in wide use. COMMIT_LISTS (20000)
# and COMMIT_LISTS_SEED (1) make it longer.
. "$(dirname "$0")/_init.sh"
ENTRIES=$(readlink -f "$BIN/..")/tests/support/commit_entries
need python3 "$ENTRIES"

same_lists() {
    python3 "$ROOT/tests/support/compare_lists.py" "$ENTRIES" "${COMMIT_LISTS_SEED:-1}" \
        "${COMMIT_LISTS:-20000}"
}
check "lists of commits are read as others read them" same_lists
