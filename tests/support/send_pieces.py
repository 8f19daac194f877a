#!/usr/bin/env python3
"""Uploads a file in pieces: send_pieces.py RECIPE ADDRESS PORT FILE NAME [option…].

  --piece BYTES        size of a piece (100000)
  --order WORD         forward, backward, shuffled (forward)
  --connections N      each with every nth piece, at the same time for N > 1 (1)
  --seed N             of the shuffled order

Prints a line for each request, `STATUS METHOD TARGET`, and the text of a refusal. Exits 0 when all
were accepted, 3 when one was refused (403), 4 when a connection broke, 1 else.
"""

import argparse
import base64
import http.client
import json
import random
import sys
import threading
import urllib.parse
import uuid

BOUNDARY = "----------------------------5f2c8a91"


class Sent:
    """The requests of an upload in their order: before the pieces, the pieces, after them."""

    def __init__(self, arguments, data):
        self.name = arguments.name
        self.data = data
        self.size = arguments.piece
        self.pieces = [data[at:at + self.size] for at in range(0, len(data), self.size)]
        self.identity = str(uuid.uuid4())
        self.before, self.middle, self.after = [], [], []
        self.needs_order = False

    def each(self):
        for number, piece in enumerate(self.pieces):
            first = number * self.size
            yield number, first, first + len(piece) - 1, piece


def form(fields, piece, file_name, file_first=False):
    def part(name, value, more=""):
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
        return head.encode() + value + b"\r\n"
    file = part("file", piece, f'; filename="{file_name}"')
    rest = b"".join(part(name, str(value).encode()) for name, value in fields.items())
    body = file + rest if file_first else rest + file
    return body + f"--{BOUNDARY}--\r\n".encode()


FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def chunk_fields(kind, sent, number, first, last):
    total, count = len(sent.data), len(sent.pieces)
    return {
        "dropzone": {"dzuuid": sent.identity, "dzchunkindex": number, "dztotalfilesize": total,
                     "dzchunksize": sent.size, "dztotalchunkcount": count,
                     "dzchunkbyteoffset": first},
        "resumable": {"resumableChunkNumber": number + 1, "resumableChunkSize": sent.size,
                      "resumableCurrentChunkSize": last - first + 1, "resumableTotalSize": total,
                      "resumableIdentifier": f"{total}-{sent.identity}",
                      "resumableTotalChunks": count, "resumableFilename": sent.name},
        "flow": {"flowChunkNumber": number + 1, "flowChunkSize": sent.size,
                 "flowTotalSize": total, "flowIdentifier": f"{total}-{sent.identity}",
                 "flowTotalChunks": count},
        "fine": {"qqpartindex": number, "qqpartbyteoffset": first, "qqchunksize": last - first + 1,
                 "qqtotalparts": count, "qqtotalfilesize": total, "qqfilename": sent.name,
                 "qquuid": sent.identity},
        "simple": {"chunkNumber": number + 1, "chunkSize": sent.size, "totalSize": total,
                   "identifier": f"{total}-{sent.identity}", "totalChunks": count},
        "plupload": {"name": f"{sent.identity}.bin", "chunk": number, "chunks": count},
    }[kind]


def forms(kind, file_first=False):
    def fill(sent):
        for number, first, last, piece in sent.each():
            fields = chunk_fields(kind, sent, number, first, last)
            sent.middle.append(("POST", f"/upload/{sent.name}", FORM,
                                form(fields, piece, "blob", file_first)))
    return fill


def raw_chunks(sent):
    for number, first, last, piece in sent.each():
        query = urllib.parse.urlencode(chunk_fields("resumable", sent, number, first, last))
        sent.middle.append(("POST", f"/upload/{sent.name}?{query}",
                            {"Content-Type": "application/octet-stream"}, piece))


def form_range(sent):
    for _, first, last, piece in sent.each():
        headers = dict(FORM, **{"Content-Range": f"bytes {first}-{last}/{len(sent.data)}"})
        sent.middle.append(("POST", f"/upload/{sent.name}", headers,
                            form({}, piece, f"{sent.identity}.bin")))


def google(sent):
    sent.needs_order = True
    sent.before.append(("POST", f"/google/o?uploadType=resumable&name={sent.name}", {}, b""))
    for number, first, last, piece in sent.each():
        total = len(sent.data) if number == len(sent.pieces) - 1 else "*"
        sent.middle.append(("PUT", "LOCATION", {"Content-Range": f"bytes {first}-{last}/{total}"},
                            piece))


def google_unknown(sent):
    """The length is told by a request of its own."""
    google(sent)
    method, target, headers, piece = sent.middle[-1]
    text = headers["Content-Range"].rpartition("/")[0] + "/*"
    sent.middle[-1] = (method, target, {"Content-Range": text}, piece)
    sent.after.append(("PUT", "LOCATION", {"Content-Range": f"bytes */{len(sent.data)}"}, b""))


def dav_range(sent):
    for _, first, last, piece in sent.each():
        sent.middle.append(("PUT", f"/dav/{sent.name}",
                            {"Content-Range": f"bytes {first}-{last}/{len(sent.data)}"}, piece))


def sabre(sent):
    sent.needs_order = True
    for number, first, last, piece in sent.each():
        how = "append" if number % 2 else f"bytes={first}-{last}"
        sent.middle.append(("PATCH", f"/dav/{sent.name}", {
            "X-Update-Range": how, "Content-Type": "application/x-sabredav-partialupdate"}, piece))
    sent.middle[0] = ("PUT", f"/dav/{sent.name}", {}, sent.pieces[0])


def nextcloud(sent):
    folder = f"/remote.php/dav/uploads/user/{sent.identity}"
    sent.before.append(("MKCOL", folder, {}, b""))
    for number, _, _, piece in sent.each():
        sent.middle.append(("PUT", f"{folder}/{number + 1:05}",
                            {"OC-Total-Length": str(len(sent.data))}, piece))
    sent.after.append(("MOVE", f"{folder}/.file",
                       {"Destination": f"/remote.php/dav/files/user/{sent.name}"}, b""))


def owncloud(sent):
    identity = random.SystemRandom().randrange(1 << 31)
    for number, _, _, piece in sent.each():
        target = f"/remote.php/webdav/{sent.name}-chunking-{identity}-{len(sent.pieces)}-{number}"
        sent.middle.append(("PUT", target, {"OC-Chunked": "1"}, piece))


def azure(sent):
    blocks = [base64.b64encode(f"{sent.identity}-{number:06}".encode()).decode()
              for number in range(len(sent.pieces))]
    for number, _, _, piece in sent.each():
        query = urllib.parse.urlencode({"comp": "block", "blockid": blocks[number]})
        sent.middle.append(("PUT", f"/blob/{sent.name}?{query}", {}, piece))
    body = "".join(f"<Latest>{block}</Latest>" for block in blocks)
    sent.after.append(("PUT", f"/blob/{sent.name}?comp=blocklist", {},
                       f'<?xml version="1.0" encoding="utf-8"?><BlockList>{body}</BlockList>'
                       .encode()))


def azure_append(sent):
    sent.needs_order = True
    sent.before.append(("PUT", f"/blob/{sent.name}", {"x-ms-blob-type": "AppendBlob"}, b""))
    for _, _, _, piece in sent.each():
        sent.middle.append(("PUT", f"/blob/{sent.name}?comp=appendblock", {}, piece))


def gcs(sent):
    names = [f"{sent.name}.{number}" for number in range(len(sent.pieces))]
    for number, _, _, piece in sent.each():
        sent.middle.append(("POST", "/upload/storage/v1/b/box/o?uploadType=media&name="
                            + names[number], {}, piece))
    body = json.dumps({"sourceObjects": [{"name": name} for name in names]}).encode()
    sent.after.append(("POST", f"/storage/v1/b/box/o/{sent.name}/compose",
                       {"Content-Type": "application/json"}, body))


def registry(sent):
    sent.needs_order = True
    sent.before.append(("POST", "/v2/box/blobs/uploads/", {}, b""))
    for _, first, last, piece in sent.each():
        sent.middle.append(("PATCH", "LOCATION", {"Content-Range": f"{first}-{last}"}, piece))
    sent.after.append(("PUT", f"LOCATION?digest={sent.name}", {}, b""))


def draft(sent):
    """The first piece comes with the creation."""
    sent.needs_order = True
    for number, first, _, piece in sent.each():
        last = number == len(sent.pieces) - 1
        headers = {"Upload-Complete": "?1" if last else "?0", "X-Name": sent.name}
        if number:
            headers["Upload-Offset"] = str(first)
        sent.middle.append(("PATCH" if number else "POST", "LOCATION" if number else "/resumable",
                            headers, piece))


def tus(sent):
    sent.needs_order = True
    sent.before.append(("POST", "/files", {"Tus-Resumable": "1.0.0", "X-Name": sent.name,
                                           "Upload-Length": str(len(sent.data))}, b""))
    for _, first, _, piece in sent.each():
        sent.middle.append(("PATCH", "LOCATION", {
            "Tus-Resumable": "1.0.0", "Upload-Offset": str(first),
            "Content-Type": "application/offset+octet-stream"}, piece))


def tus_creation(sent):
    """The first piece comes with the creation."""
    tus(sent)
    method, target, headers, _ = sent.before[0]
    headers = dict(headers, **{"Content-Type": "application/offset+octet-stream"})
    sent.before[0] = (method, target, headers, sent.pieces[0])
    del sent.middle[0]


def tus_concatenated(sent):
    sent.needs_order = True
    for _, _, _, piece in sent.each():
        sent.middle.append(("POST", "/files", {
            "Tus-Resumable": "1.0.0", "Upload-Concat": "partial", "Upload-Length": str(len(piece)),
            "Content-Type": "application/offset+octet-stream"}, piece))
    sent.after.append(("POST", "/files", {"Tus-Resumable": "1.0.0", "X-Name": sent.name,
                                          "Upload-Concat": "final;LOCATIONS"}, b""))


RECIPES = {
    "dropzone": forms("dropzone"), "resumable": forms("resumable"), "flow": forms("flow"),
    "fine": forms("fine"), "simple": forms("simple"), "plupload": forms("plupload"),
    "dropzone-late": forms("dropzone", file_first=True), "raw-chunks": raw_chunks,
    "form-range": form_range, "google": google, "google-unknown": google_unknown,
    "dav-range": dav_range, "sabre": sabre, "nextcloud": nextcloud, "owncloud": owncloud,
    "azure": azure, "azure-append": azure_append, "gcs": gcs, "registry": registry, "draft": draft,
    "tus": tus, "tus-creation": tus_creation, "tus-concatenated": tus_concatenated,
}


class Line:
    """One connection, kept alive."""

    location = ""   # of the last answer that had one, for all
    locations = []  # of all of them

    def __init__(self, arguments):
        self.connection = http.client.HTTPConnection(arguments.address, arguments.port, timeout=30)

    def send(self, request):
        method, target, headers, body = request
        if target.startswith("LOCATION"):
            more = target.removeprefix("LOCATION")
            target = Line.location + (more.replace("?", "&") if "?" in Line.location else more)
        headers = {name: value.replace("LOCATIONS", " ".join(Line.locations))
                   for name, value in headers.items()}
        self.connection.request(method, target, body=body, headers=headers)
        answer = self.connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        if answer.headers.get("Location"):
            Line.location = answer.headers["Location"]
            Line.locations.append(Line.location)
        print(answer.status, method, target.partition("?")[0], flush=True)
        if answer.status == 403:
            print(text, flush=True)
        return answer.status


def worst(statuses):
    if 403 in statuses:
        return 3
    if None in statuses:
        return 4
    return 0 if all(status < 400 for status in statuses) else 1


def run(line, requests, statuses):
    for request in requests:
        try:
            status = line.send(request)
        except (OSError, http.client.HTTPException) as error:
            print("broken:", error, flush=True)
            status = None
        statuses.append(status)
        if status is None or status >= 400:
            return


def main():
    parser = argparse.ArgumentParser()
    for name in ("recipe", "address", "port", "file", "name"):
        parser.add_argument(name)
    parser.add_argument("--piece", type=int, default=100000)
    parser.add_argument("--order", default="forward")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with open(arguments.file, "rb") as file:
        sent = Sent(arguments, file.read())
    RECIPES[arguments.recipe](sent)
    if not sent.needs_order and arguments.order == "backward":
        sent.middle.reverse()
    elif not sent.needs_order and arguments.order == "shuffled":
        random.Random(arguments.seed).shuffle(sent.middle)

    statuses = []
    lines = [Line(arguments) for _ in range(arguments.connections)]
    run(lines[0], sent.before, statuses)
    if worst(statuses):
        return worst(statuses)
    if sent.needs_order:
        for number, request in enumerate(sent.middle):
            run(lines[number % len(lines)], [request], statuses)
            if worst(statuses):
                return worst(statuses)
    else:
        threads = [threading.Thread(target=run, args=(line, sent.middle[n::len(lines)], statuses))
                   for n, line in enumerate(lines)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if worst(statuses) == 0:
        run(lines[0], sent.after, statuses)
    return worst(statuses)


if __name__ == "__main__":
    sys.exit(main())
