#!/usr/bin/env python3
"""Compares the files that Cordon sees in texts with what Python's base64, json and urllib see.

usage: text_differ.py TEXT_LIST [SEED [CASES]]

TEXT_LIST: the program of tests/support/text_list.cpp. Each case is a text that was made by those
modules with random options, once whole and once in pieces. A quarter of them is damaged at random:
of those that the modules still read, each file that they see has to be seen here as well. Texts
with padding in the middle are read by base64 without validation, and as PHP reads them, without all
padding: each must be what is seen or what is told to be all of it to some readers.
"""
import base64
import binascii
import json
import random
import re
import struct
import subprocess
import sys
import urllib.parse

PROBE = 160
FIELD = 128
URL_HEAD = 256
DIGITS = re.compile(rb"[A-Za-z0-9+/_-]*")


def strict_file(text):
    """What a strict decoder gets from one text, or None."""
    url = re.fullmatch(rb"(?is)\s*data:([^,]*);base64,(.*)", text)
    if url:
        if len(url[1]) + len(";base64") > URL_HEAD:
            return None
        text = url[2]
    digits = re.sub(rb"[\r\n]", b"", text)
    if not url and len(DIGITS.match(digits)[0]) < PROBE:
        return None
    match = re.fullmatch(rb"([A-Za-z0-9+/_-]+)(={0,2})", digits)
    if not match or len(match[1]) % 4 == 1:
        return None
    standard = match[1].replace(b"-", b"+").replace(b"_", b"/")
    try:
        return base64.b64decode(standard + b"=" * (-len(standard) % 4), validate=True)
    except binascii.Error:
        return None


def strings_of(value, key=""):
    """Every string with the key that it stands under, in the order of the text. Behind a value in
    brackets a list has no key: that is not remembered."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for one in value:
            yield from strings_of(one, key)
            key = "" if isinstance(one, (list, dict)) else key
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from strings_of(one, name)


def pairs_of(text, is_form):
    """(field, text) of what the modules find in a text, or None when they cannot read it."""
    if is_form:
        pairs = urllib.parse.parse_qsl(text.decode("latin-1"), keep_blank_values=True,
                                       encoding="latin-1")
        return [(name.encode("latin-1"), value.replace(" ", "+").encode("latin-1"))
                for name, value in pairs]
    if text[:1] in b'{["':
        try:
            found = strings_of(json.loads(text))
            return [(key.encode("utf-8", "replace"), one.encode("utf-8", "replace"))
                    for key, one in found]
        except (ValueError, RecursionError):
            return None
    return [(b"", text)]


def wanted_of(text, is_form):
    pairs = pairs_of(text, is_form)
    if pairs is None:
        return None
    files = [(field, strict_file(value)) for field, value in pairs]
    return [(field[:FIELD].hex(), file.hex()) for field, file in files if file is not None]


# --- texts ---------------------------------------------------------------------------------------

def encoded(rng):
    """A file as base64 in one of the manners of real encoders."""
    file = rng.randbytes(rng.choice((5, 119, 120, 121, 122, 123, 200, 301, 1000, 4097)))
    text = rng.choice((base64.b64encode, base64.urlsafe_b64encode))(file).decode()
    if rng.random() < 0.3:
        text = text.rstrip("=")
    if rng.random() < 0.3:
        text = rng.choice(("data:image/png;base64,", "data:;base64,",
                           "DATA:application/octet-stream;name=a.bin;Base64,")) + text
    elif rng.random() < 0.3:
        width, end = rng.choice((60, 64, 76)), rng.choice(("\n", "\r\n"))
        text = end.join(text[at:at + width] for at in range(0, len(text), width))
    return text


def json_value(rng, depth=0):
    kind = rng.randrange(8 if depth < 4 else 4)
    if kind < 2:
        return encoded(rng)
    if kind == 2:
        return rng.choice((None, True, 1.5e300, -17, "", "a word", "\\ \" / \u20ac \U0001f600",
                           "x" * 130))
    if kind == 3:
        return "".join(chr(rng.randrange(32, 0x2ff)) for _ in range(rng.randrange(300)))
    if kind < 6:
        return [json_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    names = ("data", "file", "\u00e4\u20ac", "a" * 60, "with \"quotes\" and \\", "n")
    return {rng.choice(names) + str(n): json_value(rng, depth + 1) for n in range(rng.randrange(5))}


def json_text(rng):
    text = json.dumps({"first": json_value(rng), "all": [json_value(rng) for _ in range(3)]},
                      ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, None, 2)))
    if rng.random() < 0.4:
        text = text.replace("/", "\\/")  # as PHP does
    if rng.random() < 0.3:
        text = text.replace("+", "\\u002b").replace("=", "\\u003D")
    return text.encode("utf-8", "replace")


def form_text(rng):
    pairs = [(rng.choice(("data", "file[0]", "\u00e4", "b c")),
              encoded(rng) if rng.random() < 0.6 else "some text, & more = less")
             for _ in range(rng.randrange(1, 5))]
    if rng.random() < 0.3:  # by hand
        return "&".join(f"x={value}" for _, value in pairs if "&" not in value).encode()
    return urllib.parse.urlencode(pairs).encode()


def damaged(rng, text):
    text = bytearray(text)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text) + 1)
        text[at:at + rng.randrange(2)] = rng.choice((b'"', b"\\", b"%", b"=", b"x", b"\0", b"{"))
    return bytes(text)


def case(rng):
    """(declared to be a form, text, whether it is as it was made)"""
    kind = rng.randrange(3)
    text = (lambda: encoded(rng).encode(), lambda: json_text(rng),
            lambda: form_text(rng))[kind]()
    if rng.random() < 0.25:
        return kind == 2, damaged(rng, text), False
    return kind == 2, text, True


# --- comparison ----------------------------------------------------------------------------------

def seen_by(program, cases, rng):
    """For each text what is seen of it whole, then in pieces."""
    records = b"".join(
        struct.pack("<BII", is_form, len(text), seed) + text
        for is_form, text, _ in cases for seed in (0, rng.randrange(1, 1 << 32)))
    run = subprocess.run([program], input=records, capture_output=True, timeout=100, check=True)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return list(zip(lines[::2], lines[1::2]))


def padded_case(rng):
    """A text with padding in the middle, and what readers that do not mind get."""
    text = base64.b64encode(rng.randbytes(rng.randrange(150, 400))).decode().rstrip("=")
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(PROBE, len(text))
        text = text[:at] + rng.choice(("=", "=", "==", "=\n", "===")) + text[at:]
    digits = text.replace("=", "").replace("\n", "")
    digits = digits[:-1] if len(digits) % 4 == 1 else digits
    wanted = {base64.b64decode(digits + "=" * (-len(digits) % 4))}
    first = re.match(rb"[A-Za-z0-9+/]*", text.encode())[0].decode()
    first = first[:-1] if len(first) % 4 == 1 else first
    wanted.add(base64.b64decode(first + "=" * (-len(first) % 4)))
    try:
        wanted.add(base64.b64decode(text))
    except binascii.Error:
        pass
    return text.encode(), {file.hex() for file in wanted}


def check_padded(program, rng, count):
    made = [padded_case(rng) for _ in range(count)]
    seen = seen_by(program, [(False, text, True) for text, _ in made], rng)
    bad = 0
    for (text, wanted), (whole, pieces) in zip(made, seen):
        readings = set(whole[1][1:]) if len(whole) == 2 else set()
        if whole != pieces or wanted - readings:
            bad += 1
            print(f"padded: {len(wanted - readings)} not seen, {text!r}")
    print(f"{count} padded in the middle, {bad} wrong")
    return bad


def wrong_with(is_form, text, is_whole, whole, pieces):
    if whole != pieces:
        return "whole and in pieces differ"
    wanted = wanted_of(text, is_form)
    seen = [tuple(file[:2]) for file in whole[1:]]
    if wanted is None:
        return None
    if not is_whole:
        # Their text may be found by its quotes where a parser finds it by its place.
        contents = [content for file in whole[1:] for content in file[1:]]
        missing = [field for field, content in wanted if content not in contents]
        return f"not seen: {missing}" if missing else None
    if seen != wanted:
        return f"seen {[(f, len(c)) for f, c in seen]}, wanted {[(f, len(c)) for f, c in wanted]}"
    return None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rng = random.Random(seed)
    cases = [case(rng) for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 2000)]
    seen = seen_by(sys.argv[1], cases, rng)
    assert len(seen) == len(cases)
    bad = read = files = 0
    for (is_form, text, is_whole), (whole, pieces) in zip(cases, seen):
        wrong = wrong_with(is_form, text, is_whole, whole, pieces)
        read += wanted_of(text, is_form) is not None
        files += len(whole) - 1
        if wrong:
            bad += 1
            print(f"{wrong}: form {is_form}, whole {is_whole}, {text[:2000]!r}")
    bad += check_padded(sys.argv[1], rng, 500)
    print(f"seed {seed}: {len(cases)} texts, {read} read by Python, {files} files, {bad} wrong")
    sys.exit(1 if bad or not files else 0)


main()
