#!/bin/bash
# What cordon-feed refuses, with file, row and reason; and a million rows, none of them lost.
. "$(dirname "$0")/_feed.sh"
feed_up
feed_begin 10
says() { grep -qF -- "$1" "$WORK/said"; }
fails() { if "$@" > "$WORK/said" 2>&1; then return 1; fi; }
answers() { # WHAT COMMAND…: what it prints has WHAT in it
    _what_it_says=$1
    shift
    "$FEED" "$@" > "$WORK/said" 2>&1 && says "$_what_it_says"
}
refused() {
    fails "$FEED" import "$WORK/feed" "$WORK/odd" --source hotline --incremental \
        --system "$WORK/system" --dpkg "$WORK/dpkg" "$@"
}
mkdir "$WORK/dpkg"
echo "0123456789abcdef0123456789abcdef  usr/bin/tool" > "$WORK/dpkg/tool.md5sums"

printf '%s\nnothing\n' "$(digests 70 71)" > "$WORK/odd"
check "a malformed row is refused" refused --purpose known-csam --category baseline
check "with its file and line" says "odd:2: "
check "and nothing is taken" says "nothing was imported"
printf 'id,class\n%s,Z\n' "$(digests 70 71)" > "$WORK/odd"
check "a category that is not mapped is refused" \
    refused --purpose known-csam --columns sha256=id,category=class
check "with its name" says 'odd:2: category "Z" is not mapped'
check "another purpose is refused" refused --purpose copyright --category baseline
check "the kind of import must be said" \
    fails "$FEED" import "$WORK/feed" "$WORK/odd" --source hotline --purpose known-csam

{
    digests 70 72
    sha256sum /dev/null "$WORK/system/file" | cut -d' ' -f1
    echo 0123456789abcdef0123456789abcdef
} > "$WORK/odd"
"$FEED" import "$WORK/feed" "$WORK/odd" --source hotline --incremental --system "$WORK/system" \
    --dpkg "$WORK/dpkg" --purpose known-csam --category baseline > "$WORK/said" 2>&1
check "the digest of the empty file is left out" says "odd:3: sha256: the empty file has it"
check "that of a file of the system" says "odd:4: sha256: a known good file has it"
check "that of a package's file" says "odd:5: md5: a known good file has it"
check "the others are taken" says "2 indicators added"
check "diff shows them" answers "2 added, 0 removed" diff "$WORK/feed"
check "why names the source" answers hotline why "$WORK/feed" 12
check "a key that nothing asks for signs nothing" \
    fails "$FEED" approve "$WORK/feed" --key "$WORK/feed/keys/oncall1.key" --yes
feed withdraw "$WORK/feed" 3 --reason "an error of the source"
feed_release
check "what was withdrawn is gone" answers "in force: 0 records" why "$WORK/feed" 3
check "a reason that no document could hold is refused" \
    fails "$FEED" revoke "$WORK/feed" --key "$WORK/feed/keys/oncall1.key" --reference 2 \
    --reason $'two\nlines'
check "and says so" says "control characters"
check "a folder that is none is refused" fails "$FEED" status "$WORK/system"
check "a second init is refused" fails "$FEED" init "$WORK/feed" --lab

python3 -c "import os
data = os.urandom(32 * 1000000)
for n in range(1000000): print(data[32 * n:32 * n + 32].hex())" > "$WORK/million"
take_list "$WORK/million" big --full
tail -n 1 "$WORK/log" > "$WORK/said"
check "a million rows are taken" says "1,000,000 rows, 1,000,000 indicators added"
