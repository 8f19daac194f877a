#!/bin/bash
# What docs/feed-format.md says is enough to read a feed: a script with nothing of ours opens a
# grant, every target, and finds exactly the digests that were imported. The vectors likewise.
. "$(dirname "$0")/_feed.sh"
/usr/bin/python3 -c 'import nacl, zstandard' 2>/dev/null ||
    skip "no python3-nacl or python3-zstandard"
feed_up
vectors=$ROOT/tests/feed/vectors
reads() { /usr/bin/python3 "$ROOT/tests/support/feed_check.py" "$@"; }
reads_not() { if reads "$@" 2>/dev/null; then return 1; fi; }
check "the vectors are as documented" \
    reads "$vectors" box-1 "$(cat "$vectors/node.key")" "$vectors/digests"

/usr/bin/python3 -c "import nacl.public, sys
key = nacl.public.PrivateKey.generate()
print(bytes(key).hex(), bytes(key.public_key).hex())" > "$WORK/node"
read -r secret public < "$WORK/node"
feed_begin 3000
{ echo "sha256,md5,size"
  digests 1000 4000 | while read -r digest; do echo "$digest,${digest:3:32},${#digest}"; done
} > "$WORK/list.csv"
feed import "$WORK/feed" "$WORK/list.csv" --source hotline --purpose known-csam --full \
    --columns sha256=sha256,md5=md5,size=size --category baseline \
    --system "$WORK/system" --dpkg "$WORK/none"
feed_release
feed enrol "$WORK/feed" box-7 --node-key "$public" --legal-basis "order of a court" --order 12/2026
feed grant "$WORK/feed" box-7
digests 1000 4000 | while read -r digest; do
    echo "sha256 $digest"
    echo "md5 ${digest:3:32}"
done > "$WORK/wanted"
check "a live feed is as documented" reads "$WORK/feed/public" box-7 "$secret" "$WORK/wanted"
sed 1d "$WORK/wanted" > "$WORK/fewer"
check "the check can fail" reads_not "$WORK/feed/public" box-7 "$secret" "$WORK/fewer"
