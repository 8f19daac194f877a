#!/usr/bin/env python3
"""An upload in signed chunks of S3: signed_chunks.py ADDRESS PORT FILE /BUCKET/KEY [--http-chunks]

As the AWS documentation of Signature Version 4 has it, "multiple chunks": each chunk carries a
signature over the one before it (STREAMING-AWS4-HMAC-SHA256-PAYLOAD). Keys: AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY. Prints the answer; exits 0 when it is 200.
"""
import datetime
import hashlib
import hmac
import http.client
import os
import sys

CHUNK = 65536
REGION = "us-east-1"
KIND = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


def mac(key, text):
    return hmac.new(key, text.encode(), "sha256").digest()


def sha(data):
    return hashlib.sha256(data).hexdigest()


class Signer:
    """Signs a request and then, one after the other, its chunks."""

    def __init__(self):
        self.stamp = datetime.datetime.utcnow().strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{self.stamp[:8]}/{REGION}/s3/aws4_request"
        self.key = mac(b"AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"].encode(), self.stamp[:8])
        for part in (REGION, "s3", "aws4_request"):
            self.key = mac(self.key, part)
        self.last = ""

    def sign(self, *lines):
        self.last = mac(self.key, "\n".join([lines[0], self.stamp, self.scope,
                                             *lines[1:]])).hex()
        return self.last

    def authorization(self, target, headers):
        names = ";".join(sorted(headers))
        listed = [f"{name}:{headers[name]}" for name in sorted(headers)]
        request = "\n".join(["PUT", target, "", *listed, "", names, KIND])
        signature = self.sign("AWS4-HMAC-SHA256", sha(request.encode()))
        credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{self.scope}"
        return (f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, "
                f"Signature={signature}")

    def chunk(self, data):
        signature = self.sign("AWS4-HMAC-SHA256-PAYLOAD", self.last, sha(b""), sha(data))
        return f"{len(data):x};chunk-signature={signature}\r\n".encode() + data + b"\r\n"


def main():
    address, port, file, target = sys.argv[1:5]
    with open(file, "rb") as source:
        data = source.read()
    signer = Signer()
    headers = {"host": address, "x-amz-content-sha256": KIND, "x-amz-date": signer.stamp,
               "x-amz-decoded-content-length": str(len(data))}
    headers["authorization"] = signer.authorization(target, headers)
    headers["content-encoding"] = "aws-chunked"
    pieces = [data[at:at + CHUNK] for at in range(0, len(data), CHUNK)]
    body = [signer.chunk(piece) for piece in [*pieces, b""]]
    in_chunks = sys.argv[5:] == ["--http-chunks"]
    if not in_chunks:
        headers["content-length"] = str(sum(map(len, body)))
    connection = http.client.HTTPConnection(address, int(port), timeout=20)
    connection.request("PUT", target, iter(body), headers, encode_chunked=in_chunks)
    answer = connection.getresponse()
    print(answer.status, answer.reason, answer.read().decode())
    sys.exit(answer.status != 200)


main()
