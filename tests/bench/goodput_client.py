#!/usr/bin/env python3
"""One PUT, measured by the kernel's own counters: goodput_client.py ADDRESS PORT TARGET [options].

Sends zeros until --bytes are sent or --seconds are over, and prints one line of JSON: `acked` bytes
in `seconds`, and what the sender's TCP had to do for it. With all bytes sent it waits for the
answer, and the time ends there; else the connection is reset at the end of the time.
"""

import argparse
import ctypes
import json
import socket
import struct
import time

from sender import connected


class TcpInfo(ctypes.Structure):
    """struct tcp_info of linux/tcp.h, as far as needed."""

    _fields_ = (
        [(name, ctypes.c_uint8) for name in (
            "state ca_state retransmits probes backoff options scales limits").split()]
        + [(name, ctypes.c_uint32) for name in (
            "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent "
            "last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh "
            "snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans").split()]
        + [(name, ctypes.c_uint64) for name in (
            "pacing_rate max_pacing_rate bytes_acked bytes_received").split()]
        + [(name, ctypes.c_uint32) for name in (
            "segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out").split()]
        + [(name, ctypes.c_uint64) for name in (
            "delivery_rate busy_time rwnd_limited sndbuf_limited").split()]
        + [(name, ctypes.c_uint32) for name in "delivered delivered_ce".split()]
        + [(name, ctypes.c_uint64) for name in "bytes_sent bytes_retrans".split()]
        + [(name, ctypes.c_uint32) for name in "dsack_dups reord_seen rcv_ooopack snd_wnd".split()]
    )


def tcp_info(connection):
    raw = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, ctypes.sizeof(TcpInfo))
    return TcpInfo.from_buffer_copy(raw.ljust(ctypes.sizeof(TcpInfo), b"\0"))


def body(options):
    """Pieces of the request's body."""
    piece = bytes(options.piece)
    left = options.bytes
    while left > 0:
        part = piece[: min(left, len(piece))]
        left -= len(part)
        yield b"%x\r\n%s\r\n" % (len(part), part) if options.chunked else part
    if options.chunked:
        yield b"0\r\n\r\n"


def send(connection, data, until):
    """False when the time is over."""
    view = memoryview(data)
    while view:
        left = until - time.monotonic()
        if left <= 0:
            return False
        connection.settimeout(left)
        try:
            view = view[connection.send(view):]
        except socket.timeout:
            return False
    return True


def answer(connection, until):
    """The status of the answer; 0 when the time is over."""
    got = b""
    while b"\r\n\r\n" not in got:
        left = until - time.monotonic()
        if left <= 0:
            return 0
        connection.settimeout(left)
        try:
            piece = connection.recv(65536)
        except socket.timeout:
            return 0
        if not piece:
            return 0
        got += piece
    return int(got.split(b" ", 2)[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("target")
    parser.add_argument("--bytes", type=int, default=200_000_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--piece", type=int, default=65536)
    parser.add_argument("--chunked", action="store_true")
    parser.add_argument("--congestion", default="cubic")
    options = parser.parse_args()
    connection = connected(options.address, options.port, options.congestion, timeout=20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    framing = f"Content-Length: {options.bytes}"
    if options.chunked:
        framing = "Transfer-Encoding: chunked"
    head = f"PUT {options.target} HTTP/1.1\r\nHost: {options.address}\r\n{framing}\r\n\r\n"
    begin = time.monotonic()
    until = begin + options.seconds
    before = tcp_info(connection).bytes_acked
    whole = send(connection, head.encode(), until)
    whole = whole and all(send(connection, part, until) for part in body(options))
    status = answer(connection, until) if whole else 0
    seconds = time.monotonic() - begin
    info = tcp_info(connection)
    acked = options.bytes if status else info.bytes_acked - before
    if not status:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    print(json.dumps({
        "mbit_s": round(acked * 8 / seconds / 1e6, 3),
        "seconds": round(seconds, 3),
        "acked": acked,
        "status": status,
        "retransmitted": info.total_retrans,
        "segments": info.data_segs_out,
        "duplicates": info.dsack_dups,
        "reordering": info.reordering,
        "reorderings": info.reord_seen,
        "cwnd": info.snd_cwnd,
        "ssthresh": info.snd_ssthresh,
        "rtt_us": info.rtt,
        "min_rtt_us": info.min_rtt,
        "rto_us": info.rto,
        "receiver_limited_us": info.rwnd_limited,
    }))


if __name__ == "__main__":
    main()
