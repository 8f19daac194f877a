#!/bin/bash
# A capture of jumbo frames, of QinQ and priority tags, of IP fragments in any order, of an
# authentication header: cordon-replay finds the object in each, IPv4 and IPv6. Needs no privileges.
set -eu
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
BIN=${BIN:-$ROOT/build/bin}
[ -x "$BIN/cordon-replay" ] || { echo "SKIP: $BIN/cordon-replay is not built"; exit 125; }
exec python3 - "$BIN/cordon-replay" <<'TEXT'
import hashlib, json, os, random, socket, struct, subprocess, sys, tempfile

REPLAY = sys.argv[1]
BODY = random.Random(1).randbytes(60000)
REQUEST = b"PUT /object HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
FIN, SYN, ACK = 1, 2, 16


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Capture:
    def __init__(self, v6, tags=b"", fragment=0, shuffle=False, ah=False):
        self.v6, self.tags, self.fragment = v6, tags, fragment
        self.shuffle, self.ah = shuffle, ah
        self.frames, self.identification = [], 0
        self.random = random.Random(2)

    def segment(self, up, sequence, ack, flags, data=b""):
        names = ("fd00::1", "fd00::2") if self.v6 else ("10.0.0.1", "10.0.0.2")
        family = socket.AF_INET6 if self.v6 else socket.AF_INET
        ends = [socket.inet_pton(family, name) for name in names]
        ports = [40000, 80]
        if not up:
            ends.reverse(), ports.reverse()
        options = struct.pack("!BBH", 2, 4, 8940) if flags & SYN else b""
        header = struct.pack("!HHIIBBHHH", *ports, sequence, ack, (20 + len(options)) << 2, flags,
                             65535, 0, 0) + options
        pseudo = b"".join(ends) + struct.pack("!HH", 6, len(header) + len(data))
        total = checksum(pseudo + header + data)
        self.datagram(ends, 6, header[:16] + struct.pack("!H", total) + header[18:] + data)

    def datagram(self, ends, protocol, payload):
        if self.ah:
            payload = struct.pack("!BBHII", protocol, 4, 0, 1, 1) + bytes(12) + payload
            protocol = 51
        size = self.fragment or len(payload)
        self.identification += 1
        parts = [(at, payload[at:at + size]) for at in range(0, len(payload), size)]
        if self.shuffle:
            self.random.shuffle(parts)
        for at, part in parts:
            self.packet(ends, protocol, at, part, at + size < len(payload), len(parts) > 1)

    def packet(self, ends, protocol, at, part, more, cut):
        if self.v6:
            if cut:
                part = struct.pack("!BBHI", protocol, 0, at | more, self.identification) + part
                protocol = 44
            ip = struct.pack("!IHBB", 6 << 28, len(part), protocol, 60) + b"".join(ends)
        else:
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(part), self.identification,
                             at >> 3 | more << 13, 60, protocol, 0) + b"".join(ends)
            ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        kind = b"\x86\xdd" if self.v6 else b"\x08\x00"
        self.frames.append(bytes(12) + self.tags + kind + ip + part)

    def upload(self, size):
        self.segment(True, 99, 0, SYN)
        self.segment(False, 499, 100, SYN | ACK)
        self.segment(True, 100, 500, ACK)
        for at in range(0, len(REQUEST), size):
            part = REQUEST[at:at + size]
            self.segment(True, 100 + at, 500, ACK, part)
            self.segment(False, 500, 100 + at + len(part), ACK)
        end = 100 + len(REQUEST)
        self.segment(False, 500, end, ACK, ANSWER)
        self.segment(True, end, 500 + len(ANSWER), ACK | FIN)
        self.segment(False, 500 + len(ANSWER), end + 1, ACK | FIN)
        self.segment(True, end + 1, 501 + len(ANSWER), ACK)

    def write(self, path):
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
            for n, frame in enumerate(self.frames):
                file.write(struct.pack("<IIII", 1700000000, n, len(frame), len(frame)) + frame)


QINQ, PRIORITY = bytes.fromhex("88a800648100e005"), bytes.fromhex("8100e000")
CASES = {
    "jumbo frames": (dict(), 8940),
    "jumbo frames in QinQ": (dict(tags=QINQ), 8940),
    "frames of QinQ": (dict(tags=QINQ), 1440),
    "priority tags": (dict(tags=PRIORITY), 1440),
    "old QinQ": (dict(tags=bytes.fromhex("9100000781000008")), 1440),
    "fragments in order": (dict(fragment=1440), 8000),
    "fragments in any order": (dict(fragment=296, shuffle=True), 1440),
    "jumbo fragments": (dict(fragment=8800, shuffle=True), 30000),
    "small fragments in QinQ": (dict(fragment=32, shuffle=True, tags=QINQ), 700),
    "an authentication header": (dict(ah=True), 1400),
    "one in fragments": (dict(ah=True, fragment=600, shuffle=True), 1400),
}
failed = 0
with tempfile.TemporaryDirectory() as place:
    path = os.path.join(place, "capture.pcap")
    known = os.path.join(place, "known")
    digest = hashlib.sha256(BODY).hexdigest()
    open(known, "w").write(digest + "\n")
    for name, (form, size) in CASES.items():
        for v6 in (False, True):
            capture = Capture(v6, **form)
            capture.upload(size)
            capture.write(path)
            seen = []
            for more in ([], ["--hashes", known]):
                run = subprocess.run([REPLAY, *more, path], capture_output=True, check=True)
                lines = [json.loads(line) for line in run.stdout.splitlines()]
                seen.append(lines)
            clean = [line for line in seen[0] if line["type"] == "object"]
            match = [line for line in seen[1] if line["type"] == "object"]
            good = len(clean) == 1 and clean[0]["sha256"] == digest and clean[0]["complete"] and \
                len(match) == 1 and match[0]["verdict"] == "match"
            print("  ok   " if good else "  FAIL ", name, "IPv6" if v6 else "IPv4")
            failed += not good
            if not good:
                print(clean, match, seen[0][-1], sep="\n")
sys.exit(failed != 0)
TEXT
