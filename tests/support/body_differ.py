#!/usr/bin/env python3
"""Compares the objects that are seen in bodies with what other readers get out of them.

    body_differ.py tar|gzip|form LIST [SEED [CASES]]

LIST: the program of tests/support/body_list.cpp. First archives and forms as other programs write
them, each whole and in pieces: all files are seen, nothing else, without a fault. Then CASES
damaged or forged ones: what a reader gets out of one is seen as well, or the body is refused, or a
member is told to be unread.

  tar   written by Python, bsdtar and GNU tar; read by Python, with and without ignore_zeros, and
        by bsdtar
  gzip  one or several members, with every field of the header, zeros or junk behind; read by
        Python's gzip and, for those that stop after the first member, zlib
  form  multipart/form-data as browsers and libraries write it; read by Python's email
"""
import contextlib
import email.parser
import email.policy
import gzip
import hashlib
import io
import json
import os
import pathlib
import random
import re
import resource
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib

EMPTY = hashlib.sha256(b"").hexdigest()


def sha(content):
    return hashlib.sha256(content).hexdigest()


class Case:
    """A body, what must be seen in it exactly (None: not known), and what readers get."""

    def __init__(self, name, body, wanted=None, fields=b""):
        self.name, self.body, self.wanted, self.fields = name, body, wanted, fields


def seen_in(tool, cases, seed):
    records = [struct.pack("<III", len(case.fields), len(case.body), seed) + case.fields +
               case.body for case in cases]
    lines = subprocess.run([tool], input=b"".join(records), check=True,
                           capture_output=True).stdout.splitlines()
    assert len(lines) == len(cases)
    return [json.loads(line) for line in lines]


def keep(case):
    """A case in which readers differ, for whoever looks into it."""
    file = tempfile.NamedTemporaryFile(prefix="differs-", delete=False)
    file.write(case.fields + b"\r\n" + case.body)
    return file.name


def check_made(tool, cases, form):
    faults = 0
    for seed in (0, 1, 2):
        for case, seen in zip(cases, seen_in(tool, cases, seed)):
            got = {one[3] for one in seen["objects"] if one[0] == form} - {EMPTY}
            wanted = {sha(content) for content in case.wanted} - {EMPTY}
            if got != wanted or seen["fault"] or seen["unread"]:
                faults += 1
                print(f"{case.name}: {seen['fault']} {seen['notes']} unread {seen['unread']} "
                      f"missing {len(wanted - got)} more {len(got - wanted)}: {keep(case)}")
    print(f"{len(cases)} made, {faults} differences")
    return faults


def check_forged(tool, cases, readers, seed):
    faults = agreed = refused = 0
    for case, seen in zip(cases, seen_in(tool, cases, seed)):
        if seen["fault"] or seen["unread"]:
            refused += 1
            continue
        ours = {one[3] for one in seen["objects"]} | set(seen["prefixes"]) | {EMPTY}
        for reader in readers:
            theirs = reader(case)
            agreed += bool(theirs)
            if theirs - ours:
                faults += 1
                print(f"{case.name}: {reader.__name__} sees more; notes {seen['notes']}: "
                      f"{keep(case)}")
    print(f"{len(cases)} forged: {refused} refused, {agreed} read alike, {faults} differences")
    return faults


# --- tar -----------------------------------------------------------------------------------------


def files_of(rng):
    return {
        "text.txt": b"a line of a file\n" * 90,
        "random.bin": rng.randbytes(30000),
        "block": rng.randbytes(512),
        "one": b"x",
        "empty": b"",
        "dir/" + "n" * 90 + "/" + "m" * 70: b"a long name",
        "dir/" + "deep/" * 60 + "file": b"a name beyond every field",
        "n\u00e4me \u65e5.txt": b"named in UTF-8",
        "zeros": bytes(2000) + b"not only",
    }


def by_tarfile(files, kind, rng, extra=True):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), rng.randrange(2**31)
            if kind == tarfile.PAX_FORMAT and rng.random() < 0.5:
                info.pax_headers = {"comment": "c" * rng.randrange(900)}
            try:
                archive.addfile(info, io.BytesIO(content))
            except ValueError:  # a name that this format cannot have
                continue
        for number, (kind_of_entry, link) in enumerate(
                [(tarfile.DIRTYPE, ""), (tarfile.SYMTYPE, "text.txt"),
                 (tarfile.LNKTYPE, "text.txt"), (tarfile.FIFOTYPE, "")] if extra else []):
            info = tarfile.TarInfo(f"entry{number}")
            info.type, info.linkname = kind_of_entry, link
            archive.addfile(info)
    return out.getvalue()


def contents_in(archive, **options):
    """The contents of all files that tarfile gets out of an archive, as far as it comes."""
    got = set()
    with contextlib.suppress(Exception):  # whatever a reader of damaged files raises
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:", **options) as opened:
            for info in opened:
                if info.isreg() and not info.issparse():
                    content = opened.extractfile(info).read()
                    if len(content) == info.size:
                        got.add(sha(content))
    return got


def python(case):
    return contents_in(case.body)


def python_beyond_zeros(case):
    """Of what is sound up to its end marker: it looks behind that."""
    try:
        with tarfile.open(fileobj=io.BytesIO(case.body), mode="r:") as opened:
            if not opened.getmembers() or case.body[opened.offset:][:512].strip(b"\0"):
                return set()
    except tarfile.TarError:
        return set()
    return contents_in(case.body, ignore_zeros=True)


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def bsdtar(case):
    """What it extracts without a complaint."""
    if int(case.name[1:]) % 8:  # a process for each
        return set()
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(["bsdtar", "-x", "-f", "-", "-C", directory], input=case.body,
                              capture_output=True, check=False, preexec_fn=small_files)
        if done.returncode != 0 or done.stderr:
            return set()
        return {sha(path.read_bytes()) for path in pathlib.Path(directory).rglob("*")
                if path.is_file() and not path.is_symlink()}


def made_tars(rng):
    files = files_of(rng)
    cases = []
    for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        archive = by_tarfile(files, kind, rng)
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            wanted = [opened.extractfile(info).read() for info in opened if info.isreg()]
        cases.append(Case(f"python-{kind}", archive, wanted))
        more = by_tarfile({"second": b"of another archive"}, kind, rng, False)
        cases.append(Case(f"python-{kind}-twice", archive + more, [*wanted,
                                                                   b"of another archive"]))
    with tempfile.TemporaryDirectory() as directory:
        for name, content in files.items():
            path = os.path.join(directory, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            pathlib.Path(path).write_bytes(content)
        commands = [["bsdtar", "-c", "--format", kind] for kind in ("pax", "gnutar", "ustar",
                                                                    "v7")]
        commands += [["tar", "-c", "--format", kind] for kind in ("gnu", "posix", "oldgnu",
                                                                  "ustar", "v7")]
        for command in commands:
            done = subprocess.run([*command, "-f", "-", "."], cwd=directory, capture_output=True,
                                  check=False)
            with tarfile.open(fileobj=io.BytesIO(done.stdout)) as opened:
                wanted = [opened.extractfile(info).read() for info in opened if info.isreg()]
            assert len(wanted) >= len(files) - 3
            cases.append(Case("-".join(command), done.stdout, wanted))
    return cases


def with_sum(block):
    block = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def forge_tar(rng, archive, other):
    """One change to an archive that readers may take differently."""
    headers = [at for at in range(0, len(archive) - 511, 512)
               if archive[at + 257:at + 262] == b"ustar"]
    at = rng.choice(headers)
    block = archive[at:at + 512]
    kind = rng.randrange(9)
    if kind <= 3:  # a field of a header
        start, end = rng.choice([(0, 100), (124, 136), (156, 157), (257, 265), (345, 500),
                                 (124, 136), (156, 157)])
        value = rng.choice([b"\0", b"0", b"7", b"x", b"g", b"L", b"K", b"S", b"5", b"1", b" ",
                            b"-1", b"+1", b"0x10", b"00000000777\0", b"777 ", b" 777",
                            b"\x80" + bytes(9) + b"\2\0", b"\xff" * 12, b"8", b"1 2",
                            b"99999999999"])
        spot = start if rng.random() < 0.7 else rng.randrange(start, end)
        block = (block[:spot] + value + block[spot + len(value):])[:512]
        block = with_sum(block) if rng.random() < 0.9 else block
        return archive[:at] + block + archive[at + 512:]
    if kind == 4:  # bytes anywhere
        spot = rng.randrange(len(archive))
        return archive[:spot] + rng.randbytes(rng.randrange(1, 4)) + archive[spot + 2:]
    if kind == 5:
        return archive[:rng.randrange(len(archive))]
    if kind == 6:  # blocks put in, not always where blocks begin
        more = rng.choice([bytes(512), bytes(1024), rng.randbytes(512), other, b"\n"])
        return archive[:at] + more + archive[at:]
    if kind == 7:
        return archive[:at] + archive[at + rng.choice((512, 1024, 1, 300)):]
    return archive.rstrip(b"\0") + rng.choice([b"", bytes(100), bytes(512)]) + other


def forged_tars(rng, count):
    small = {"a.txt": b"content of a " * 30, "dir/b": rng.randbytes(300), "c": b"", "d": b"dd",
             "l" * 150: b"long", "e": rng.randbytes(512)}
    bases = [by_tarfile(small, kind, rng) for kind in
             (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
    others = [by_tarfile({"evil": b"hidden content " * 9, "a.txt": b"another a"}, kind, rng)
              for kind in (tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT)]
    for number in range(count):
        archive = rng.choice(bases)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            with contextlib.suppress(IndexError, ValueError):
                archive = forge_tar(rng, archive, rng.choice(others)) or archive
        yield Case(f"t{number}", archive)


# --- gzip ----------------------------------------------------------------------------------------


def gzip_member(rng, content):
    """One member with any fields in its header (RFC 1952)."""
    flags = rng.choice([0, 0, 8, rng.randrange(32)])
    head = struct.pack("<BBBBIBB", 0x1f, 0x8b, 8, flags, rng.getrandbits(32),
                       rng.choice((0, 2, 4)), rng.choice((0, 3, 255)))
    if flags & 4:
        extra = rng.randbytes(rng.choice((0, 6, 3000)))
        head += struct.pack("<H", len(extra)) + extra
    if flags & 8:
        head += b"n" * rng.choice((0, 5, 300)) + b"\0"
    if flags & 16:
        head += b"comment" * rng.randrange(40) + b"\0"
    if flags & 2:
        head += struct.pack("<H", zlib.crc32(head) & 0xffff)
    coder = zlib.compressobj(rng.randrange(10), zlib.DEFLATED, -15)
    data = coder.compress(content) + coder.flush()
    return head + data + struct.pack("<II", zlib.crc32(content), len(content))


def some_content(rng):
    return rng.choice([b"a line of a file\n" * rng.randrange(1, 900),
                       rng.randbytes(rng.randrange(1, 9000)), b"x", bytes(20000)])


AS_CODING = b"Content-Encoding: gzip\r\n"


def made_gzips(rng):
    for number in range(60):
        parts = [some_content(rng) for _ in range(rng.choice((1, 1, 2, 5)))]
        body = b"".join(gzip_member(rng, part) for part in parts)
        wanted = [b"".join(parts)]
        yield Case(f"coding-{number}", body, wanted, AS_CODING)
        yield Case(f"file-{number}", body, wanted)
        yield Case(f"zeros-{number}", body + bytes(rng.randrange(1, 600)), wanted, AS_CODING)
        yield Case(f"file-zeros-{number}", body + bytes(rng.randrange(1, 600)), wanted)


def python_gzip(case):
    """Every member of it, or nothing."""
    try:
        return {sha(gzip.decompress(case.body))}
    except (OSError, EOFError, zlib.error, struct.error):
        return set()


def python_stream(case):
    """What comes before the first fault behind a whole member."""
    got = b""
    with contextlib.suppress(OSError, EOFError, zlib.error, struct.error):
        with gzip.open(io.BytesIO(case.body)) as opened:
            while piece := opened.read(1 << 20):
                got += piece
        return {sha(got)}
    return set()


def first_member(case):
    decoder = zlib.decompressobj(31)
    with contextlib.suppress(zlib.error):
        content = decoder.decompress(case.body)
        if decoder.eof:
            return {sha(content)}
    return set()


def forged_gzips(rng, count):
    for number in range(count):
        parts = [some_content(rng) for _ in range(rng.choice((1, 2, 3)))]
        members = [gzip_member(rng, part) for part in parts]
        body = bytearray(b"".join(members))
        for _ in range(rng.choice((0, 1, 1, 2))):
            kind = rng.randrange(7)
            spot = rng.randrange(min(len(body), 40)) if rng.random() < 0.5 else \
                rng.randrange(len(body))
            if kind == 0:
                body[spot] = rng.randrange(256)
            elif kind == 1:
                del body[spot:]
                body += b"" if body else b"\x1f"
            elif kind == 2:
                body[spot:spot] = rng.randbytes(rng.randrange(1, 20))
            elif kind == 3:
                body += rng.choice([rng.randbytes(30), b"\x1f\x8b", b"junk", bytes(9) + b"junk"])
            elif kind == 4:  # between two members
                place = len(members[0])
                body[place:place] = rng.choice([bytes(rng.randrange(1, 40)), b"\n", b"\x1f"])
            elif kind == 5 and len(body) > 3:  # flags, reserved ones among them
                body[3] |= rng.choice((0x20, 0x40, 0x80, 0x22))
            else:
                body[-rng.randrange(1, min(12, len(body) + 1)):] = rng.randbytes(8)
        yield Case(f"g{number}", bytes(body), fields=AS_CODING if number % 2 else b"")


# --- form ----------------------------------------------------------------------------------------


def boundary_of(rng):
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyzABC0123456789'+_-./:=?")
                   for _ in range(rng.randrange(1, 69))) + "z"


def form_content(rng, boundary):
    return rng.choice([
        rng.randbytes(rng.randrange(1, 5000)), b"x", b"\r\n", b"a line\r\n" * 40,
        b"--" + boundary.encode()[:-1] + b"\r\n", b"\n--" + boundary.encode() + b"\n",
        (b"\r\n--" + boundary.encode()[:-1]) * 30 + b"\r\n"])


def as_form(rng):
    """A form as browsers and libraries write it, and the contents of its files."""
    boundary = boundary_of(rng)
    contents = [form_content(rng, boundary) for _ in range(rng.randrange(1, 6))]
    contents = [one for one in contents if b"--" + boundary.encode() not in one] or [b"alone"]
    body = rng.choice([b"", b"", b"a preamble\r\n"])
    for number, content in enumerate(contents):
        head = [b'Content-Disposition: form-data; name="f%d"; filename="n%d"' % (number, number)]
        if rng.random() < 0.5:
            head.append(b"Content-Type: " + rng.choice([b"image/jpeg", b"text/plain",
                                                        b"application/octet-stream"]))
        rng.shuffle(head)
        body += b"--" + boundary.encode() + b"\r\n" + b"\r\n".join(head) + b"\r\n\r\n"
        body += content + b"\r\n"
    body += b"--" + boundary.encode() + b"--" + rng.choice([b"\r\n", b"", b"\r\nan epilogue\r\n"])
    quoted = f'"{boundary}"' if set(boundary) & set("'+/:=?") or rng.random() < 0.5 else boundary
    return boundary, contents, body, (b"Content-Type: multipart/form-data; boundary=%s\r\n" %
                                      quoted.encode())


def made_forms(rng):
    for number in range(200):
        _, contents, body, fields = as_form(rng)
        yield Case(f"form-{number}", body, contents, fields)


def python_email(case):
    """What the email package takes for files in a form. It ends lines at a bare line break, before
    which a boundary is refused here, and goes on behind `--boundary--x`, as form readers do not:
    what has that is left out."""
    got = set()
    text = b"MIME-Version: 1.0\r\n" + case.fields + b"\r\n" + case.body
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(text)
    mark = b"--" + re.search(rb'boundary="?([^"\r]+)', case.fields)[1]
    if not message.is_multipart() or re.search(re.escape(mark) + rb"-(?!-\r)", case.body):
        return got
    for part in message.iter_parts():
        with contextlib.suppress(Exception):
            if part.is_multipart() or part.defects or part.get_filename() is None:
                continue
            got.add(sha(part.get_payload(decode=True)))
    return got


def forged_forms(rng, count):
    for number in range(count):
        boundary, _, body, fields = as_form(rng)
        mark = b"--" + boundary.encode()
        body = bytearray(body)
        for _ in range(rng.choice((1, 1, 2))):
            places = [at.start() for at in re.finditer(re.escape(mark), bytes(body))] or [0]
            at = rng.choice(places)
            kind = rng.randrange(6)
            if kind == 0 and at + 2 < len(body):
                reach = len(mark) + 4 if at + len(mark) + 4 < len(body) else 2
                body[at + rng.randrange(reach)] ^= rng.choice((1, 32, 128))
            elif kind == 1:
                body[at:at] = rng.choice([b"\r\n", b"\r", b"x\r", b"\n", b" ", mark + b"\r\n",
                                          mark + b"--\r\n"])
            elif kind == 2:
                end = at + len(mark)
                body[end:end] = rng.choice([b" ", b"\t", b"x", b"--", b"-", b"\r"])
            elif kind == 3:
                del body[rng.randrange(len(body)):]
            elif kind == 4:  # a line of a head
                head = bytes(body).find(b"Content-Disposition", at)
                if head >= 0:
                    body[head:head] = rng.choice([b"X: y\r\n", b" folded\r\n", b": no name\r\n",
                                                  b"Content-Transfer-Encoding: 8bit\r\n"])
            else:
                del body[at:at + rng.randrange(1, len(mark) + 3)]
        yield Case(f"f{number}", bytes(body), fields=fields)


KINDS = {
    "tar": (made_tars, forged_tars, [python, python_beyond_zeros, bsdtar], "archive-member"),
    "gzip": (made_gzips, forged_gzips, [python_gzip, python_stream, first_member], None),
    "form": (made_forms, forged_forms, [python_email], "form-part"),
}


def main():
    kind, tool = sys.argv[1:3]
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 2000
    make, forge, readers, form = KINDS[kind]
    made = list(make(rng))
    faults = 0
    if form:
        faults += check_made(tool, made, form)
    else:
        faults += check_made(tool, [case for case in made if case.fields], "decoded")
        faults += check_made(tool, [case for case in made if not case.fields], "archive-member")
    faults += check_forged(tool, list(forge(rng, count)), readers, rng.getrandbits(31))
    return faults != 0


if __name__ == "__main__":
    sys.exit(main())
