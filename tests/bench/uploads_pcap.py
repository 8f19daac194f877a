#!/usr/bin/env python3
"""A capture of uploads: `uploads_pcap.py FILE --objects 1000 --bytes 1048576 [--flows 64]`.

PUTs to 10.99.0.2:80, one after the other on each connection, all connections in turn: handshakes,
segments of 1460 bytes with right checksums, an acknowledgement for every second of them, `201` for
each object, FIN from both ends. Objects are random bytes, of a seed, so that the same words make
the same capture; it says the digests of the last one (md5 sha1 sha256). With --objects 0 it is a
connection without any: what a program needs for itself.
"""

import argparse
import hashlib
import random
import struct

SEGMENT = 1460
CLIENT, STORAGE = bytes((10, 99, 0, 1)), bytes((10, 99, 0, 2))
ETHERNET = bytes.fromhex("020000000002020000000001") + b"\x08\x00"
ETHERNET_BACK = bytes.fromhex("020000000001020000000002") + b"\x08\x00"
FIN, SYN, PSH, ACK = 1, 2, 8, 16
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


def ones_sum(data):
    """The sum of RFC 1071 before its last complement: 2^16 is 1, so it is a remainder."""
    if len(data) % 2:
        data += b"\0"
    return int.from_bytes(data, "big") % 0xFFFF


def checksum(total):
    return 0xFFFF - total % 0xFFFF


class Capture:
    """Writes a classic pcap; a packet each ten microseconds."""

    def __init__(self, file):
        self.file, self.microseconds = file, 0
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))

    def packet(self, back, port, seq, ack, flags, payload=b""):
        source, destination = (STORAGE, CLIENT) if back else (CLIENT, STORAGE)
        ports = struct.pack("!HH", 80, port) if back else struct.pack("!HH", port, 80)
        seq, ack = seq & 0xFFFFFFFF, ack & 0xFFFFFFFF
        length = 20 + len(payload)
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, 6, 0)
        head += source + destination
        head = head[:10] + struct.pack("!H", checksum(ones_sum(head))) + head[12:]
        tcp = ports + struct.pack("!IIBBHHH", seq, ack, 0x50, flags, 65535, 0, 0)
        pseudo = source + destination + struct.pack("!HH", 6, length)
        total = ones_sum(pseudo) + ones_sum(tcp) + ones_sum(payload)
        tcp = tcp[:16] + struct.pack("!H", checksum(total)) + tcp[18:]
        size = 14 + 20 + length
        self.microseconds += 10
        seconds, rest = divmod(self.microseconds, 1000000)
        self.file.write(struct.pack("<IIII", 1700000000 + seconds, rest, size, size)
                        + (ETHERNET_BACK if back else ETHERNET) + head + tcp + payload)


def upload(capture, port, objects, source, size, last):
    """A connection, a packet of its client at each turn."""
    client, storage = source.getrandbits(32), source.getrandbits(32)
    capture.packet(False, port, client, 0, SYN)
    capture.packet(True, port, storage, client + 1, SYN | ACK)
    client, storage = client + 1, storage + 1
    capture.packet(False, port, client, storage, ACK)
    yield
    for name in objects:
        content = source.randbytes(size)
        if name == last:
            print(*(hashlib.new(kind, content).hexdigest() for kind in ("md5", "sha1", "sha256")))
        text = (f"PUT /bucket/{name} HTTP/1.1\r\nHost: storage\r\n"
                f"Content-Length: {size}\r\n\r\n").encode() + content
        for count, start in enumerate(range(0, len(text), SEGMENT)):
            part = text[start:start + SEGMENT]
            capture.packet(False, port, client, storage, ACK | PSH, part)
            client += len(part)
            if count % 2:
                capture.packet(True, port, storage, client, ACK)
            yield
        capture.packet(True, port, storage, client, ACK | PSH, ANSWER)
        storage += len(ANSWER)
        capture.packet(False, port, client, storage, ACK)
        yield
    capture.packet(False, port, client, storage, FIN | ACK)
    capture.packet(True, port, storage, client + 1, FIN | ACK)
    capture.packet(False, port, client + 1, storage + 1, ACK)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("file")
    arguments.add_argument("--objects", type=int, default=1000)
    arguments.add_argument("--bytes", type=int, default=1 << 20)
    arguments.add_argument("--flows", type=int, default=64)
    asked = arguments.parse_args()
    with open(asked.file, "wb", buffering=1 << 20) as file:
        capture = Capture(file)
        source = random.Random(1)
        flows = [upload(capture, 20000 + flow, range(flow, asked.objects, asked.flows), source,
                        asked.bytes, asked.objects - 1)
                 for flow in range(max(1, min(asked.flows, asked.objects)))]
        while flows:
            flows = [flow for flow in flows if next(flow, flow) is not flow]


if __name__ == "__main__":
    main()
