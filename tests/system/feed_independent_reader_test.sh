#!/bin/bash
# What docs/feed-format.md says is enough to read a feed: a script with nothing of ours opens a
# grant, every target, and finds exactly the digests that were imported. The vectors likewise.
. "$(dirname "$0")/_feed.sh"
/usr/bin/python3 -c 'import nacl, zstandard' 2>/dev/null ||
    skip "no python3-nacl or python3-zstandard"
feed_up
reads() { /usr/bin/python3 "$ROOT/tests/support/feed_check.py" "$@"; }
reads_not() { if reads "$@" 2>/dev/null; then return 1; fi; }
for vectors in "$ROOT"/tests/feed/vectors*; do
    check "$(basename "$vectors") are as documented" \
        reads "$vectors" box-1 "$(cat "$vectors/node.key")" "$vectors/digests"
done

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

# With a text and the hash of a picture, by a delta.
address='https://files.example/known/17?a=1#top'
hash=$(printf '%032d%s' 0 ffffffffffffffffffffffffffffffff)
echo "pattern: $address" > "$WORK/texts"
printf 'pdq,distance\n%s,9\n' "$hash" > "$WORK/pictures.csv"
take_list "$WORK/texts" addresses --full
feed import "$WORK/feed" "$WORK/pictures.csv" --source studies --purpose known-csam --full \
    --columns pdq=pdq,distance=distance --category baseline --system "$WORK/system" \
    --dpkg "$WORK/none"
feed caps "$WORK/feed" --allow pattern --allow pdq
approve targets1 targets3
feed_release
{ echo "pattern $address"; echo "pdq $hash 9"; } >> "$WORK/wanted"
check "and with all sections" reads "$WORK/feed/public" box-7 "$secret" "$WORK/wanted"
sed 's/ 9$/ 10/' "$WORK/wanted" > "$WORK/farther"
check "another distance is noticed" reads_not "$WORK/feed/public" box-7 "$secret" "$WORK/farther"
sed 1d "$WORK/wanted" > "$WORK/fewer"
check "the check can fail" reads_not "$WORK/feed/public" box-7 "$secret" "$WORK/fewer"
