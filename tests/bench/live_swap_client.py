"""PUTs of 64 KiB on some connections at once, until a file is there: `ADDRESS CONNECTIONS FILE`.

Prints a line of JSON: uploads, and microseconds from first byte to answer, of all of them. Ends
with 1, and a word why, when one is not answered with 201.
"""
import json
import os
import sys
import threading
import time

from sender import connected

BODY = bytes(range(256)) * 256


def main():
    address, connections, over = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    took, failed = [], []

    def put(connection, request):
        begun = time.perf_counter()
        connection.sendall(request)
        answer = connection.recv(4096)
        took.append((time.perf_counter() - begun) * 1e6)
        if answer[9:12] != b"201":
            failed.append(answer[:60].decode("latin-1") or "closed")

    def upload(number):
        request = (f"PUT /swap{number} HTTP/1.1\r\nHost: {address}\r\n"
                   f"Content-Length: {len(BODY)}\r\n\r\n").encode() + BODY
        try:
            with connected(address, 80, timeout=30) as connection:
                while not failed and not os.path.exists(over):
                    put(connection, request)
        except OSError as why:
            failed.append(str(why))

    threads = [threading.Thread(target=upload, args=(n,)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        print(failed[0])
        return 1
    took.sort()
    print(json.dumps({"uploads": len(took), "put_us": round(took[len(took) // 2], 1),
                      "put_p99_us": round(took[len(took) * 99 // 100], 1),
                      "put_longest_us": round(took[-1], 1)}))
    return 0


sys.exit(main())
