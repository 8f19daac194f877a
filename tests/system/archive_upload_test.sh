#!/bin/bash
# A known file in an archive is refused, by PUT and in a form, whatever the archive and whatever is
# around it; a storage that writes what it gets never has all of it. Clean archives are stored byte
# for byte. Every refusal says which member it was.
. "$(dirname "$0")/_cordon.sh"
cordon_up forms

# pack NAME FILE   — archives of all kinds with FILE and others in them.
pack() {
    python3 - "$WORK" "$@" <<'CODE'
import gzip, io, random, sys, tarfile, zipfile
work, name, path = sys.argv[1:]
content = open(path, "rb").read()
other = random.Random(7).randbytes(50000)
def save(suffix, data):
    open(f"{work}/{name}.{suffix}", "wb").write(data)
    return data
def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member, data in files:
            info = tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()
def zipped(files, method):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for member, data in files:
            archive.writestr(member, data)
    return out.getvalue()
files = [("first.bin", other), ("pictures/file.jpg", content), ("last.bin", other)]
plain = save("tar", tar(files))
save("tgz", gzip.compress(plain))
deflated = save("zip", zipped(files, zipfile.ZIP_DEFLATED))
save("exe", b"MZ and a program that unpacks it" + zipped(files, zipfile.ZIP_STORED))
save("nested.tgz", gzip.compress(tar([("a.zip", deflated), ("b", other)])))
save("jpg.gz", gzip.compress(content))
CODE
}
pack clean "$WORK/clean"
pack bad "$WORK/known"
KINDS="tar tgz zip exe nested.tgz jpg.gz"
if command -v zstd > /dev/null; then
    for name in clean bad; do zstd -q "$WORK/$name.tar" -o "$WORK/$name.tar.zst"; done
    KINDS="$KINDS tar.zst"
fi

form() { in_cli curl -sS -i --max-time 30 -F "file=@$1" "$URL4/form" > "$WORK/answer.log" 2>&1; }
form_stored() { form "$1" && [ "$(status_of_answer)" = 201 ]; }
form_refused() {
    form "$1" || return 1
    [ "$(status_of_answer)" = 403 ] || return 1
    CASE=$(grep -om1 "$CASE_PATTERN" "$WORK/answer.log")
}
never_whole() { [ "$(kept_bytes "$1")" -lt "$(stat -c %s "$WORK/$1")" ]; }
names_the_member() { incidents | grep -A60 -F "$CASE" | grep -q '"form": *"archive-member"'; }

refusals=0
for kind in $KINDS; do
    check "$kind: a clean one is stored" stored "$URL4/clean.$kind" "$WORK/clean.$kind"
    check "$kind: its bytes are right" cmp "$WORK/clean.$kind" "$WORK/www/clean.$kind"
    rm -f "$WORK/www/"*
    check "$kind: and as part of a form" form_stored "$WORK/clean.$kind"
    check "$kind: its bytes are right, too" cmp "$WORK/clean.$kind" "$WORK/www/clean.$kind"
    check "$kind: one with the known file is refused" refused "$URL4/bad.$kind" "$WORK/bad.$kind"
    check "$kind: as a member of it" wait_for 5 names_the_member
    check "$kind: the storage has not all of it" never_whole "bad.$kind"
    check "$kind: refused in a form" form_refused "$WORK/bad.$kind"
    check "$kind: the storage has not all of that" never_whole "bad.$kind"
    refusals=$((refusals + 2))
done
check "every attempt is one incident" incident_count "$refusals"
check "nothing was taken for damaged or odd" \
    nothing_of "archive_bad archive_inconsistent archive_limit archive_full"
