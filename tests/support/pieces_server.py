#!/usr/bin/env python3
"""A storage that takes files in pieces: pieces_server.py ADDRESS PORT DIRECTORY.

One small server for each protocol that has none to install, as its specification says; a file is
in DIRECTORY when it is visible, its pieces are not. A request that does not come whole changes
nothing.

  /upload/NAME?…            chunks of uploaders in browsers (Dropzone, Plupload, resumable.js,
                            flow.js, Fine Uploader, simple-uploader.js, a form with Content-Range)
  /google/o, /google/NAME   sessions with Content-Range
  /dav/NAME                 PUT with Content-Range, PATCH with X-Update-Range, COPY, MOVE
  /remote.php/dav/…         folders of chunks; /remote.php/webdav/… names of chunks
  /blob/NAME?comp=…         blocks, lists of blocks, appended blocks, pages
  /upload/storage/v1/b/…    objects, /storage/v1/b/BUCKET/o/NAME/compose
  /v2/NAME/blobs/uploads/   container registries
  /resumable, /resumable/ID the draft of resumable uploads
  /files, /files/ID         tus, with concatenation
"""

import email.parser
import email.policy
import http.server
import itertools
import json
import os
import re
import sys
import threading
import urllib.parse
import xml.etree.ElementTree as ElementTree

LOCK = threading.Lock()
NUMBERS = itertools.count(1)
SESSIONS = {}   # of all protocols: key → {place or name: bytes}
STAGED = {}     # blocks of Azure that no list has named
DIRECTORY = None


class Refused(Exception):
    """The status of an answer that is an error."""


def publish(name, data):
    path = os.path.join(DIRECTORY, os.path.basename(name))
    with open(path + ".part", "wb") as out:
        out.write(data)
    os.rename(path + ".part", path)


def stored(name):
    try:
        with open(os.path.join(DIRECTORY, os.path.basename(name)), "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise Refused(404) from None


def put_at(data, place, piece):
    data = bytearray(data.ljust(place, b"\0"))
    data[place:place + len(piece)] = piece
    return bytes(data)


def content_range(text):
    match = re.fullmatch(r"(?:bytes )?(\d+)-(\d+)(?:/(\d+|\*))?", text)
    if not match:
        raise Refused(400)
    total = match[3] if match[3] and match[3] != "*" else None
    return int(match[1]), int(match[2]), int(total) if total else None


def parts_of_form(headers, body):
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    fields, content, file_name = {}, None, ""
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if part.get_filename() is not None:
            content, file_name = part.get_payload(decode=True), part.get_filename()
        else:
            fields[name] = part.get_payload(decode=True).decode()
    return fields, content, file_name


# identity, number, its first, how many
CHUNKERS = [
    ("dzuuid", "dzchunkindex", 0, "dztotalchunkcount"),
    ("resumableIdentifier", "resumableChunkNumber", 1, "resumableTotalChunks"),
    ("flowIdentifier", "flowChunkNumber", 1, "flowTotalChunks"),
    ("qquuid", "qqpartindex", 0, "qqtotalparts"),
    ("identifier", "chunkNumber", 1, "totalChunks"),
    ("name", "chunk", 0, "chunks"),
]


def take_chunk(request, name):
    fields, content, file_name = dict(request.query), request.body, ""
    if request.headers.get("Content-Type", "").startswith("multipart/"):
        more, content, file_name = parts_of_form(request.headers, request.body)
        fields.update(more)
    if request.headers.get("Content-Range"):
        first, _, total = content_range(request.headers["Content-Range"])
        pieces = SESSIONS.setdefault(("range", file_name), {})
        pieces[first] = content
        if sum(map(len, pieces.values())) == total:
            publish(name, b"".join(pieces[place] for place in sorted(pieces)))
        return 200
    for identity, number, first, count in CHUNKERS:
        if number not in fields:
            continue
        pieces = SESSIONS.setdefault((identity, fields[identity]), {})
        pieces[int(fields[number]) - first] = content
        if len(pieces) == int(fields[count]):
            publish(name, b"".join(pieces[n] for n in range(len(pieces))))
        return 200
    publish(name, content)
    return 200


def take_google(request, rest):
    if request.command == "POST":
        session = f"session-{next(NUMBERS)}"
        SESSIONS[session] = b""
        request.answer["Location"] = (f"/google/{request.query['name']}?uploadType=resumable"
                                      f"&upload_id={session}")
        return 200
    session = request.query["upload_id"]
    text = request.headers["Content-Range"]
    if not text.startswith("bytes */"):
        first, _, total = content_range(text)
        if first != len(SESSIONS[session]):
            raise Refused(503)
        SESSIONS[session] += request.body
    else:
        total = int(text.rpartition("/")[2])
    have = len(SESSIONS[session])
    if total == have:
        publish(rest, SESSIONS[session])
        return 200
    if have:
        request.answer["Range"] = f"bytes=0-{have - 1}"
    return 308


def take_dav(request, name):
    if request.command in ("COPY", "MOVE"):
        publish(urllib.parse.urlsplit(request.headers["Destination"]).path, stored(name))
        if request.command == "MOVE":
            os.unlink(os.path.join(DIRECTORY, os.path.basename(name)))
        return 201
    if request.command == "PATCH":
        old = stored(name)
        text = request.headers["X-Update-Range"]
        place = len(old) if text == "append" else int(re.match(r"bytes=(\d+)-", text)[1])
        publish(name, put_at(old, place, request.body))
    elif request.headers.get("Content-Range"):
        first = content_range(request.headers["Content-Range"])[0]
        try:
            old = stored(name)
        except Refused:
            old = b""
        publish(name, put_at(old, first, request.body))
    elif request.command == "PUT":
        publish(name, request.body)
    else:
        raise Refused(405)
    return 204


def take_chunk_folder(request, rest):
    parts = rest.split("/")
    if parts[0] == "webdav":
        match = re.fullmatch(r"(.*)-chunking-(\d+)-(\d+)-(\d+)", parts[1])
        if not match or not request.headers.get("OC-Chunked"):
            publish(parts[1], request.body)
            return 201
        chunks = SESSIONS.setdefault(("chunking", match[1], match[2]), {})
        chunks[int(match[4])] = request.body
        if len(chunks) == int(match[3]):
            publish(match[1], b"".join(chunks[n] for n in sorted(chunks)))
        return 201
    folder = ("folder", *parts[2:4])
    if request.command == "MKCOL":
        SESSIONS[folder] = {}
    elif request.command == "PUT":
        SESSIONS[folder][int(parts[4])] = request.body
    elif request.command == "DELETE":
        SESSIONS.pop(folder)
    elif request.command == "MOVE" and parts[4] == ".file":
        chunks = SESSIONS.pop(folder)
        publish(urllib.parse.urlsplit(request.headers["Destination"]).path,
                b"".join(chunks[n] for n in sorted(chunks)))
    else:
        raise Refused(405)
    return 201


def take_blob(request, name):
    comp = request.query.get("comp")
    staged = STAGED.setdefault(name, {})
    if comp == "block":
        staged[request.query["blockid"]] = request.body
    elif comp == "blocklist":
        publish(name, b"".join(staged[block.text.strip()]
                               for block in ElementTree.fromstring(request.body)))
        STAGED.pop(name)
    elif comp == "appendblock":
        publish(name, stored(name) + request.body)
    elif comp == "page":
        place = int(re.match(r"bytes=(\d+)-", request.headers["x-ms-range"])[1])
        publish(name, put_at(stored(name), place, request.body))
    else:
        size = int(request.headers.get("x-ms-blob-content-length", 0))
        publish(name, request.body or bytes(size))
    return 201


def take_gcs_upload(request, _):
    publish(request.query["name"], request.body)
    return 200


def take_gcs(request, rest):
    name = rest.split("/")[2]
    if not rest.endswith("/compose"):
        raise Refused(404)
    sources = json.loads(request.body)["sourceObjects"]
    publish(name, b"".join(stored(source["name"]) for source in sources))
    return 200


def take_registry(request, rest):
    if request.command == "POST":
        session = f"upload-{next(NUMBERS)}"
        SESSIONS[session] = b""
        request.answer["Location"] = f"/v2/{rest.rstrip('/')}/{session}"
        return 202
    session = rest.rpartition("/")[2]
    if request.headers.get("Content-Range"):
        if content_range(request.headers["Content-Range"])[0] != len(SESSIONS[session]):
            raise Refused(416)
    SESSIONS[session] += request.body
    if request.command == "PUT":
        publish(request.query["digest"].replace(":", "-"), SESSIONS.pop(session))
        return 201
    return 202


def take_resumable(request, rest):
    complete = request.headers["Upload-Complete"] == "?1"
    name = request.headers.get("X-Name", "resumable")
    if request.command == "POST":
        session = f"{name}-{next(NUMBERS)}"
        SESSIONS[session] = b""
        request.answer["Location"] = f"/resumable/{session}"
    else:
        session = rest
        if int(request.headers["Upload-Offset"]) != len(SESSIONS[session]):
            raise Refused(409)
    SESSIONS[session] += request.body
    request.answer["Upload-Offset"] = str(len(SESSIONS[session]))
    if complete:
        publish(session.rpartition("-")[0], SESSIONS.pop(session))
    return 201


def take_tus(request, rest):
    request.answer["Tus-Resumable"] = "1.0.0"
    concat = request.headers.get("Upload-Concat", "")
    if request.command == "POST":
        session = f"{request.headers.get('X-Name', 'tus')}-{next(NUMBERS)}"
        urls = concat.removeprefix("final;").split() if concat.startswith("final;") else []
        SESSIONS[session] = (b"".join(SESSIONS[url.rpartition("/")[2]] for url in urls)
                             + request.body)
        SESSIONS["total", session] = (len(SESSIONS[session]) if urls
                                      else int(request.headers["Upload-Length"]))
        SESSIONS["partial", session] = concat == "partial"
        request.answer["Location"] = f"/files/{session}"
    elif request.command == "PATCH":
        session = rest
        if int(request.headers["Upload-Offset"]) != len(SESSIONS[session]):
            raise Refused(409)
        SESSIONS[session] += request.body
    else:
        raise Refused(405)
    request.answer["Upload-Offset"] = str(len(SESSIONS[session]))
    if len(SESSIONS[session]) == SESSIONS["total", session] and not SESSIONS["partial", session]:
        publish(session.rpartition("-")[0], SESSIONS[session])
    return 201 if request.command == "POST" else 204


PLACES = [
    ("/upload/storage/v1/b/", take_gcs_upload),
    ("/storage/v1/b/", take_gcs),
    ("/upload/", take_chunk),
    ("/google/", take_google),
    ("/dav/", take_dav),
    ("/remote.php/", take_chunk_folder),
    ("/blob/", take_blob),
    ("/v2/", take_registry),
    ("/resumable", take_resumable),
    ("/files", take_tus),
]


class Request(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            if len(body) != length:
                raise ConnectionError("ended within the body")
            return body
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def take(self):
        target = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(target.query))
        self.answer = {}
        self.body = self.read_body()
        with LOCK:
            for start, handler in PLACES:
                if target.path.startswith(start):
                    return handler(self, urllib.parse.unquote(target.path[len(start):]).lstrip("/"))
        return 404

    def respond(self):
        try:
            status = self.take()
        except ConnectionError:
            self.close_connection = True
            return
        except Refused as refused:
            status = refused.args[0]
        except (KeyError, ValueError, TypeError, IndexError) as error:
            print(f"{self.command} {self.path}: {error!r}", flush=True)
            status = 400
        self.send_response_only(status)
        for name, value in self.answer.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = respond
    do_MKCOL = do_MOVE = do_COPY = respond


if __name__ == "__main__":
    DIRECTORY = sys.argv[3]
    server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Request)
    print("ready", flush=True)
    server.serve_forever()
