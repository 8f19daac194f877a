"""Uploads as fast as the path takes them, without a disk at either end.

  inline_put.py sink ADDRESS PORT…     answers 201 to every PUT, throws its body away
  inline_put.py put CONGESTION ADDRESS PORT BYTES CONNECTIONS
                                        prints seconds from the first byte to the last answer
  inline_put.py latency CONGESTION ADDRESS PORT BYTES TIMES PAUSE_MS
                                        PUTs on one connection, one after the other: prints median
                                        and 99th percentile of µs from first byte to answer, and
                                        how many seconds all took

CONGESTION is the control that the client uses.
"""
import socket
import sys
import threading
import time

from sender import connected, median_and_p99, put_request, timed_put

BLOCK = 1 << 20
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


def take_requests(connection):
    room = memoryview(bytearray(BLOCK))
    while True:
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(16384)
            if not more:
                return
            head += more
        text, _, body = head.partition(b"\r\n\r\n")
        field = text.lower().partition(b"content-length:")[2]
        length = int(field.partition(b"\r\n")[0] or 0)  # none in a GET
        left = length - len(body)
        while left > 0:
            got = connection.recv_into(room, min(left, BLOCK))
            if got == 0:
                return
            left -= got
        connection.sendall(CREATED)


def sink(address, ports):
    listeners = []
    for port in ports:
        listener = socket.create_server((address, port), backlog=64)
        listeners.append(listener)

    def serve(listener):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=take_requests, args=(connection,), daemon=True).start()

    threads = [threading.Thread(target=serve, args=(one,)) for one in listeners]
    for thread in threads:
        thread.start()
    print("ready", flush=True)


def put(congestion, address, port, size, connections):
    # Of no type that is looked into, and the same bytes again and again: nothing is made here.
    block = bytes([1, 2, 3, 4]) + bytes(range(256)) * (BLOCK // 256)
    block = memoryview(block[:BLOCK])
    head = f"PUT /large HTTP/1.1\r\nHost: {address}\r\nContent-Length: {size}\r\n\r\n".encode()
    failed = []

    def upload():
        with connected(address, port, congestion) as connection:
            connection.sendall(head)
            left = size
            while left > 0:
                left -= connection.send(block[: min(left, BLOCK)])
            if not connection.recv(4096).startswith(b"HTTP/1.1 201"):
                failed.append(port)

    threads = [threading.Thread(target=upload) for _ in range(connections)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{time.monotonic() - begun:.6f}")
    return 1 if failed else 0


def latency(congestion, address, port, size, times, pause_ms):
    request = put_request("/small", address, size)
    took = []
    first = time.monotonic()
    with connected(address, port, congestion) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(times + times // 10):
            took.append(timed_put(connection, request))
            time.sleep(pause_ms / 1000)
    seconds = time.monotonic() - first
    median, p99 = median_and_p99(sorted(took[times // 10:]))  # without those that open the window
    print(f"{median:.1f} {p99:.1f} {seconds:.3f}")
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "sink":
        sink(sys.argv[2], [int(port) for port in sys.argv[3:]])
    else:
        act = latency if sys.argv[1] == "latency" else put
        sys.exit(act(*sys.argv[2:4], *(int(word) for word in sys.argv[4:])))
