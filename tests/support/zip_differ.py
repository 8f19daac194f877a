#!/usr/bin/python3
"""Compares what zip_list sees in zips with what other programs put into them and read from them.

    zip_differ.py made LIST DIR             archives by several programs, in all forms they write
    zip_differ.py mutated LIST DIR SEED N   N damaged or forged ones

made:    every file that was packed is seen with its bytes, nothing else, without a fault.
mutated: what a reader by directory (zipfile) or one by local headers (bsdtar on a pipe) gets out
         of an archive, with its check sum right, is seen as well or the archive is refused.
"""
import hashlib
import io
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile


def sha(content):
    return hashlib.sha256(content).hexdigest()


class Pipe(io.RawIOBase):
    """What cannot be sought: lengths come behind the data."""

    def __init__(self):
        super().__init__()
        self.bytes = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.bytes += data
        return len(data)


def contents(rng):
    text = b"".join(b"line %d of a file\n" % rng.randrange(10**6) for _ in range(400))
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", 8) as archive:
        archive.writestr("inside.txt", text[::-1])
    return {
        "text.txt": text,
        "random.bin": rng.randbytes(70000),
        "empty": b"",
        "one": b"x",
        "dir/sub/deep.txt": text[:100],
        "dir/zeros": bytes(200000),
        "marks": b"PK\x07\x08" * 40 + b"PK\x03\x04" * 40 + b"PK",
        "inner.zip": inner.getvalue(),
        "n\u00e4me \u65e5.txt": b"named in UTF-8",
    }


def list_of(tool, paths, cut=None):
    command = [tool] + (["--cut", str(cut)] if cut is not None else []) + paths
    lines = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
    return {os.path.basename(seen["file"]): seen for seen in map(json.loads, lines)}


def by_zipfile(files, method, pipe, prefix=b"", comment=b""):
    sink = Pipe() if pipe else io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, content in files.items():
            if method == 0 or not pipe:
                archive.writestr(name, content)
            else:  # with a zip64 field, as for what may grow large
                with archive.open(name, "w", force_zip64=len(name) % 2 == 0) as member:
                    member.write(content)
        archive.comment = comment
    return prefix + bytes(sink.bytes if pipe else sink.getvalue())


def run(command, directory, output=None):
    with open(output, "wb") if output else open(os.devnull, "wb") as sink:
        subprocess.run(command, cwd=directory, check=True, stdout=sink, stderr=subprocess.DEVNULL,
                       stdin=subprocess.DEVNULL)


def make_all(directory, rng):
    files = contents(rng)
    source = os.path.join(directory, "source")
    for name, content in files.items():
        path = os.path.join(source, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    made = {}

    def put(name, archive):
        made[name] = files
        with open(os.path.join(directory, name), "wb") as file:
            file.write(archive)

    for method in (0, 8):
        for pipe in (False, True):
            kind = f"zipfile-{method}-{'pipe' if pipe else 'file'}"
            archive = by_zipfile(files, method, pipe)
            put(kind + ".zip", archive)
            put(kind + "-comment.zip", by_zipfile(files, method, pipe, comment=b"c" * 999))
            put(kind + "-stub.zip", by_zipfile(files, method, pipe, b"MZ" + rng.randbytes(9000)))
            put(kind + "-script.zip", by_zipfile(files, method, pipe, b"#!/usr/bin/python3\n"))
            put(kind + "-tail.zip", archive + b"\n" * 700)
    for level in ("-0", "-1", "-9"):
        for more in ([], ["-fd"], ["-fz"], ["-D"]):
            name = f"infozip{level}{''.join(more)}.zip"
            run(["zip", "-q", "-r", level, *more, os.path.join(directory, name), "."], source)
            made[name] = files
    run(["zip", "-q", "-r", "-", "."], source, os.path.join(directory, "infozip-pipe.zip"))
    run(["zip", "-q", "-r", "-0", "-fz", "-", "."], source,
        os.path.join(directory, "infozip-pipe-0.zip"))
    made["infozip-pipe.zip"] = made["infozip-pipe-0.zip"] = files
    for option in ("compression=store", "compression=deflate", "zip64", "!experimental"):
        name = f"bsdtar-{option}.zip"
        run(["bsdtar", "--format=zip", "--options", "zip:" + option, "-cf",
             os.path.join(directory, name), "."], source)
        made[name] = files
        run(["bsdtar", "--format=zip", "--options", "zip:" + option, "-c", "."], source,
            os.path.join(directory, "pipe-" + name))
        made["pipe-" + name] = files
    if shutil.which("7zz"):
        for option in ("-mm=Copy", "-mm=Deflate", "-mx=9", "-mcu=on"):
            name = f"7z{option}.zip"
            run(["7zz", "a", "-tzip", option, os.path.join(directory, name), "."], source)
            made[name] = files
        made["7z-volume.zip"] = None
    # Put behind a stub, and the places in the directory told of it.
    for name in ("infozip-9.zip", "infozip-0-fd.zip"):
        moved = os.path.join(directory, "adjusted-" + name)
        with open(moved, "wb") as file:
            file.write(b"\x7fELF" + rng.randbytes(5000))
            with open(os.path.join(directory, name), "rb") as archive:
                file.write(archive.read())
        run(["zip", "-q", "-A", moved], directory)
        made["adjusted-" + name] = files
    # Two archives, one behind the other.
    with open(os.path.join(directory, "two.zip"), "wb") as file:
        file.write(by_zipfile({"a": b"first"}, 8, True) + by_zipfile({"b": b"second"}, 0, False))
    made["two.zip"] = {"a": b"first", "b": b"second"}
    # What nobody looks into is told by name.
    run(["zip", "-q", "-P", "word", os.path.join(directory, "encrypted.zip"), "text.txt"], source)
    run(["zip", "-q", "-Z", "bzip2", os.path.join(directory, "bzip2.zip"), "text.txt"], source)
    noted = {"encrypted.zip": "archive_encrypted text.txt",
             "bzip2.zip": "archive_unsupported text.txt"}
    if shutil.which("7zz"):
        for method, name in (("LZMA", "lzma"), ("Deflate64", "deflate64"), ("PPMd", "ppmd")):
            run(["7zz", "a", "-tzip", f"-mm={method}", os.path.join(directory, name + ".zip"),
                 "text.txt"], source)
            noted[name + ".zip"] = "archive_unsupported text.txt"
        run(["7zz", "a", "-tzip", "-pword", "-mem=AES256", os.path.join(directory, "aes.zip"),
             "text.txt"], source)
        noted["aes.zip"] = "archive_encrypted text.txt"
    made.pop("7z-volume.zip", None)
    return made, noted


def check_made(tool, directory):
    made, noted = make_all(directory, random.Random(4))
    faults = 0
    for cut in (None, 1, 2, 3):
        seen = list_of(tool, [os.path.join(directory, name) for name in [*made, *noted]], cut)
        for name, files in made.items():
            wanted = sorted((key, sha(content)) for key, content in files.items())
            got = sorted((m["name"].removeprefix("./"), m["sha256"])
                         for m in seen[name]["members"] if not m["name"].endswith("/"))
            if got != wanted or seen[name]["fault"] or seen[name]["notes"]:
                faults += 1
                print(f"{name}: {seen[name]['fault']} {seen[name]['notes']} "
                      f"missing {set(wanted) - set(got)} more {set(got) - set(wanted)}")
        for name, note in noted.items():
            if seen[name]["notes"] != [note] or seen[name]["fault"] or seen[name]["members"]:
                faults += 1
                print(f"{name}: not only noted: {seen[name]}")
    print(f"{len(made) + len(noted)} archives, {faults} differences")
    return faults


# --- forged ones ---------------------------------------------------------------------------------


def replace(archive, at, new):
    return archive[:at] + new + archive[at + len(new):]


def places(archive, mark):
    found, at = [], archive.find(mark)
    while at >= 0:
        found.append(at)
        at = archive.find(mark, at + 1)
    return found


def mutate(rng, archive, other):
    """One archive turned into another that readers may disagree on."""
    kind = rng.randrange(14)
    marks = [at for mark in (b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08")
             for at in places(archive, mark)]
    at = rng.choice(marks) if marks else 0
    if kind <= 4 and at + 46 < len(archive):  # a field of a record
        width = rng.choice((1, 2, 4))
        value = rng.choice((0, 1, 8, 0xff, 0xffff, 0xffffffff, rng.getrandbits(32),
                            rng.randrange(len(archive)))) & (256**width - 1)
        return replace(archive, at + rng.randrange(4, 46), value.to_bytes(width, "little"))
    if kind == 5:  # anything anywhere
        return replace(archive, rng.randrange(len(archive)), rng.randbytes(rng.randrange(1, 4)))
    if kind == 6:
        return archive[:rng.randrange(len(archive))]
    if kind == 7:  # something put in; places in the directory are wrong behind it
        where = rng.choice(marks + [rng.randrange(len(archive))])
        return archive[:where] + rng.choice((rng.randbytes(20), other, b"PK\5\6")) + archive[where:]
    if kind == 8:  # something taken out
        where = rng.choice(marks or [0])
        return archive[:where] + archive[where + rng.choice((1, 4, 30, 46, 100)):]
    if kind == 9:
        return archive + other
    if kind == 10:  # another archive in the comment of the end
        end = archive.rfind(b"PK\5\6")
        if end < 0 or len(other) > 0xffff:
            return other
        return archive[:end + 20] + struct.pack("<H", len(other)) + other
    if kind == 11:  # one archive as the data of a member of nothing, without end
        head = struct.pack("<IHHHHHIIIHH", 0x04034b50, 20, 0, 0, 0, 33, 0, 2**31, 2**31, 1, 0)
        return head + b"x" + archive
    if kind == 12:  # the directory of one with the end of another
        end, begin = other.rfind(b"PK\5\6"), archive.find(b"PK\1\2")
        return archive[:begin] + other[other.find(b"PK\1\2"):end] + archive[begin:]
    return rng.randbytes(rng.randrange(1, 40)) + archive


def seed_archives(rng):
    files = {"a.txt": b"content of a " * 30, "dir/b": rng.randbytes(300), "c": b"", "d": b"dd"}
    other = {"evil.txt": b"hidden content " * 9, "a.txt": b"other content of a"}
    small = [by_zipfile(files, method, pipe) for method in (0, 8) for pipe in (False, True)]
    small += [b"MZ" + bytes(100) + small[0], by_zipfile(files, 8, False, comment=b"comment")]
    small.append(by_zipfile({"inner.zip": small[1], "x": b"y"}, 0, True))
    wide = by_zipfile(files, 0, True)
    begin, end = wide.find(b"PK\1\2"), wide.rfind(b"PK\5\6")
    count = len(files)
    small.append(wide[:end] + struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, count, count,
                                          end - begin, begin) +
                 struct.pack("<IIQI", 0x07064b50, 0, end, 1) +
                 struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff,
                             0))
    return small, [by_zipfile(other, method, pipe) for method in (0, 8) for pipe in (0, 1)]


def read_by_directory(archive):
    got = set()
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            for info in opened.infolist():
                try:
                    got.add(sha(opened.read(info)))
                except Exception:  # whatever a reader of damaged files raises
                    pass
    except Exception:
        pass
    return got


def read_by_headers(archive):
    """What bsdtar extracts from a pipe without a complaint."""
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(["bsdtar", "-x", "-f", "-", "-C", directory], input=archive,
                              capture_output=True, check=False)
        if done.returncode != 0:
            return set()
        return {sha(path.read_bytes()) for path in pathlib.Path(directory).rglob("*")
                if path.is_file() and not path.is_symlink()}


def check_mutated(tool, directory, seed, count):
    rng = random.Random(seed)
    bases, others = seed_archives(rng)
    archives = {}
    for number in range(count):
        archive = rng.choice(bases)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            archive = mutate(rng, archive, rng.choice(others)) or b"PK"
        archives[f"m{number}.zip"] = archive
        with open(os.path.join(directory, f"m{number}.zip"), "wb") as file:
            file.write(archive)
    names = list(archives)
    seen = {}
    for begin in range(0, count, 500):
        seen.update(list_of(tool, [os.path.join(directory, n) for n in names[begin:begin + 500]],
                            seed))
    faults = agreed = refused = 0
    for name, archive in archives.items():
        ours = {member["sha256"] for member in seen[name]["members"]}
        is_refused = seen[name]["fault"] in ("archive_inconsistent", "archive_limit")
        if is_refused or seen[name]["notes"]:  # or counted as not seen
            refused += 1
            continue
        theirs = read_by_directory(archive) - {sha(b"")}
        if theirs - ours or (theirs and seen[name]["fault"]):
            faults += 1
            print(f"{directory}/{name}: a reader by directory sees more; {seen[name]}")
        agreed += bool(theirs)
        if int(name[1:-4]) % 4 == 0 and (read_by_headers(archive) - {sha(b"")}) - ours:
            faults += 1
            print(f"{directory}/{name}: a reader by local headers sees more; {seen[name]}")
    print(f"{count} forged archives: {agreed} read alike, {refused} refused, {faults} differences")
    return faults


def main():
    mode, tool, directory = sys.argv[1:4]
    os.makedirs(directory, exist_ok=True)
    if mode == "made":
        return check_made(tool, directory) != 0
    return check_mutated(tool, directory, int(sys.argv[4]), int(sys.argv[5])) != 0


sys.exit(main())
