#!/usr/bin/env python3
"""An upload of which every IP datagram comes in fragments: fragment_tcp.py INTERFACE MANNER TARGET
FILE --peer-mac MAC [options]. The TCP is that of odd_tcp.py, IPv4 or IPv6 by --source.

Neighbours are not asked for: the caller gives the storage's MAC, and has told the storage ours.

honest: the fragments are those of the datagram, in some order, some of them twice
lying:  one more overlaps them with a decoy; each segment follows whole, or nothing would arrive
"""

import argparse
import socket
import struct
import time

import odd_tcp


class Fragmenting(odd_tcp.Connection):
    def __init__(self, options):
        family = socket.AF_INET6 if ":" in options.source else socket.AF_INET
        options.source, source = "0.0.0.0", options.source
        options.destination, destination = "0.0.0.0", options.destination
        super().__init__(options)
        self.mine = socket.inet_pton(family, source)
        self.theirs = socket.inet_pton(family, destination)
        self.v6 = family == socket.AF_INET6
        self.peer_mac = bytes.fromhex(options.peer_mac.replace(":", ""))
        self.size = options.size
        self.manner = in_order
        self.identification = self.random.getrandbits(16)

    def arp(self, operation, mac, address):
        pass

    # One datagram, in the fragments that the manner makes of it.
    def ip(self, protocol, payload, ttl=64):
        self.identification = self.identification + 1 & 0xFFFF
        for begin, data, more in self.manner(self, payload):
            self.send_fragment(protocol, begin, data, more, ttl)

    def send_fragment(self, protocol, begin, data, more, ttl):
        field = begin | (1 if more else 0)
        if self.v6:
            part = struct.pack("!BBHI", protocol, 0, field, self.identification) + data
            header = struct.pack("!IHBB", 6 << 28, len(part), 44, ttl) + self.mine + self.theirs
            self.socket.send(self.peer_mac + self.mac + b"\x86\xdd" + header + part)
            return
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), self.identification,
                             begin >> 3 | (0x2000 if more else 0), ttl, protocol, 0, self.mine,
                             self.theirs)
        header = header[:10] + struct.pack("!H", odd_tcp.checksum(header)) + header[12:]
        self.socket.send(self.peer_mac + self.mac + b"\x08\x00" + header + data)

    def receive(self, seconds, until=lambda: False):
        if not self.v6:
            return super().receive(seconds, until)
        end = time.monotonic() + seconds
        while not until() and (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame = self.socket.recv(65536)
            except (socket.timeout, BlockingIOError):
                return
            if frame[12:14] == b"\x86\xdd" and frame[20] == 6 and \
                    frame[22:54] == self.theirs + self.mine:
                self.take_segment(frame[54:54 + struct.unpack("!H", frame[18:20])[0]])


def cut(c, payload, size=None):
    size = size or c.size
    return [(at, payload[at:at + size], at + size < len(payload))
            for at in range(0, len(payload), size)]


# --- honest -------------------------------------------------------------------------------------

def in_order(c, payload):
    return cut(c, payload)


def backwards(c, payload):
    return cut(c, payload)[::-1]


def shuffled(c, payload):
    parts = cut(c, payload)
    c.random.shuffle(parts)
    return parts


def repeated(c, payload):
    parts = cut(c, payload)
    return parts[:-1] + parts[:-1] + parts[-1:]


# --- lying --------------------------------------------------------------------------------------

def decoy(parts, n, shift=0):
    begin, data, more = parts[n]
    return begin + shift, odd_tcp.inverted(data), more


def same_place_before(c, payload):
    parts = cut(c, payload)
    return [decoy(parts, n) for n in range(1, len(parts))] + parts if len(parts) > 1 else parts


def same_place_after(c, payload):
    parts = cut(c, payload)
    return parts[:-1] + [decoy(parts, 1)] + parts[-1:] if len(parts) > 2 else parts


def over_the_border(c, payload):
    parts = cut(c, payload)
    return parts[:1] + [decoy(parts, 1, 8)] + parts[1:] if len(parts) > 2 else parts


def over_the_header(c, payload):
    parts = cut(c, payload)
    return parts[:1] + [(8, odd_tcp.inverted(payload[8:c.size]), True)] + parts[1:]


HONEST = (in_order, backwards, shuffled, repeated)
LYING = (same_place_before, same_place_after, over_the_border, over_the_header)
MANNERS = {manner.__name__.replace("_", "-"): manner for manner in HONEST + LYING}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("interface")
    parser.add_argument("manner", choices=MANNERS)
    parser.add_argument("target")
    parser.add_argument("file")
    parser.add_argument("--source", default="10.99.0.77")
    parser.add_argument("--destination", default="10.99.0.2")
    parser.add_argument("--peer-mac", required=True)
    parser.add_argument("--size", type=int, default=400, help="of a fragment's data, by eights")
    parser.add_argument("--segment", type=int, default=1000, help="bytes of a segment")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=2, help="seconds to wait for the answer")
    options = parser.parse_args()
    with open(options.file, "rb") as file:
        body = file.read()
    stream = (f"PUT {options.target} HTTP/1.1\r\nHost: files.example\r\n"
              f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    odd_tcp.SIZE = options.segment
    connection = Fragmenting(options)
    connection.open()
    connection.manner = MANNERS[options.manner]
    if connection.manner in LYING:
        for at, data in odd_tcp.pieces(stream, options.segment):
            connection.segment(at, data)
            connection.receive(0.001)
        connection.manner = in_order
    connection.deliver(stream)
    connection.finish(options)


if __name__ == "__main__":
    main()
