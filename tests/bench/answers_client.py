#!/usr/bin/env python3
"""Asks cordond all that only reads, over and over: answers_client.py SOCKET --case CASE …

Prints one line of JSON for each request; ends with 1 where one took longer than the limit.
"""
import argparse
import json
import os
import socket
import statistics
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("socket")
parser.add_argument("--state", required=True)
parser.add_argument("--case", required=True)
parser.add_argument("--entries", type=int, required=True)
parser.add_argument("--limit-ms", type=float, required=True)
parser.add_argument("--seconds", type=float)
parser.add_argument("--while", dest="process", type=int)
args = parser.parse_args()

REQUESTS = [
    {"request": "status"},
    {"request": "coverage"},
    {"request": "unlisted"},
    {"request": "mode.show"},
    {"request": "pending"},
    {"request": "feed.status"},
    {"request": "feed.history", "feed": "centre"},
    {"request": "list.show"},
    {"request": "incidents.list"},
    {"request": "incidents.after", "after": 0},
    {"request": "incidents.show", "case": args.case},
    {"request": "explain", "case": args.case},
    {"request": "verify.list"},
    {"request": "audit.show"},
    {"request": "audit.show", "action": "incident"},
    {"request": "audit.verify"},
    {"request": "config.diff"},
    {"request": "config.history"},
    {"request": "version"},
]


def ask(request):
    """Milliseconds from the connection to the whole answer."""
    begun = time.monotonic()
    with socket.socket(socket.AF_UNIX) as there:
        there.settimeout(120)
        there.connect(args.socket)
        there.sendall(json.dumps(request).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            more = there.recv(1 << 16)
            if not more:
                sys.exit(f"no answer to {request}")
            answer += more
    took = (time.monotonic() - begun) * 1000
    reply = json.loads(answer)
    # So many checks of the trail may be under way; the next one is refused, at once.
    if not reply["ok"] and request["request"] != "audit.verify":
        sys.exit(f"{request}: {reply['error']}")
    return took


def goes_on(until):
    if args.process is None:
        return time.monotonic() < until
    try:
        os.kill(args.process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{args.process}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(") ", 1)[1][0] != "Z"


took = [[] for _ in REQUESTS]
end = time.monotonic() + (args.seconds or 0)
while goes_on(end):
    for request, times in zip(REQUESTS, took):
        times.append(ask(request))
        time.sleep(0.002)
late = 0
for request, times in zip(REQUESTS, took):
    name = " ".join(str(v) for k, v in request.items() if k in ("request", "action"))
    print(json.dumps({
        "bench": "answers", "state": args.state, "request": name, "entries": args.entries,
        "times": len(times), "median_ms": round(statistics.median(times), 3),
        "p99_ms": round(sorted(times)[(len(times) * 99 - 1) // 100], 3),
        "max_ms": round(max(times), 3), "limit_ms": args.limit_ms,
    }), flush=True)
    late += max(times) > args.limit_ms
sys.exit(1 if late else 0)
