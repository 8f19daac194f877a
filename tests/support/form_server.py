#!/usr/bin/env python3
"""A storage of forms and S3 chunks: form_server.py ADDRESS PORT DIRECTORY [whole].

Like streaming form libraries it writes each file part of a POST under its file name while the bytes
come, and keeps whatever has come when the connection ends; with `whole` it removes what did not
come whole. A PUT with x-amz-content-sha256: STREAMING-… is decoded first, as S3 servers do; any
other PUT is stored as it is. A GET gives a page of tests/support/pages/. Scripts of pages from
elsewhere may upload and read the answers.
"""

import contextlib
import os
import pathlib
import re
import sys

import naive_server

PAGES = pathlib.Path(__file__).parent / "pages"
ONLY_WHOLE = sys.argv[4:] == ["whole"]


class Body:
    """The body of one request, in pieces as they come, HTTP chunks taken off."""

    def __init__(self, stream, headers):
        self.stream = stream
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self.left = 0 if self.chunked else int(headers.get("content-length", "0"))
        self.ended = not self.chunked and self.left == 0

    def piece(self):
        if self.ended:
            return b""
        if self.chunked and self.left == 0:
            self.left = int(line_of(self.stream).split(";")[0], 16)
            if self.left == 0:
                while line_of(self.stream):
                    pass
                self.ended = True
                return b""
        data = self.stream.read1(min(self.left, 65536))
        if not data:
            raise ConnectionError("ended within the body")
        self.left -= len(data)
        if self.left == 0 and self.chunked:
            line_of(self.stream)
        self.ended = not self.chunked and self.left == 0
        return data


class Reader:
    """Bytes up to a mark, given on as soon as they cannot be part of it."""

    def __init__(self, body):
        self.body = body
        self.kept = b""

    def until(self, mark, write):
        while True:
            at = self.kept.find(mark)
            if at >= 0:
                write(self.kept[:at])
                self.kept = self.kept[at + len(mark):]
                return
            # A carriage return begins every mark: what is before the last one is content.
            start = self.kept.rfind(b"\r", max(0, len(self.kept) - len(mark)))
            sure = len(self.kept) if start < 0 else start
            write(self.kept[:sure])
            self.kept = self.kept[sure:]
            self.more()

    def exactly(self, count, write):
        while count > 0:
            if not self.kept:
                self.more()
            data, self.kept = self.kept[:count], self.kept[count:]
            write(data)
            count -= len(data)

    def line(self):
        data = bytearray()
        self.until(b"\r\n", data.extend)
        return data.decode("latin-1")

    def more(self):
        piece = self.body.piece()
        if not piece:
            raise ConnectionError("ended within the form")
        self.kept += piece

    def rest(self):
        while self.body.piece():
            pass


def line_of(stream):
    line = stream.readline(65536)
    if not line.endswith(b"\n"):
        raise ConnectionError("ended within a line")
    return line.rstrip(b"\r\n").decode("latin-1")


@contextlib.contextmanager
def target_file(directory, name):
    path = os.path.join(directory, os.path.basename(name) or "unnamed")
    try:
        with open(path, "wb", buffering=0) as out:
            yield out
    except (ConnectionError, OSError):
        if ONLY_WHOLE:
            os.unlink(path)
        raise


def take_form(reader, content_type, directory):
    boundary = re.search(r'boundary="?([^";]+)', content_type).group(1).encode()
    reader.kept = b"\r\n"
    reader.until(b"\r\n--" + boundary, lambda _: None)
    while not reader.line().startswith("--"):
        names = []
        while line := reader.line():
            names += re.findall(r'filename="([^"]*)"', line)
        if names:
            with target_file(directory, names[0]) as out:
                reader.until(b"\r\n--" + boundary, out.write)
        else:
            reader.until(b"\r\n--" + boundary, lambda _: None)


def take_aws_chunks(reader, out):
    while size := int(reader.line().split(";")[0], 16):
        reader.exactly(size, out.write)
        reader.line()
    while reader.line():
        pass


def take_put(reader, headers, out):
    if headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        take_aws_chunks(reader, out)
        return
    while piece := reader.body.piece():
        out.write(piece)


def page_of(target):
    path = PAGES / os.path.basename(target.partition("?")[0])
    return path.read_bytes() if path.is_file() else b""


def answer(connection, status, headers, content=b"", content_type="text/plain"):
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}",
             f"Content-Length: {len(content)}"]
    if "origin" in headers:
        lines += [f"Access-Control-Allow-Origin: {headers['origin']}",
                  "Access-Control-Allow-Credentials: true",
                  "Access-Control-Allow-Methods: POST, PUT",
                  "Access-Control-Allow-Headers: content-type"]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + content)


def answer_one(stream, connection, directory):
    method, target, _ = line_of(stream).split(" ")
    headers = {}
    while line := line_of(stream):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    reader = Reader(Body(stream, headers))
    content_type = headers.get("content-type", "")
    if method == "POST" and content_type.startswith("multipart/"):
        take_form(reader, content_type, directory)
    elif method == "PUT":
        with target_file(directory, target.partition("?")[0]) as out:
            take_put(reader, headers, out)
    reader.rest()
    if method == "GET":
        answer(connection, "200 OK", headers, page_of(target), "text/html")
    elif method == "OPTIONS":
        answer(connection, "204 No Content", headers)
    else:
        answer(connection, "201 Created", headers, b"stored\n")


def serve(connection, directory):
    stream = connection.makefile("rb")
    try:
        while True:
            answer_one(stream, connection, directory)
    except (ConnectionError, OSError, ValueError, AttributeError):
        pass
    finally:
        connection.close()


if __name__ == "__main__":
    naive_server.listen(serve)
