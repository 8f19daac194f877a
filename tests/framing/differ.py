#!/usr/bin/env python3
"""Sends framing cases to real servers and compares what they made of them with what we do.

usage: differ.py [--pause] MODE FIRST_PORT LOG CASES NAME=ADDRESS:PORT… [--known FILE]

CASES is what framing-tool printed, LOG is written by recorder.py behind the servers. Each case has
a port of its own, from FIRST_PORT on, by which the log tells them apart. With --pause a server may
answer the first head before it gets what comes behind.

  direct    to the servers themselves: the bytes that could reach them through the appliance. A
            server that takes a request from them that we do not see as the same one is a bypass.
            What they took is kept in CASES.direct.
  through   through the appliance, all the bytes: the same, and of cases that we do not cut a
            server must take what it took in CASES.direct.
  known     through the appliance, with --known FILE: the same, and no request may have FILE as its
            body, whole or not.
  stored    to storages: LOG is a directory with that of each server by its name, in which every
            file must be the body of a request of ours; with --known through the appliance, and
            none may be FILE.
  opinions  all the bytes to the servers themselves: prints what each made of what we refuse.

Exit status 1 when there is a difference; each is printed.
"""

import asyncio
import collections
import json
import os
import re
import socket
import sys
import time
import urllib.parse

AT_ONCE = 200
QUIET = 0.25    # seconds without a byte, after which the client ends its side
WAS_THERE = b"a file that is there\n"
LAST = 3.0      # and then waits at most so long for the end


class Exchange:
    """One case at one server: the local port, which no other case has there, and what came."""

    def __init__(self, case, server, port):
        self.case = case
        self.server = server
        self.port = port
        self.answer = b""

    def statuses(self):
        return [int(status) for status in
                re.findall(rb"HTTP/1\.[01] ([2-5][0-9][0-9])", self.answer)]


async def receive(reader, exchange, seconds, answers=None):
    """True at the end of the connection, False when nothing came for that long, or that many."""
    while answers is None or len(exchange.statuses()) < answers:
        try:
            piece = await asyncio.wait_for(reader.read(65536), seconds)
        except asyncio.TimeoutError:
            return False
        except ConnectionError:
            return True
        if not piece:
            return True
        exchange.answer += piece
    return False


async def send(exchange, address, data, pause):
    host, port = address.rsplit(":", 1)
    here = socket.socket()
    here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    here.bind(("", exchange.port))
    here.setblocking(False)
    await asyncio.get_running_loop().sock_connect(here, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=here)
    answers = None if exchange.case["end"] else len(exchange.case["messages"])
    try:
        if pause:
            head = data.find(b"\r\n\r\n") + 4
            writer.write(data[:head])
            data = data[head:]
            await receive(reader, exchange, QUIET, 1)
        writer.write(data)
        await writer.drain()
        if not await receive(reader, exchange, QUIET, answers):
            writer.write_eof()
            await receive(reader, exchange, LAST)
    except (ConnectionError, OSError):
        pass
    writer.close()


async def send_all(cases, servers, first_port, bytes_of, pause):
    limit = asyncio.Semaphore(AT_ONCE)
    exchanges = [Exchange(case, name, first_port + number)
                 for number, case in enumerate(cases) for name in servers]

    async def one(exchange):
        async with limit:
            await send(exchange, servers[exchange.server], bytes_of(exchange.case), pause)

    await asyncio.gather(*map(one, exchanges))
    return exchanges


def read_cases(path):
    with open(path, encoding="ascii") as file:
        for line in file:
            case = json.loads(line)
            case["bytes"] = bytes.fromhex(case["bytes"])
            for message in case["messages"]:
                for key in message:
                    message[key] = bytes.fromhex(message[key])
            yield case


def read_log(path):
    """(server, port) → what the server took for requests, in order."""
    seen = collections.defaultdict(list)
    with open(path, encoding="ascii") as file:
        for line in file:
            record = json.loads(line)
            record["body"] = bytes.fromhex(record["body"])
            seen[record["server"], record["port"]].append(record)
    return seen


def plain_target(target):
    """A server may hand a target on normalised: no scheme and host, no escapes, single slashes."""
    if isinstance(target, bytes):
        target = target.decode("latin-1")
    target = re.sub(r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*", "", target)
    target = urllib.parse.unquote(target.split("#")[0], "latin-1")
    return re.sub("/+", "/", target) or "/"


def is_same(ours, theirs):
    return ours["method"].decode("latin-1") == theirs["method"] and \
        ours["body"] == theirs["body"] and \
        (ours["method"] == b"CONNECT" or  # nothing is left of that target at Apache
         plain_target(ours["target"]) == plain_target(theirs["target"]))


def short(record):
    method, target, body = record["method"], record["target"], record["body"]
    text = lambda x: x.decode("latin-1") if isinstance(x, bytes) else x
    return f"{text(method)} {text(target)[:60]!r} {len(body)} bytes {body[:40]!r}"


def difference(ours, theirs):
    """Why a server acted on something else than we saw; it may act on less."""
    rest = iter(ours)
    for record in theirs:
        if not record["whole"]:
            continue
        if not any(is_same(message, record) for message in rest):
            return f"took {short(record)}"
    return None


def missing(exchange, theirs, before):
    """Why a case that we do not cut did not arrive as it did without us."""
    key = f"{exchange.case['name']} {exchange.server}"
    if exchange.case["end"] or key not in before:
        return None
    now = [short(record) for record in theirs]
    return None if now == before[key] else f"without us: {before[key]}, through us: {now}"


def print_difference(exchange, why):
    print(f"{exchange.case['name']} at {exchange.server}: {why}\n"
          f"    ours: {[short(m) for m in exchange.case['messages']]} {exchange.case['end']}\n"
          f"    sent: {exchange.case['bytes'][:300]!r}\n"
          f"    statuses: {exchange.statuses()}")


def stored_otherwise(directory, cases, known):
    """Files that no request of ours wrote, or that are the known one."""
    ours = {(plain_target(message["target"].split(b"?")[0]), message["body"])
            for case in cases for message in case["messages"]}
    count = 0
    for place, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                body = file.read()
            count += 1
            target = "/" + os.fsencode(os.path.relpath(path, directory)).decode("latin-1")
            if body == known:
                yield f"{path}: the known file"
            if body == WAS_THERE:
                continue
            # Apache puts zeros where a Content-Range begins later.
            if (target, body) not in ours and (target, body.lstrip(b"\0")) not in ours:
                yield f"{path}: {body[:60]!r}, which no request of ours wrote"
    if count < 2:
        yield f"{directory}: nothing was stored"


def compare_stored(directory, cases, servers, known):
    wrong = [why for name in servers
             for why in stored_otherwise(os.path.join(directory, name), cases, known)]
    print(*wrong, f"{len(cases)} cases at {len(servers)} storages: {len(wrong)} differences",
          sep="\n")
    return 1 if wrong else 0


def print_opinions(exchanges, seen):
    rows = collections.defaultdict(dict)
    for exchange in exchanges:
        records = seen[exchange.server, exchange.port]
        taken = ",".join(f"{r['method']}:{len(r['body'])}" for r in records if r["whole"])
        rows[exchange.case["name"], exchange.case["end"]][exchange.server] = \
            f"{' '.join(map(str, exchange.statuses())) or 'closed'} [{taken}]"
    for (name, end), by_server in rows.items():
        print(name, end or "accepted", *(f"{k}={v}" for k, v in by_server.items()), sep="\t")


def main():
    arguments = sys.argv[1:]
    pause = "--pause" in arguments
    if pause:
        arguments.remove("--pause")
    known = None
    if "--known" in arguments:
        with open(arguments.pop(), "rb") as file:
            known = file.read()
        arguments.pop()
    mode, first_port, log, path, *places = arguments
    servers = dict(place.split("=") for place in places)
    cases = list(read_cases(path))
    whole = lambda case: case["bytes"]
    forwardable = lambda case: case["bytes"][:case["forwardable"]]
    before_us = mode == "direct" or (mode == "stored" and known is None)
    if before_us:  # what is done about these depends on the answer: only the appliance can
        cases = [case for case in cases if not case["answered"]]
    exchanges = asyncio.run(send_all(cases, servers, int(first_port),
                                     forwardable if before_us else whole, pause))
    time.sleep(0.5)
    if mode == "stored":
        return compare_stored(log, cases, servers, known)
    seen = read_log(log)
    if mode == "opinions":
        print_opinions(exchanges, seen)
        return 0
    before = {}
    if mode == "through":
        with open(path + ".direct", encoding="utf-8") as file:
            before = json.load(file)
    wrong = 0
    for exchange in exchanges:
        theirs = seen[exchange.server, exchange.port]
        why = difference(exchange.case["messages"], theirs) or missing(exchange, theirs, before)
        if known and any(record["body"] == known for record in theirs):
            why = "the known file"
        if why:
            wrong += 1
            print_difference(exchange, why)
    if mode == "direct":
        taken = {f"{e.case['name']} {e.server}": [short(r) for r in seen[e.server, e.port]]
                 for e in exchanges}
        with open(path + ".direct", "w", encoding="utf-8") as file:
            json.dump(taken, file)
    taken = sum(bool(seen[e.server, e.port]) for e in exchanges)
    print(f"{len(cases)} cases at {len(servers)} servers: {wrong} differences, "
          f"{taken} connections with requests")
    return 1 if wrong or not taken else 0


if __name__ == "__main__":
    sys.exit(main())
