"""A strict little S3.

    s3_model.py ADDRESS PORT KEY SECRET REGION DIRECTORY [versions] [no-conditions]

Serves GET, HEAD and DELETE of objects as the directory has them (bucket/key), each request with a
Signature Version 4 that it works out by itself from the raw request, after the published rules: a
wrong byte in path, query or header is 403 SignatureDoesNotMatch. With `versions` every PUT makes a
version; with `no-conditions` a conditional DELETE is 501, as older servers answer. Each request is
one line of standard output.

    DIRECTORY/.fail      three digits in it: what every request is answered with
    DIRECTORY/.undeletable   when it is there, DELETE is 403
    DIRECTORY/.slow      when it is there, GET stops in the middle until it is gone
"""
import hashlib
import hmac
import os
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

address, port, key, secret, region, root = sys.argv[1:7]
versions_kept = "versions" in sys.argv[7:]
no_conditions = "no-conditions" in sys.argv[7:]
versions = {}  # name → [(version, content)], newest last
lock = threading.Lock()


def encoded(text, safe):
    return urllib.parse.quote(text, safe=safe + "-._~")


def expected_signature(handler, signed, date):
    path, _, query = handler.path.partition("?")
    # As the server reads the path, and not as it came: one encoding of each name is right.
    canonical_path = encoded(urllib.parse.unquote(path, errors="surrogateescape").encode(
        "utf-8", "surrogateescape"), "/")
    pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
    canonical_query = "&".join(f"{encoded(n, '')}={encoded(v, '')}" for n, v in pairs)
    headers = "".join(f"{name}:{' '.join(handler.headers[name].split())}\n" for name in signed)
    request = "\n".join([handler.command, canonical_path, canonical_query, headers,
                         ";".join(signed), handler.headers["x-amz-content-sha256"]])
    scope = f"{date[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope,
                      hashlib.sha256(request.encode()).hexdigest()])
    signing = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        signing = hmac.new(signing, part.encode(), hashlib.sha256).digest()
    return hmac.new(signing, text.encode(), hashlib.sha256).hexdigest(), scope


def refusal_of(handler):
    """What is wrong with the signature of a request; nothing when it is right."""
    words = handler.headers.get("authorization", "")
    if not words.startswith("AWS4-HMAC-SHA256 "):
        return "AccessDenied"
    fields = dict(part.strip().split("=", 1) for part in words.split(" ", 1)[1].split(","))
    signed = fields["SignedHeaders"].split(";")
    amz = {name.lower() for name in handler.headers if name.lower().startswith("x-amz-")}
    if signed != sorted(signed) or "host" not in signed or not amz <= set(signed):
        return "AccessDenied: headers that are not signed"
    date = handler.headers["x-amz-date"]
    then = time.strptime(date, "%Y%m%dT%H%M%SZ")
    if abs(time.time() - __import__("calendar").timegm(then)) > 900:
        return "RequestTimeTooSkewed"
    if handler.headers["x-amz-content-sha256"] != hashlib.sha256(b"").hexdigest():
        return "XAmzContentSHA256Mismatch"
    signature, scope = expected_signature(handler, signed, date)
    if fields["Credential"] != f"{key}/{scope}":
        return "InvalidAccessKeyId"
    return "" if hmac.compare_digest(signature, fields["Signature"]) else "SignatureDoesNotMatch"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, content=b"", headers=()):
        # In one piece: requests are answered by threads.
        sys.stdout.write(f"{self.command} {self.path} {status}\n")
        sys.stdout.flush()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.give(content)

    def give(self, content):
        slow = os.path.join(root, ".slow")
        half = len(content) // 2 if self.command == "GET" and os.path.exists(slow) else 0
        self.wfile.write(content[:half])
        self.wfile.flush()
        while half and os.path.exists(slow):
            time.sleep(0.05)
        self.wfile.write(content[half:])

    def find(self):
        """(place, version, content) of what the request names, content is None when it is gone."""
        path, _, query = self.path.partition("?")
        name = os.fsencode(urllib.parse.unquote(path, errors="surrogateescape").lstrip("/"))
        place = os.path.join(os.fsencode(root), name)
        wanted = dict(urllib.parse.parse_qsl(query)).get("versionId")
        if versions_kept:
            kept = versions.get(name, [])
            for version, content in reversed(kept):
                if wanted in (None, version):
                    return name, version, content
            return name, "", None
        if not os.path.isfile(place):
            return place, "", None
        with open(place, "rb") as file:
            return place, "", file.read()

    def serve(self):
        fail = os.path.join(root, ".fail")
        if os.path.exists(fail):
            return self.answer(int(open(fail).read()))
        why = refusal_of(self)
        if why:
            return self.answer(403, f"<Error><Code>{why}</Code></Error>".encode())
        with lock:
            place, version, content = self.find()
        if content is None:
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        tag = '"%s"' % hashlib.md5(content).hexdigest()
        if self.command == "DELETE":
            return self.delete(place, version, tag)
        headers = [("ETag", tag)] + ([("x-amz-version-id", version)] if version else [])
        return self.answer(200, content, headers)

    def delete(self, place, version, tag):
        wanted = self.headers.get("if-match")
        if os.path.exists(os.path.join(root, ".undeletable")):
            return self.answer(403)
        if wanted and no_conditions:
            return self.answer(501, b"<Error><Code>NotImplemented</Code></Error>")
        if wanted and wanted != tag:
            return self.answer(412)
        with lock:
            if versions_kept:
                versions[place] = [one for one in versions[place] if one[0] != version]
            else:
                os.unlink(place)
        return self.answer(204)

    do_GET = do_HEAD = do_DELETE = serve

    def do_PUT(self):  # by the test, unsigned, from this host only
        content = self.rfile.read(int(self.headers["content-length"]))
        name = os.fsencode(urllib.parse.unquote(self.path.lstrip("/"), errors="surrogateescape"))
        with lock:
            kept = versions.setdefault(name, [])
            kept.append((f"v+{len(kept)}/{os.urandom(4).hex()}", content))
        self.answer(200)


print("ready", flush=True)
ThreadingHTTPServer((address, int(port)), Handler).serve_forever()
