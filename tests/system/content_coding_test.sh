#!/bin/bash
# A known file in a content coding is refused: by what it decodes to, and, where a server would keep
# the coded bytes, by those. A clean one passes as it was sent; a bomb is refused at its limit.
. "$(dirname "$0")/_cordon.sh"
cordon_up nginx

coded() { python3 -c 'import gzip, sys
data = open(sys.argv[1], "rb").read()
for _ in range(int(sys.argv[3])): data = gzip.compress(data, 6)
open(sys.argv[2], "wb").write(data)' "$@"; }
with() { "$2" "$URL4/$3" "$WORK/$4" -H "Content-Encoding: $1"; }

coded "$WORK/known" "$WORK/once.gz" 1
coded "$WORK/known" "$WORK/twice.gz" 2
coded "$WORK/clean" "$WORK/clean.gz" 1
head -c 30000000 /dev/zero > "$WORK/zeros"
coded "$WORK/zeros" "$WORK/zeros.gz" 1
coded "$WORK/zeros" "$WORK/bomb.gz" 2

check "a clean file passes" with gzip stored clean.gz clean.gz
check "as it was sent" cmp "$WORK/clean.gz" "$WORK/www/clean.gz"
check "a known file is refused" with gzip refused once once.gz
check "also coded twice" with "gzip, gzip" refused twice twice.gz
check "also when it only claims a coding" with gzip refused known known
check "nothing of them is stored" no_trace once
check "nor of the others" no_trace known
check "every one is an incident" incident_count 3
check "a clean file that packs as well as deflate can passes" with gzip stored zeros zeros.gz
check "a bomb is refused" \
    eval 'with "gzip, gzip" put bomb bomb.gz && [ "$(status_of_answer)" = 400 ]'
check "and counted" counted coding_limit
check "nothing of it is stored" no_trace bomb

# Cut short: what a lenient server gets out of it is judged, and that it was cut is counted.
cut_off() { head -c "-$1" "$WORK/$2" > "$WORK/$3"; }
cut_off 8 once.gz no-trailer.gz
cut_off 1000 once.gz half.gz
cut_off 8 clean.gz clean-cut.gz
{ cut_off 8 once.gz odd.gz; head -c 8 /dev/zero >> "$WORK/odd.gz"; }
bad=$(outcome coding_bad)
check "a known file without the trailer is refused" with gzip refused no-trailer no-trailer.gz
check "a part of it is none" with gzip stored half.gz half.gz
check "and stored as it was sent" cmp "$WORK/half.gz" "$WORK/www/half.gz"
check "a clean one without the trailer passes" with gzip stored clean-cut.gz clean-cut.gz
check "a wrong check sum is refused" \
    eval 'with gzip put odd odd.gz && [ "$(status_of_answer)" = 400 ]'
check "nothing of it is stored" no_trace odd
check "each is counted" counted coding_bad $((bad + 4))
