#!/usr/bin/python3
"""Zips of one file in many forms: make_zips.py KNOWN CLEAN DIRECTORY.

One for each form with KNOWN in it, <form>.zip, and one with CLEAN, clean-<form>.zip; and some that
two readers would read differently, odd-<why>.zip, with CLEAN only.
"""
import io
import os
import random
import struct
import sys
import zipfile


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


def archive(content, method, pipe=False, wide=False, name="pictures/one.jpg"):
    sink = Pipe() if pipe else io.BytesIO()
    rng = random.Random(7)
    with zipfile.ZipFile(sink, "w", method) as out:
        out.writestr("readme.txt", "what is in this archive\n" * 20)
        out.writestr("other.bin", rng.randbytes(50000))
        with out.open(name, "w", force_zip64=wide) as member:
            member.write(content)
        out.writestr("last.txt", "the last one")
    return bytes(sink.bytes if pipe else sink.getvalue())


def forms(content):
    deflated = archive(content, zipfile.ZIP_DEFLATED)
    streamed = archive(content, zipfile.ZIP_STORED, pipe=True)
    yield "stored", archive(content, zipfile.ZIP_STORED)
    yield "deflated", deflated
    yield "streamed", archive(content, zipfile.ZIP_DEFLATED, pipe=True)
    yield "streamed-stored", streamed
    yield "wide", archive(content, zipfile.ZIP_DEFLATED, pipe=True, wide=True)
    yield "stub", b"MZ" + bytes(3000) + deflated
    yield "picture", b"\xff\xd8\xff\xe0" + random.Random(1).randbytes(90000) + streamed
    yield "nested", archive(deflated, zipfile.ZIP_STORED, pipe=True, name="inner.zip")
    yield "nested-twice", archive(archive(streamed, zipfile.ZIP_DEFLATED, name="a.zip"),
                                  zipfile.ZIP_STORED, name="b.zip")


def odd(content):
    right = archive(content, zipfile.ZIP_STORED)
    begin, end = right.find(b"PK\1\2"), right.rfind(b"PK\5\6")
    second = right.find(b"PK\1\2", begin + 1)
    # The first entry of the directory is left out; its member remains.
    count = struct.unpack("<H", right[end + 10:end + 12])[0] - 1
    yield "hidden", (right[:begin] + right[second:end] + right[end:end + 8] +
                     struct.pack("<HHII", count, count, end - second, begin) + right[end + 20:])
    other = archive(content[::-1], zipfile.ZIP_DEFLATED)[-60000:]
    yield "comment", right[:-2] + struct.pack("<H", len(other)) + other
    cover = b"PK\3\4" + bytes(14) + struct.pack("<IIHH", 2**30, 2**30, 1, 0) + b"x"
    yield "swallowed", cover + right
    crc = right.find(struct.pack("<I", zipfile.crc32(content)))
    yield "check-sum", right[:crc] + b"\0\0\0\0" + right[crc + 4:]


def main():
    known, clean, directory = sys.argv[1:]
    for prefix, path in (("", known), ("clean-", clean)):
        with open(path, "rb") as file:
            content = file.read()
        for name, made in forms(content):
            with open(os.path.join(directory, f"{prefix}{name}.zip"), "wb") as file:
                file.write(made)
    for name, made in odd(content):
        with open(os.path.join(directory, f"odd-{name}.zip"), "wb") as file:
            file.write(made)


main()
