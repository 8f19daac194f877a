"""Asks a storage for a small file after a pause, again and again, over one connection.

Prints one line of JSON: for how long each answer was waited for, in microseconds. The pause is what
is measured: an appliance that sleeps must first notice the request.
"""

import argparse
import json
import socket
import statistics
import time


def ask(connection, request):
    """Returns seconds until the whole answer (head and Content-Length bytes) is here."""
    start = time.perf_counter()
    connection.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                  if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    return time.perf_counter() - start


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("host")
    options.add_argument("path")
    options.add_argument("--times", type=int, default=100)
    options.add_argument("--pause-ms", type=float, default=100)
    given = options.parse_args()
    request = f"GET {given.path} HTTP/1.1\r\nHost: {given.host}\r\n\r\n".encode()
    with socket.create_connection((given.host, 80), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ask(connection, request)
        waited = []
        for _ in range(given.times):
            time.sleep(given.pause_ms / 1e3)
            waited.append(ask(connection, request) * 1e6)
    waited.sort()
    print(json.dumps({"median_us": round(statistics.median(waited), 1),
                      "p90_us": round(waited[len(waited) * 9 // 10], 1),
                      "least_us": round(waited[0], 1), "most_us": round(waited[-1], 1)}))


if __name__ == "__main__":
    main()
