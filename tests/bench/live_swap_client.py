"""PUTs of 64 KiB on some connections at once, until a file is there: `ADDRESS CONNECTIONS FILE`.

Prints a line of JSON: uploads, and microseconds from first byte to answer, of all of them. Ends
with 1, and a word why, when one is not answered with 201.
"""
import json
import os
import sys
import threading

from sender import connected, median_and_p99, put_request, timed_put


def main():
    address, connections, over = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    took, failed = [], []

    def upload(number):
        request = put_request(f"/swap{number}", address, 65536)
        try:
            with connected(address, 80, timeout=30) as connection:
                while not failed and not os.path.exists(over):
                    took.append(timed_put(connection, request))
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
    median, p99 = median_and_p99(took)
    print(json.dumps({"uploads": len(took), "put_us": round(median, 1), "put_p99_us": round(p99, 1),
                      "put_longest_us": round(took[-1], 1)}))
    return 0


sys.exit(main())
