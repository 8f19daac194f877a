#!/usr/bin/env python3
"""Compares the objects that are seen in coded bodies with what other readers get out of them.

    coding_differ.py chunks|coding|part LIST [SEED [CASES]]

LIST and the two steps, made and forged, are those of body_differ.py.

  chunks  aws-chunked as botocore and signers write it; read by Python's http.client, whose chunks
          have the same frame
  coding  Content-Encoding deflate, gzip, br, zstd, one and two of them; written and read by Node's
          zlib, zstd's own program and Python's zlib
  part    parts of forms in base64 and quoted-printable, and forms in forms; written and read by
          Python's email
"""
import base64
import contextlib
import email.mime.application
import email.mime.multipart
import email.parser
import email.policy
import http.client
import io
import random
import re
import subprocess
import sys
import zlib

import botocore.httpchecksum

from body_differ import Case, check_forged, check_made, sha, some_content


# --- chunks --------------------------------------------------------------------------------------


def chunk_fields(content, kind, told=True):
    fields = b"X-Amz-Content-Sha256: %s\r\n" % kind
    return fields + (b"X-Amz-Decoded-Content-Length: %d\r\n" % len(content) if told else b"")


def by_botocore(content, size):
    wrapper = botocore.httpchecksum.AwsChunkedWrapper(
        io.BytesIO(content), checksum_cls=botocore.httpchecksum.Crc32Checksum,
        checksum_name="x-amz-checksum-crc32", chunk_size=size)
    return wrapper.read()


def signed(rng, content, size, trailer=b""):
    """The chunks of SigV4; nobody here knows the key."""
    out = b""
    for at in [*range(0, len(content), size), len(content)]:
        chunk = content[at:at + size]
        out += b"%x;chunk-signature=%s\r\n" % (len(chunk), rng.randbytes(32).hex().encode())
        out += chunk + b"\r\n" if chunk else trailer
    return out + b"\r\n"


def chunked(rng):
    content = some_content(rng)
    size = rng.choice((1 << 10, 8 << 10, 1 << 20))
    kind = rng.randrange(3)
    if kind == 0:
        return content, by_botocore(content, size), b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    if kind == 1:
        return content, signed(rng, content, size), b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    trailer = b"x-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:%s\r\n" % (b"0" * 64)
    return (content, signed(rng, content, size, trailer),
            b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")


def made_chunks(rng):
    for number in range(150):
        content, body, kind = chunked(rng)
        yield Case(f"chunks-{number}", body, [content], chunk_fields(content, kind, number % 3))


class Source:
    def __init__(self, body):
        self.body = body

    def makefile(self, *_):
        return io.BytesIO(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + self.body)


def python_http(case):
    """All of it, or nothing. Less or more than the payload is said to be no S3 server takes."""
    with contextlib.suppress(Exception):  # whatever a reader of damaged chunks raises
        response = http.client.HTTPResponse(Source(case.body))
        response.begin()
        return {sha(response.read())}
    return set()


def forged_chunks(rng, count):
    for number in range(count):
        content, body, kind = chunked(rng)
        body = bytearray(body)
        for _ in range(rng.choice((1, 1, 2))):
            lines = [at for at in range(len(body) - 1) if body[at:at + 2] == b"\r\n"][:400] or [0]
            at = rng.choice(lines)
            what = rng.randrange(6)
            if what == 0:
                body[rng.randrange(min(len(body), at + 3))] ^= rng.choice((1, 32, 128))
            elif what == 1:
                body[at:at + 2] = rng.choice([b"\n", b"\r", b"\r\r\n", b" \r\n", b"\n\r\n"])
            elif what == 2:
                body[at:at] = rng.choice([b";", b" ", b"0", b"x", b";a=\"\r\n\"", b"\t", b"_0"])
            elif what == 3:
                del body[rng.randrange(len(body)):]
                body += b"" if body else b"0"
            elif what == 4:
                body[0:0] = rng.choice([b"0", b"0x", b"+", b"-", b" ", b"00000000", b"\r\n"])
            else:
                body += rng.choice([b"\r\n", b"5\r\nabcde\r\n0\r\n\r\n", b"junk", bytes(3)])
        yield Case(f"c{number}", bytes(body), fields=chunk_fields(content, kind, number % 2))


# --- coding --------------------------------------------------------------------------------------

NODE = r"""
const zlib = require("zlib"), lines = require("fs").readFileSync(0, "latin1").trim().split("\n");
const does = {deflate: zlib.deflateSync, gzip: zlib.gzipSync, br: zlib.brotliCompressSync,
  inflate: zlib.inflateSync, gunzip: zlib.gunzipSync, unbr: zlib.brotliDecompressSync};
for (const line of lines) {
  const [what, bytes] = line.split(" ");
  let out = "!";
  try { out = does[what](Buffer.from(bytes, "base64")).toString("base64"); } catch (_) {}
  console.log(out);
}
"""


def by_node(jobs):
    """What Node makes of each (what, bytes); None where it complains."""
    asked = "\n".join(f"{what} {base64.b64encode(data).decode()}" for what, data in jobs)
    said = subprocess.run(["node", "-e", NODE], input=asked.encode(), check=True,
                          capture_output=True).stdout.decode().split("\n")
    return [None if one == "!" else base64.b64decode(one) for one in said[:len(jobs)]]


def zstd(content, *options):
    done = subprocess.run(["zstd", "-q", "-c", *options], input=content, capture_output=True,
                          check=False)
    return done.stdout if done.returncode == 0 else None


def raw_deflate(content):
    coder = zlib.compressobj(6, zlib.DEFLATED, -15)
    return coder.compress(content) + coder.flush()


def coded(rng, count):
    """Contents with what each is in a coding."""
    names = [rng.choice(("deflate", "gzip", "br")) for _ in range(count)]
    contents = [some_content(rng) for _ in range(count)]
    return list(zip(names, contents, by_node(list(zip(names, contents)))))


def coding_field(*names):
    return b"Content-Encoding: %s\r\n" % ", ".join(names).encode()


def made_codings(rng):
    for number, (name, content, body) in enumerate(coded(rng, 90)):
        yield Case(f"{name}-{number}", body, [content], coding_field(name))
    once = coded(rng, 40)
    for number, ((name, content, body), twice) in enumerate(
            zip(once, by_node([("gzip", body) for _, _, body in once]))):
        yield Case(f"{name}-gzip-{number}", twice, [body, content], coding_field(name, "gzip"))
    for number in range(12):
        content = some_content(rng)
        yield Case(f"raw-{number}", raw_deflate(content), [content], coding_field("deflate"))
        yield Case(f"zstd-{number}", zstd(content, f"-{rng.choice((1, 3, 9))}"), [content],
                   coding_field("zstd"))
        yield Case(f"zstd-br-{number}", by_node([("br", zstd(content))])[0],
                   [zstd(content), content], coding_field("zstd", "br"))


def damaged(rng, body):
    body = bytearray(body)
    for _ in range(rng.choice((0, 1, 1, 2))):
        spot = rng.randrange(min(len(body), 12) if rng.random() < 0.4 else len(body))
        what = rng.randrange(4)
        if what == 0:
            body[spot] ^= 1 << rng.randrange(8)
        elif what == 1:
            del body[max(1, spot):]
        elif what == 2:
            body[spot:spot] = rng.randbytes(rng.randrange(1, 5))
        else:
            body += rng.choice([b"junk", bytes(5), bytes(body)])
    return bytes(body)


READ_BY_NODE = {"deflate": "inflate", "gzip": "gunzip", "br": "unbr"}
node_said = {}


def forged_codings(rng, count):
    cases = [(name, damaged(rng, body)) for name, _, body in coded(rng, count)]
    read = by_node([(READ_BY_NODE[name], body) for name, body in cases])
    for number, ((name, body), content) in enumerate(zip(cases, read)):
        node_said[f"n{number}"] = content
        yield Case(f"n{number}", body, fields=coding_field(name))
    for number in range(count // 8):  # a process for each
        body = damaged(rng, zstd(some_content(rng)))
        node_said[f"z{number}"] = zstd(body, "-d")
        yield Case(f"z{number}", body, fields=coding_field("zstd"))


def node_or_zstd(case):
    content = node_said[case.name]
    return set() if content is None else {sha(content)}


def python_zlib(case):
    """The first stream, as soon as it is whole."""
    for bits in (15, 31, -15):
        if b"br" in case.fields or b"zstd" in case.fields:
            break
        with contextlib.suppress(zlib.error):
            decoder = zlib.decompressobj(bits)
            content = decoder.decompress(case.body)
            if decoder.eof and (bits == 31) == (b"gzip" in case.fields):
                return {sha(content)}
    return set()


# --- part ----------------------------------------------------------------------------------------


def quoted_printable(rng, content):
    """With line breaks of the content quoted, and soft ones of its own."""
    lines, line = [], b""
    for byte in content:
        plain = 33 <= byte <= 126 and byte != 61 and rng.random() < 0.9
        line += bytes([byte]) if plain else b"=%02X" % byte
        if len(line) >= 72:
            lines.append(line)
            line = b""
    return b"=\r\n".join([*lines, line])


def as_coded(rng, content):
    """A part's text and the name of its encoding."""
    kind = rng.randrange(3)
    if kind == 0:
        return base64.encodebytes(content).replace(b"\n", b"\r\n"), b"base64"
    if kind == 1:
        return base64.b64encode(content), rng.choice((b"BASE64", b"base64"))
    return quoted_printable(rng, content), b"quoted-printable"


def as_form(rng, inner=False):
    contents = [rng.choice([rng.randbytes(rng.randrange(1, 4000)), b"a = line\r\n" * 60, b"x\xe9",
                            b"tab \t\r\n."]) for _ in range(rng.randrange(1, 5))]
    body = b""
    for number, content in enumerate(contents):
        text, name = as_coded(rng, content)
        body += (b'--bound\r\nContent-Disposition: form-data; name="f%d"; filename="n%d"\r\n'
                 b"Content-Transfer-Encoding: %s\r\n\r\n" % (number, number, name)) + text + b"\r\n"
    if inner:
        mixed = email.mime.multipart.MIMEMultipart("mixed", "inside")
        for number in range(rng.randrange(1, 4)):
            contents.append(rng.randbytes(rng.randrange(1, 3000)))
            part = email.mime.application.MIMEApplication(contents[-1])
            part.add_header("Content-Disposition", "file", filename=f"m{number}")
            mixed.attach(part)
        text = mixed.as_bytes(policy=email.policy.HTTP).replace(
            b"MIME-Version: 1.0\r\n", b"", 1)
        body += (b'--bound\r\nContent-Disposition: form-data; name="all"\r\n' + text.lstrip() +
                 b"\r\n")
    return contents, body + b"--bound--\r\n"


FORM = b"Content-Type: multipart/form-data; boundary=bound\r\n"


def made_parts(rng):
    for number in range(150):
        contents, body = as_form(rng, number % 2 == 1)
        yield Case(f"parts-{number}", body, contents, FORM)


def python_email(case):
    """What the email package gets out of coded parts without a complaint; as in body_differ.py."""
    got = set()
    if re.search(rb"--bound-(?!-\r)", case.body):
        return got
    text = b"MIME-Version: 1.0\r\n" + case.fields + b"\r\n" + case.body
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(text)
    for part in message.walk():
        with contextlib.suppress(Exception):
            if part.is_multipart() or part.get_filename() is None:
                continue
            content = part.get_payload(decode=True)
            if not part.defects and part["Content-Transfer-Encoding"].lower() in (
                    "base64", "quoted-printable"):
                got.add(sha(content))
    return got


def forged_parts(rng, count):
    for number in range(count):
        _, body = as_form(rng, number % 3 == 0)
        body = bytearray(body)
        for _ in range(rng.choice((1, 1, 2))):
            start = bytes(body).find(b"\r\n\r\n") + 4
            spot = rng.randrange(start, len(body))
            what = rng.randrange(4)
            if what == 0:  # within the text of a part
                body[spot:spot] = rng.choice([b"=", b"==", b"\r\n", b" ", b"-", b"_", b"=\r\n",
                                              b"=41", b"=4", b"\x80", b"."])
            elif what == 1:
                del body[spot:spot + rng.randrange(1, 6)]
            elif what == 2:
                body[spot] = rng.randrange(256)
            else:
                del body[spot:]
                body += b"\r\n--bound--\r\n"
        yield Case(f"p{number}", bytes(body), fields=FORM)


KINDS = {
    "chunks": (made_chunks, forged_chunks, [python_http], "aws-chunked"),
    "coding": (made_codings, forged_codings, [node_or_zstd, python_zlib], "decoded"),
    "part": (made_parts, forged_parts, [python_email], "decoded"),
}


def main():
    kind, tool = sys.argv[1:3]
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
    make, forge, readers, form = KINDS[kind]
    faults = check_made(tool, list(make(rng)), form)
    faults += check_forged(tool, list(forge(rng, count)), readers, rng.getrandbits(31))
    return faults != 0


if __name__ == "__main__":
    sys.exit(main())
