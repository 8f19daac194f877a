"""Clients of a feed that ask as cordond does, against a real mirror over TLS:

  feed_fleet.py ADDRESS CA --clients 5000 --seconds 300 --nginx PID --connection kept|new
                -- COMMAND…

A poll is what cordond's is (control/sync/polling.h, https_fetch.h): the timestamp, if it changed;
whether there is a next root; and with a new snapshot that, and the revocations it announces. The
next one comes a minute later, give or take a fifth. Clients begin spread over the first minute,
which is not measured. COMMAND publishes a revocation, once, in the middle: it is told how long the
clients waited for it. `new`: every poll opens a connection, with a whole handshake.

Prints one line of JSON. Bounded: so many clients and seconds, TIMEOUT_S for each request.
"""
import argparse
import asyncio
import collections
import json
import os
import random
import resource
import ssl
import subprocess
import sys
import time

MINUTE_S = 60
TIMEOUT_S = 10
BODY_MAX = 1 << 20


class Refused(Exception):
    """An answer that cordond would not take."""


class Count:
    def __init__(self):
        self.polls = self.requests = self.reopened = 0
        self.took_s = []
        self.poll_took_s = []
        self.errors = collections.Counter()
        self.by_second = collections.Counter()
        self.heard_s = []
        self.revoked = None  # when, and what the snapshot said before


class Client:
    def __init__(self, options, context, count, chance):
        self.options, self.context, self.count, self.chance = options, context, count, chance
        self.reader = self.writer = None
        self.tag = self.timestamp = None
        self.snapshot = self.revocations = 0
        self.measured = False

    async def open(self):
        self.reader, self.writer = await asyncio.wait_for(
            asyncio.open_connection(self.options.address, 443, ssl=self.context), TIMEOUT_S)

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    async def ask(self, path, tag=None):
        head = (f"GET {path} HTTP/1.1\r\nHost: {self.options.address}\r\n"
                "User-Agent: cordond/benchmark\r\nAccept: */*\r\n")
        head += f"If-None-Match: {tag}\r\n" if tag else ""
        begun = time.monotonic()
        self.writer.write(head.encode() + b"\r\n")
        text = await self.reader.readuntil(b"\r\n\r\n")
        lines = text.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        length = 0 if status == 304 else int(fields.get("content-length", 0))
        if length > BODY_MAX:
            raise Refused("endless")
        body = await self.reader.readexactly(length)
        if self.measured:
            self.count.requests += 1
            self.count.by_second[int(begun)] += 1
            self.count.took_s.append(time.monotonic() - begun)
        return status, fields, body

    async def get(self, path):
        status, _, body = await self.ask(path)
        if status != 200:
            raise Refused(f"{status} for {path}")
        return json.loads(body)["signed"]

    async def ask_first(self, path, tag):
        """A kept connection may have been closed meanwhile: libcurl then opens another, once."""
        if self.reader is not None:
            try:
                return await self.ask(path, tag)
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                if getattr(error, "partial", b""):
                    raise
                self.count.reopened += self.measured
                self.close()
        await self.open()
        return await self.ask(path, tag)

    async def poll(self):
        status, fields, body = await self.ask_first("/metadata/timestamp.json", self.tag)
        if status == 200:
            self.tag, self.timestamp = fields.get("etag"), json.loads(body)["signed"]
        elif status != 304:
            raise Refused(f"{status} for the timestamp")
        status, _, _ = await self.ask("/metadata/2.root.json")
        if status != 404:
            raise Refused(f"{status} for the next root")
        snapshot = self.timestamp["meta"]["snapshot.json"]["version"]
        if snapshot != self.snapshot:
            listed = await self.get(f"/metadata/{snapshot}.snapshot.json")
            version = listed["meta"]["revocations.json"]["version"]
            if version != self.revocations:
                await self.get(f"/metadata/{version}.revocations.json")
            self.snapshot, before, self.revocations = snapshot, self.revocations, version
            if before not in (0, version) and self.count.revoked:
                self.count.heard_s.append(time.time() - self.count.revoked)

    async def run(self, begins, measured_from, ends):
        await asyncio.sleep(max(0, begins - time.monotonic()))
        while True:
            begun = time.monotonic()
            self.measured = begun >= measured_from
            try:
                await asyncio.wait_for(self.poll(), 4 * TIMEOUT_S)
                if self.measured:
                    self.count.polls += 1
                    self.count.poll_took_s.append(time.monotonic() - begun)
            except (OSError, Refused, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
                self.count.errors[f"{type(error).__name__} {error}".strip()] += 1
                self.close()
            if self.options.connection == "new":
                self.close()
            due = begun + MINUTE_S * (0.8 + 0.4 * self.chance.random())
            if due >= ends:
                return
            await asyncio.sleep(max(0, due - time.monotonic()))


def workers_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def cpu_s(pids):
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_mb(pids):
    pages = 0
    for pid in pids:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            pages += int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def publish(options, count):
    """The publisher's own work is not what is measured: from when its command has ended."""
    process = await asyncio.create_subprocess_exec(*options.command, stdout=subprocess.DEVNULL)
    count.revoked = time.time()
    if await process.wait() != 0:
        sys.exit("the revocation was not published")
    count.revoked = time.time()


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


async def fleet(options, count):
    context = ssl.create_default_context(cafile=options.ca)
    chance = random.Random(1)
    begun = time.monotonic()
    measured_from, ends = begun + MINUTE_S, begun + MINUTE_S + options.seconds
    clients = [Client(options, context, count, chance) for _ in range(options.clients)]
    tasks = [asyncio.create_task(one.run(begun + MINUTE_S * chance.random(), measured_from, ends))
             for one in clients]
    workers = workers_of(options.nginx)
    await asyncio.sleep(MINUTE_S)
    nginx_from = cpu_s(workers)
    await asyncio.sleep(options.seconds / 2)
    resident = resident_mb(workers)
    await publish(options, count)
    await asyncio.sleep(options.seconds / 2)
    used = cpu_s(workers) - nginx_from
    await asyncio.gather(*tasks)
    for one in clients:
        one.close()
    return used, resident


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("ca")
    parser.add_argument("--clients", type=int, default=5000)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--nginx", type=int, required=True)
    parser.add_argument("--connection", choices=("kept", "new"), default="kept")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most < options.clients + 256:
        sys.exit(f"no more than {most} files can be open; so many clients take more")
    resource.setrlimit(resource.RLIMIT_NOFILE, (options.clients + 256, most))
    count = Count()
    used, resident = asyncio.run(fleet(options, count))
    if not count.took_s:
        sys.exit("nobody asked anything")
    heard = len(count.heard_s)
    print(json.dumps({
        "connection": options.connection, "clients": options.clients, "seconds": options.seconds,
        "polls": count.polls, "requests": count.requests,
        "requests_per_s": round(count.requests / options.seconds, 1),
        "requests_per_s_peak": max(count.by_second.values()),
        "errors": sum(count.errors.values()), "reopened": count.reopened,
        "request_p50_ms": round(percentile(count.took_s, 0.5) * 1e3, 2),
        "request_p99_ms": round(percentile(count.took_s, 0.99) * 1e3, 2),
        "poll_p50_ms": round(percentile(count.poll_took_s, 0.5) * 1e3, 2),
        "poll_p99_ms": round(percentile(count.poll_took_s, 0.99) * 1e3, 2),
        "nginx_percent_of_core": round(100 * used / options.seconds, 2),
        "nginx_mb": round(resident, 1), "heard_percent": round(100 * heard / options.clients, 2),
        "heard_p50_s": round(percentile(count.heard_s, 0.5), 1),
        "heard_p99_s": round(percentile(count.heard_s, 0.99), 1),
        "heard_max_s": round(max(count.heard_s, default=0.0), 1)}))
    for words, times in count.errors.most_common(5):
        print(f"{times} × {words}", file=sys.stderr)


main()
