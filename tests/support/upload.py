#!/usr/bin/env python3
"""An upload client with bad manners: upload.py MANNER ADDRESS PORT TARGET FILE [options].

Prints one line per answer, `STATUS REASON`, then how the connection ended: `closed`, `reset`,
`timeout` or `open`. With --body the bodies of the answers are printed as well. Exit status 0: it
did what the manner says; what came of it is the test's business.

manners
  plain         a PUT with Content-Length
  chunked       a PUT in chunks of --piece bytes, --pause seconds between them
  one-more      declares one byte more than FILE has, sends FILE, then hangs up (--end fin|rst)
  pause         chunked, but waits --pause seconds before the terminator, then hangs up
  late          declares the length, sends all but the last byte, waits --pause seconds, sends it
  keep-alive    FILE and every further file of --also on one connection, one after the other
  pipeline      the same, all requests written at once
  expect        sends the head with Expect: 100-continue, waits for the answer; after a 100 the
                body, after a final status the body as well (what some clients do), body = FILE
  raw           sends FILE as it is, nothing around it
  slow          a PUT with Content-Length in pieces of --piece bytes, --pause seconds between them
"""

import argparse
import os
import socket
import struct
import sys
import time


class Client:
    def __init__(self, options):
        self.options = options
        self.socket = socket.create_connection((options.address, options.port), options.timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""
        self.ended = None

    def send(self, data):
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def head(self, target, *headers):
        address = self.options.address
        host = f"[{address}]" if ":" in address else address
        lines = [f"PUT {target} HTTP/1.1", f"Host: {host}", *headers, "", ""]
        return "\r\n".join(lines).encode()

    def receive(self):
        """More bytes of the storage; False at the end of the connection."""
        if self.ended:
            return False
        try:
            piece = self.socket.recv(65536)
        except socket.timeout:
            self.ended = "timeout"
        except ConnectionResetError:
            self.ended = "reset"
        else:
            if piece:
                self.pending += piece
                return True
            self.ended = "closed"
        return False

    def answer(self):
        """Prints the next answer and returns its status, or None when there is none."""
        while b"\r\n\r\n" not in self.pending:
            if not self.receive():
                return None
        head, _, self.pending = self.pending.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        _, status, *reason = first.split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, _, v in (l.partition(":") for l in lines)}
        length = int(headers.get("content-length", 0))
        while len(self.pending) < length and self.receive():
            pass
        body, self.pending = self.pending[:length], self.pending[length:]
        print(status, *reason)
        if self.options.body and body:
            print(body.decode("utf-8", "replace"))
        sys.stdout.flush()
        return int(status)

    def final_answer(self):
        status = 100
        while status is not None and status < 200:
            status = self.answer()
        return status

    def finish(self):
        """Says how the connection ends when we wait for it."""
        if not self.ended:
            self.socket.settimeout(self.options.linger)
            while self.receive():
                pass
            if self.ended == "timeout":
                self.ended = "open"
        print(self.ended)
        self.socket.close()

    def hang_up(self):
        if self.options.end == "rst":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.socket.shutdown(socket.SHUT_WR)
            self.final_answer()
        self.socket.close()


def pieces_of(data, size):
    return (data[at : at + size] for at in range(0, len(data), size))


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def plain(client, target, data):
    client.send(client.head(target, f"Content-Length: {len(data)}") + data)
    client.final_answer()
    client.finish()


def slow(client, target, data):
    client.send(client.head(target, f"Content-Length: {len(data)}"))
    for piece in pieces_of(data, client.options.piece):
        if not client.send(piece):
            break
        time.sleep(client.options.pause)
    client.final_answer()
    client.finish()


def chunked(client, target, data):
    client.send(client.head(target, "Transfer-Encoding: chunked"))
    for piece in pieces_of(data, client.options.piece):
        if not client.send(chunk(piece)):
            break
        time.sleep(client.options.pause)
    client.send(b"0\r\n\r\n")
    client.final_answer()
    client.finish()


def one_more(client, target, data):
    client.send(client.head(target, f"Content-Length: {len(data) + 1}") + data)
    time.sleep(client.options.pause)
    client.hang_up()


def pause(client, target, data):
    client.send(client.head(target, "Transfer-Encoding: chunked"))
    for piece in pieces_of(data, client.options.piece):
        client.send(chunk(piece))
    time.sleep(client.options.pause)
    client.hang_up()


def late(client, target, data):
    client.send(client.head(target, f"Content-Length: {len(data)}") + data[:-1])
    time.sleep(client.options.pause)
    client.send(data[-1:])
    client.final_answer()
    client.finish()


def requests_of(client, target, data):
    yield client.head(target, f"Content-Length: {len(data)}") + data
    for path in client.options.also:
        with open(path, "rb") as file:
            more = file.read()
        yield client.head("/" + os.path.basename(path), f"Content-Length: {len(more)}") + more


def keep_alive(client, target, data):
    for request in requests_of(client, target, data):
        time.sleep(client.options.pause)
        if not client.send(request) or client.final_answer() is None:
            break
    client.finish()


def pipeline(client, target, data):
    requests = list(requests_of(client, target, data))
    client.send(b"".join(requests))
    for _ in requests:
        if client.final_answer() is None:
            break
    client.finish()


def expect(client, target, data):
    headers = [f"Content-Length: {len(data)}", "Expect: 100-continue", *client.options.header]
    client.send(client.head(target, *headers))
    status = client.answer()
    client.send(data)
    if status is not None and status < 200:
        client.final_answer()
    else:
        while client.answer() is not None:  # whatever else is taken for a request
            pass
    client.finish()


def raw(client, _, data):
    client.send(data)
    while client.answer() is not None:
        pass
    client.finish()


MANNERS = {
    "plain": plain,
    "slow": slow,
    "chunked": chunked,
    "one-more": one_more,
    "pause": pause,
    "late": late,
    "keep-alive": keep_alive,
    "pipeline": pipeline,
    "expect": expect,
    "raw": raw,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("manner", choices=MANNERS)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("target")
    parser.add_argument("file")
    parser.add_argument("--also", nargs="*", default=[])
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--piece", type=int, default=16384)
    parser.add_argument("--pause", type=float, default=0)
    parser.add_argument("--end", choices=("fin", "rst"), default="fin")
    parser.add_argument("--timeout", type=float, default=20)
    parser.add_argument("--linger", type=float, default=1, help="seconds to wait for the end")
    parser.add_argument("--body", action="store_true")
    options = parser.parse_args()
    with open(options.file, "rb") as file:
        data = file.read()
    MANNERS[options.manner](Client(options), options.target, data)


if __name__ == "__main__":
    main()
