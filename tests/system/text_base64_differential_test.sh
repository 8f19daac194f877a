#!/bin/bash
# Files in base64 texts are seen as Python's base64, json and urllib see them. TEXT_SEED (1) and
# TEXT_CASES (2000) make it longer.
. "$(dirname "$0")/_init.sh"
need python3 "$ROOT/build/release/tests/support/text_list"

WORK=$(mktemp -d /tmp/cordon-text.XXXXXX)
trap 'rm -rf "$WORK"' EXIT
differ() {
    python3 "$ROOT/tests/support/text_differ.py" "$ROOT/build/release/tests/support/text_list" \
        "${TEXT_SEED:-1}" "${TEXT_CASES:-2000}" > "$WORK/differ.log" 2>&1 && return 0
    tail -n 5 "$WORK/differ.log" | cut -c 1-2000
    return 1
}
check "the same files are seen" differ
tail -n 1 "$WORK/differ.log"
