#!/usr/bin/env python3
"""An upload by a TCP of our own: odd_tcp.py INTERFACE MANNER TARGET FILE [options].

Speaks Ethernet, ARP, IPv4 and TCP on INTERFACE with an address that no host has, so that no kernel
interferes. Every manner in the end delivers each byte of the upload (a PUT of FILE), repeating what
the storage has not acknowledged; what it does besides is its name. Prints the status of the answer
or `none`, then `reset`, `closed` or `open`.

honest: whatever receiver there is, it reads the upload
lying:  bytes of a decoy stand at the same sequence numbers; what is read depends on the receiver
"""

import argparse
import random
import socket
import struct
import sys
import time

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << n for n in range(8))
SIZE = 1000  # bytes of an ordinary segment


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Connection:
    def __init__(self, options):
        self.mine = socket.inet_aton(options.source)
        self.theirs = socket.inet_aton(options.destination)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((options.interface, 0))
        self.mac = self.socket.getsockname()[4]
        self.peer_mac = None
        self.random = random.Random(options.seed)
        self.port = 20000 + self.random.randrange(40000)
        self.isn = self.random.choice((0xFFFFF000, self.random.getrandbits(32)))  # wraps, or not
        self.timestamps = True
        self.clock = 1000
        self.echo = 0
        self.acked = 0  # bytes of ours that the storage has
        self.window = 0
        self.scale = 0
        self.next = None  # sequence number we expect
        self.answer = b""
        self.ended = None

    # --- frames out ---

    def segment(self, offset, data=b"", flags=ACK | PSH, *, ack=None, clock=None, options=b"",
                bad_checksum=False, urgent=0, window=60000, ttl=64):
        if self.timestamps and not flags & SYN:
            options += struct.pack("!BBBBII", 1, 1, 8, 10, clock or self.clock, self.echo)
        options += b"\1" * (-len(options) % 4)
        acknowledged = (self.next or 0) if ack is None else ack
        if not flags & ACK:
            acknowledged = 0
        header = struct.pack("!HHIIBBHHH", self.port, 80, (self.isn + 1 + offset) & 0xFFFFFFFF,
                             acknowledged & 0xFFFFFFFF, (20 + len(options)) // 4 << 4, flags,
                             window, 0, urgent) + options
        pseudo = self.mine + self.theirs + struct.pack("!HH", 6, len(header) + len(data))
        total = checksum(pseudo + header + data)
        if bad_checksum:
            total ^= 0x5555
        self.ip(6, header[:16] + struct.pack("!H", total) + header[18:] + data, ttl)

    def ip(self, protocol, payload, ttl=64):
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload),
                             self.random.getrandbits(16), 0, ttl, protocol, 0, self.mine,
                             self.theirs)
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
        self.socket.send(self.peer_mac + self.mac + b"\x08\x00" + header + payload)

    def arp(self, operation, mac, address):
        self.socket.send((mac if operation == 2 else b"\xff" * 6) + self.mac + b"\x08\x06" +
                         struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, operation, self.mac,
                                     self.mine, mac if operation == 2 else bytes(6), address))

    # --- frames in ---

    def receive(self, seconds, until=lambda: False):
        """Takes what comes within that time, or until that is true, and acknowledges it."""
        end = time.monotonic() + seconds
        while not until() and (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame = self.socket.recv(65536)
            except (socket.timeout, BlockingIOError):
                return
            if frame[12:14] == b"\x08\x06":
                self.take_arp(frame[14:42])
            elif frame[12:14] == b"\x08\x00" and frame[26:34] == self.theirs + self.mine:
                self.take_segment(frame[14:14 + struct.unpack("!H", frame[16:18])[0]][20:])

    def take_arp(self, packet):
        operation, mac, address, _, target = struct.unpack("!6xH6s4s6s4s", packet)
        if address == self.theirs:
            self.peer_mac = mac
        if operation == 1 and target == self.mine:
            self.arp(2, mac, address)

    def take_segment(self, tcp):
        _, port, sequence, ack, length, flags, window = struct.unpack("!HHIIBBH", tcp[:16])
        if port != self.port:
            return
        length = length >> 4 << 2
        self.take_options(tcp[20:length], flags)
        data = tcp[length:]
        if flags & RST:
            self.ended = self.ended or "reset"
            return
        if flags & SYN:
            self.next = sequence + 1 & 0xFFFFFFFF
            return
        got = ack - self.isn - 1 & 0xFFFFFFFF
        if flags & ACK and got < 1 << 31:
            self.acked = max(self.acked, got)
            self.window = window << self.scale
        if sequence == self.next:
            self.answer += data
            self.next = self.next + len(data) & 0xFFFFFFFF
            if flags & FIN and not self.ended:
                self.ended = "closed"
                self.next = self.next + 1 & 0xFFFFFFFF
        if data or flags & FIN:
            self.segment(self.acked, flags=ACK)

    def take_options(self, options, flags):
        while options and options[0]:
            if options[0] == 1:
                options = options[1:]
                continue
            if options[0] == 8:
                self.echo = struct.unpack("!I", options[2:6])[0]
            elif options[0] == 3 and flags & SYN:
                self.scale = options[2]
            options = options[options[1]:]

    # --- the connection ---

    def open(self, *, data=b"", more=b"", scale=b"\1\3\3\7"):
        for _ in range(20):
            self.arp(1, b"", self.theirs)
            self.receive(0.05, lambda: self.peer_mac)
            if self.peer_mac:
                break
        options = struct.pack("!BBH", 2, 4, 1460) + scale + more
        if self.timestamps:
            options += struct.pack("!BBBBII", 1, 1, 8, 10, self.clock, 0)
        for _ in range(20):
            self.segment(-1, data, SYN, options=options)
            self.receive(0.05, lambda: self.next is not None)
            if self.next is not None:
                self.segment(0, flags=ACK)
                return
        sys.exit("no SYN-ACK")

    def deliver(self, stream, seconds=5):
        """As an honest sender: repeats from what the storage has, until all of it is there."""
        end = time.monotonic() + seconds
        wait = 0.005
        while self.acked < len(stream) and not self.ended and time.monotonic() < end:
            before = self.acked
            room = max(1, min(8 * SIZE, self.window or SIZE))
            self.clock += 1
            for at in range(before, min(before + room, len(stream)), SIZE):
                self.segment(at, stream[at:min(at + SIZE, before + room)])
            self.receive(wait, lambda: self.acked >= min(before + room, len(stream)) or self.ended)
            wait = 0.005 if self.acked > before else min(wait * 2, 0.4)

    def finish(self, options):
        self.receive(options.patience, lambda: self.complete() or self.ended)
        if not self.ended:
            self.segment(self.acked, flags=FIN | ACK)
            self.receive(0.05, lambda: self.ended)
        status = self.answer.split(b" ")[1].decode() if self.answer.startswith(b"HTTP/") else "none"
        print(status)
        print(self.ended or "open")

    def complete(self):
        head, separator, body = self.answer.partition(b"\r\n\r\n")
        if not separator:
            return False
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                       if line.lower().startswith(b"content-length:")), 0)
        return len(body) >= length and not head.startswith(b"HTTP/1.1 100")


def pieces(stream, size=SIZE, begin=0):
    return [(at, stream[at:at + size]) for at in range(begin, len(stream), size)]


def inverted(data):
    return bytes(byte ^ 1 for byte in data)


# --- honest -------------------------------------------------------------------------------------

def plain(c, stream):
    c.open()


def no_options(c, stream):
    c.timestamps = False
    c.open(scale=b"")


def reversed_order(c, stream):
    c.open()
    for first in range(0, len(stream), 8 * SIZE):
        for at, data in reversed(pieces(stream[:first + 8 * SIZE], begin=first)):
            c.segment(at, data)
        c.receive(0.002)


def shuffled(c, stream):
    c.open()
    window = pieces(stream) * 2
    c.random.shuffle(window)
    for n, (at, data) in enumerate(window):
        c.segment(at, data)
        if n % 8 == 0:
            c.receive(0.001)


def one_byte(c, stream):
    c.open()
    for at in range(4000):
        c.segment(at, stream[at:at + 1])
        if at % 64 == 0:
            c.receive(0.001)


def every_second_byte(c, stream):
    c.open()
    for at in range(0, 400, 2):
        c.segment(at, stream[at:at + 1])
    for at in range(1, 400, 2):
        c.segment(at, stream[at:at + 1])
    c.receive(0.01)


def overlapping_same(c, stream):
    c.open()
    for at in range(0, len(stream), SIZE // 2):
        c.segment(at, stream[at:at + SIZE])
        c.receive(0.0005)


def probes(c, stream):
    c.open()
    for at, data in pieces(stream):
        c.segment(at - 1, b"\0", ACK)  # a keep-alive with its garbage byte
        c.segment(at - 1, flags=ACK)
        c.segment(at, data)
        c.receive(1, lambda: c.acked >= at + len(data))  # garbage in what is not would be a lie


def urgent(c, stream):
    c.open()
    for n, (at, data) in enumerate(pieces(stream)):
        c.segment(at, data, ACK | PSH | (URG if n % 2 else 0), urgent=1 + n % len(data))
        c.receive(0.001)


def ecn_and_reserved(c, stream):
    c.open()
    for at, data in pieces(stream):
        c.segment(at, data, ACK | c.random.choice((ECE, CWR, ECE | CWR)))
        c.receive(0.001)


def multipath_syn(c, stream):
    c.open(more=bytes((30, 12, 1, 1)) + bytes(8))


def fast_open(c, stream):
    c.open(data=inverted(stream[:100]), more=bytes((34, 10)) + bytes(8))


def empty_segments(c, stream):
    c.open()
    for at, data in pieces(stream):
        for _ in range(5):
            c.segment(at, b"", ACK)
        c.segment(at, data)
        c.receive(0.001)


def fin_with_the_last(c, stream):
    c.open()
    for at, data in pieces(stream):
        c.segment(at, data, ACK | PSH | (FIN if at + SIZE >= len(stream) else 0))
        c.receive(0.001)


def resets_beside(c, stream):
    c.open()
    for at, data in pieces(stream):
        c.segment(at + 50, flags=RST)
        c.segment(at + 70000, flags=RST | ACK)
        c.segment(at - 300, flags=RST | ACK)
        c.segment(at, data)
        c.receive(0.001)


def bad_checksums(c, stream):
    c.open()
    for at, data in pieces(stream):
        c.segment(at, inverted(data), bad_checksum=True)
        c.segment(at, data)
        c.receive(0.001)


def old_timestamps(c, stream):
    c.open()
    for at, data in pieces(stream):
        c.clock += 10
        c.segment(at, flags=ACK)
        c.segment(at, inverted(data), clock=c.clock - 500)
        c.segment(at, data)
        c.receive(0.001)


def false_acks(c, stream):
    c.open()
    for at, data in pieces(stream):
        c.segment(at, inverted(data), ack=c.next + 100000)
        c.segment(at, data)
        c.receive(0.001)


def beyond_window(c, stream):
    c.open()
    for at, data in pieces(stream):
        c.segment(at + (1 << 30), inverted(data))
        c.segment(at - (1 << 30), inverted(data))
        c.segment(at, data)
        c.receive(0.001)


def second_syn(c, stream):
    c.open()
    half = len(stream) // 2 // SIZE * SIZE
    c.deliver(stream[:half])
    c.segment(half + 5000, b"", SYN)
    c.segment(half, b"x" * 10, SYN)


# --- lying --------------------------------------------------------------------------------------

def begin_with_head(c, stream):
    """The head and what is beside it go without a lie, or the decoy would not even be HTTP."""
    c.open()
    c.deliver(stream[:2 * SIZE])
    return 2 * SIZE


def decoy_then_true(c, stream):
    for at, data in pieces(stream, SIZE, begin_with_head(c, stream)):
        c.segment(at, inverted(data))
        c.segment(at, data)
        c.receive(0.001)


def true_then_decoy(c, stream):
    for at, data in pieces(stream, SIZE, begin_with_head(c, stream)):
        c.segment(at, data)
        c.segment(at, inverted(data))
        c.receive(0.001)


def decoy_ahead(c, stream):
    """Both stand behind a hole, so that the receiver chooses when the hole is filled."""
    for at, data in pieces(stream, 2 * SIZE, begin_with_head(c, stream)):
        c.segment(at + SIZE, inverted(data[SIZE:]))
        c.segment(at + SIZE, data[SIZE:])
        c.segment(at, data[:SIZE])
        c.receive(0.001)


def true_ahead_decoy_over(c, stream):
    for at, data in pieces(stream, 2 * SIZE, begin_with_head(c, stream)):
        c.segment(at + SIZE, data[SIZE:])
        c.segment(at, data[:SIZE] + inverted(data[SIZE:SIZE + 200]))
        c.receive(0.001)


def decoy_within(c, stream):
    for at, data in pieces(stream, 2 * SIZE, begin_with_head(c, stream)):
        c.segment(at + 600, inverted(data[600:700]))
        c.segment(at, data[:1400])
        c.receive(0.001)


def decoy_after_ack(c, stream):
    """The receiver has these bytes: whoever takes the later ones would be deceived."""
    c.open()
    half = len(stream) // 2 // SIZE * SIZE
    c.deliver(stream[:half])
    c.segment(half - SIZE, inverted(stream[half - SIZE:half]) + stream[half:half + 200])


HONEST = (plain, no_options, reversed_order, shuffled, one_byte, every_second_byte,
          overlapping_same, probes, urgent, ecn_and_reserved, multipath_syn, fast_open,
          empty_segments, fin_with_the_last, resets_beside, bad_checksums, old_timestamps,
          false_acks, beyond_window, second_syn)
LYING = (decoy_then_true, true_then_decoy, decoy_ahead, true_ahead_decoy_over, decoy_within,
         decoy_after_ack)
MANNERS = {manner.__name__.replace("_", "-"): manner for manner in HONEST + LYING}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("interface")
    parser.add_argument("manner", choices=[*MANNERS, "list-honest", "list-lying"])
    parser.add_argument("target", nargs="?")
    parser.add_argument("file", nargs="?")
    parser.add_argument("--source", default="10.99.0.77")
    parser.add_argument("--destination", default="10.99.0.2")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=2, help="seconds to wait for the answer")
    options = parser.parse_args()
    if options.manner.startswith("list-"):
        group = HONEST if options.manner == "list-honest" else LYING
        print("\n".join(manner.__name__.replace("_", "-") for manner in group))
        return
    with open(options.file, "rb") as file:
        body = file.read()
    stream = (f"PUT {options.target} HTTP/1.1\r\nHost: {options.destination}\r\n"
              f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    connection = Connection(options)
    MANNERS[options.manner](connection, stream)
    connection.deliver(stream)
    connection.finish(options)


if __name__ == "__main__":
    main()
