#!/bin/bash
# Archives above 8 MiB, which every S3 client sends in parts, several at once: one with a known file
# in it is refused and does not exist afterwards, a clean one is stored as it is.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_s3.sh"
KNOWN_SIZE=3000000
cordon_up s3

# pack NAME FILE   — archives of 20 MB with FILE in the middle of others.
pack() {
    python3 - "$WORK" "$@" <<'CODE'
import io, random, sys, tarfile, zipfile
work, name, path = sys.argv[1:]
content = open(path, "rb").read()
rng = random.Random(7)
files = [("first.bin", rng.randbytes(7500000)), ("pictures/file.jpg", content),
         ("last.bin", rng.randbytes(9000000))]
for suffix, method in (("stored.zip", zipfile.ZIP_STORED), ("zip", zipfile.ZIP_DEFLATED)):
    with zipfile.ZipFile(f"{work}/{name}.{suffix}", "w", method, compresslevel=1) as archive:
        for member, data in files:
            archive.writestr(member, data)
with tarfile.open(f"{work}/{name}.tgz", "w:gz", compresslevel=1) as archive:
    for member, data in files:
        info = tarfile.TarInfo(member)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
CODE
}
pack clean "$WORK/clean"
pack bad "$WORK/known"

names_the_member() { incidents | grep -A60 -F "$CASE" | grep -q '"form": *"archive-member"'; }

try_archive() { # CLIENT KIND
    check "$1, $2: a clean one is stored as it is" s3_stored "$1" "$WORK/clean.$2" "$1-clean.$2"
    check "$1, $2: it came in parts" in_parts "$1-clean.$2" 2
    check "$1, $2: one with the known file is refused" s3_refused "$1" "$WORK/bad.$2" "$1-bad.$2"
    check "$1, $2: and does not exist" absent "$1-bad.$2"
    check "$1, $2: the record names the member" wait_for 5 names_the_member
}
try_archive boto3-upload stored.zip
try_archive boto3-upload zip
try_archive boto3-upload tgz
if command -v /usr/bin/aws > /dev/null; then
    try_archive awscli stored.zip
    try_archive awscli tgz
fi
check "nothing was taken for damaged or odd, and all was read" \
    nothing_of "archive_bad archive_inconsistent archive_limit archive_full assembly_unread"
