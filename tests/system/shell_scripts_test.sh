#!/bin/bash
# ShellCheck finds nothing in any script of ours; .shellcheckrc says what it is not asked about.
set -eu
cd "$(dirname "$0")/../.."
command -v shellcheck > /dev/null || { echo "SKIP: shellcheck is not installed"; exit 125; }
look() { xargs -P "$(nproc)" -n 20 shellcheck --severity=warning "$@"; }
scripts=$(grep -rlE '^#!/bin/(ba)?sh' --exclude='_*.sh' \
    --exclude-dir={build,.git,node_modules} .)
[ "$(wc -l <<< "$scripts")" -ge 150 ] || { echo "FAIL: not all scripts were found"; exit 1; }
look <<< "$scripts"
printf '%s\n' tests/system/_*.sh | look --shell=bash  # sourced, so without a first line

# It finds what is wrong.
wrong=$(mktemp)
trap 'rm -f "$wrong"' EXIT
printf '#!/bin/bash\ncd "$1"\nrm $2 -rf\n' > "$wrong"
! shellcheck --severity=warning "$wrong" > /dev/null ||
    { echo "FAIL: a cd without || passed"; exit 1; }
