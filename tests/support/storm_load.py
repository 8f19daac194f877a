#!/usr/bin/env python3
"""Uploads without end, for a test that kills things meanwhile: storm_load.py SEED WORK ADDRESS…

Two threads for each address put clean and known files, with Content-Length and chunked, on new and
on kept connections, and try again whatever did not get an answer. A clean file goes on until it is
stored and is compared byte by byte at once (the storage's files are in WORK/www); a known one is
put once under each name.

Every upload that ended is one line of JSON in WORK/uploads.json: name, kind, address, start and end
(Unix seconds), status (null: no answer), case (of a refusal), tries. The seed decides what is sent
in which order, not when. Ends when WORK/stop exists; exit status 1 when a clean file was damaged or
could not be stored in clean_seconds_max.
"""

import json
import os
import random
import re
import socket
import sys
import threading
import time

CASE = re.compile(rb"TEST-[0-9A-Z*~$=-]*[0-9A-Z*~$=]")
answer_seconds_max = 3  # of a blocked connection whose dataplane died nobody answers
clean_seconds_max = 40


class Ended(Exception):
    """The connection ended, or said nothing for too long."""


class Connection:
    def __init__(self, address):
        self.pending = b""
        try:
            self.socket = socket.create_connection((address, 80), answer_seconds_max)
        except OSError as why:
            raise Ended from why
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as why:
            raise Ended from why

    def receive(self):
        try:
            piece = self.socket.recv(65536)
        except OSError as why:
            raise Ended from why
        if not piece:
            raise Ended
        self.pending += piece

    def answer(self):
        """The status and the whole answer, head and body."""
        while b"\r\n\r\n" not in self.pending:
            self.receive()
        head, _, rest = self.pending.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        length = int(length.group(1)) if length else 0
        while len(rest) < length:
            self.receive()
            rest = self.pending.partition(b"\r\n\r\n")[2]
        body, self.pending = rest[:length], rest[length:]
        self.closes = bool(re.search(rb"(?i)\r\nconnection: *close", head))
        return int(head.split(b" ")[1]), head + body

    def close(self):
        self.socket.close()


class Uploader(threading.Thread):
    def __init__(self, seed, number, address, work, log):
        super().__init__()
        self.random = random.Random(f"{seed}-{number}")
        self.number = number
        self.address = address
        self.work = work
        self.log = log
        self.connection = None
        self.left_on_connection = 0
        self.failed = False
        with open(os.path.join(work, "known"), "rb") as file:
            self.known = file.read()

    def stopped(self):
        return os.path.exists(os.path.join(self.work, "stop"))

    def run(self):
        count = 0
        while not self.stopped() and not self.failed:
            count += 1
            known = self.random.random() < 0.4
            name = f"{'known' if known else 'clean'}-{self.number}-{count}"
            size = self.random.randrange(1, 400000)
            content = self.known if known else self.random.randbytes(size)
            chunked = self.random.random() < 0.5
            piece = self.random.choice((1400, 9000, 40000))
            self.left_on_connection = self.left_on_connection or self.random.choice((1, 3, 10))
            (self.put_known if known else self.put_clean)(name, content, chunked, piece)
            self.left_on_connection -= 1
            if self.left_on_connection == 0:
                self.drop()
        self.drop()

    def drop(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def write(self, name, start, tries, status, case=None):
        self.log.write(
            json.dumps(
                {
                    "name": name,
                    "address": self.address,
                    "start": start,
                    "end": time.time(),
                    "status": status,
                    "case": case,
                    "tries": tries,
                }
            )
            + "\n"
        )

    def put_known(self, name, content, chunked, piece):
        start = time.time()
        status, answer = self.put(name, content, chunked, piece)
        case = CASE.search(answer) if status == 403 else None
        self.write(name, start, 1, status, case and case.group().decode())

    def put_clean(self, name, content, chunked, piece):
        start = time.time()
        tries = 0
        status = None
        while status not in (201, 204):
            if time.time() > start + clean_seconds_max:
                self.failed = True
                break
            tries += 1
            status, _ = self.put(name, content, chunked, piece)
            if status is None:
                time.sleep(0.05)
        if not self.failed:
            path = os.path.join(self.work, "www", name)
            with open(path, "rb") as file:
                self.failed = file.read() != content
            if self.failed:
                print(f"{name} is damaged", flush=True)
            else:
                os.unlink(path)
        else:
            print(f"{name} was not stored", flush=True)
        self.write(name, start, tries, status)

    def put(self, name, content, chunked, piece):
        try:
            if not self.connection:
                self.connection = Connection(self.address)
            self.send(name, content, chunked, piece)
            return self.answer()
        except Ended:
            # A refused client may find the answer behind the end of its own sending.
            try:
                if self.connection:
                    return self.answer()
            except Ended:
                pass
            self.drop()
            return None, b""

    def answer(self):
        status, whole = self.connection.answer()
        if self.connection.closes:
            self.drop()
        return status, whole

    def send(self, name, content, chunked, piece):
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(content)}"
        head = f"PUT /{name} HTTP/1.1\r\nHost: storage.example\r\n{framing}\r\n\r\n"
        self.connection.send(head.encode())
        for at in range(0, len(content), piece):
            part = content[at : at + piece]
            self.connection.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            if self.random.random() < 0.2:
                time.sleep(self.random.random() / 50)
        if chunked:
            self.connection.send(b"0\r\n\r\n")


def main():
    seed, work, addresses = sys.argv[1], sys.argv[2], sys.argv[3:]
    with open(os.path.join(work, "uploads.json"), "a", buffering=1) as log:
        uploaders = [
            Uploader(seed, number, address, work, log)
            for number, address in enumerate(addresses + addresses)
        ]
        for uploader in uploaders:
            uploader.start()
        for uploader in uploaders:
            uploader.join()
    sys.exit(any(uploader.failed for uploader in uploaders))


if __name__ == "__main__":
    main()
