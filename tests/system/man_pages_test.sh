#!/bin/bash
# The manual pages are right by mandoc, and tell of each other's names only what is there.
set -eu
cd "$(dirname "$0")/../.."
command -v mandoc > /dev/null || { echo "SKIP: mandoc is not installed"; exit 125; }
fail() { echo "FAIL: $*"; exit 1; }

# Without a date: a page that is written anew says the same.
lint() { mandoc -T lint -W warning "$@" | grep -v 'missing date' || true; }
wrong=$(lint docs/*.[1-8])
[ -z "$wrong" ] || fail "$wrong"
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
printf '.TH X 8\n.SH NAME\nx\n.RE\n.XX\n' > "$there/x.8"
[ -n "$(lint "$there/x.8")" ] || fail "what is wrong was not found"

for page in docs/*.[1-8]; do
    mandoc -T utf8 "$page" > "$there/text"
    [ "$(wc -l < "$there/text")" -ge 20 ] || fail "$page is short"
    # Every page of ours that one names exists.
    grep -oE '^\.BR (cordon[a-z.\\-]*) \([1-8]\)' "$page" | tr -d '\\()' |
        while read -r _ name section; do
            [ -e "docs/$name.$section" ] || fail "$page names $name($section)"
        done
done
