#!/usr/bin/env python3
"""A storage that commits what it got: naive_server.py ADDRESS PORT DIRECTORY.

Like many home-made handlers it writes the body of a PUT straight to its final name and keeps
whatever has come when the connection ends, however it ends. Tests show with it how many bytes of a
blocked object can land at most.
"""

import os
import socket
import sys
import threading


def read_line(stream):
    line = stream.readline(65536)
    if not line.endswith(b"\n"):
        raise ConnectionError("ended within a line")
    return line.rstrip(b"\r\n")


def read_head(stream):
    request = read_line(stream).split(b" ")
    headers = {}
    while line := read_line(stream):
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    return request, headers


def copy(stream, out, length):
    while length > 0:
        piece = stream.read1(min(length, 65536))
        if not piece:
            raise ConnectionError("ended within the body")
        out.write(piece)
        length -= len(piece)


def copy_body(stream, headers, out):
    if headers.get(b"transfer-encoding", b"").lower() != b"chunked":
        copy(stream, out, int(headers.get(b"content-length", b"0")))
        return
    while size := int(read_line(stream).split(b";")[0], 16):
        copy(stream, out, size)
        read_line(stream)
    while read_line(stream):
        pass


def answer_other(connection, method, path):
    """GET, HEAD and DELETE of what is there."""
    status, content = b"404 Not Found", b""
    if os.path.exists(path):
        status = b"200 OK"
        with open(path, "rb") as file:
            content = file.read()
        if method == b"DELETE":
            os.unlink(path)
            content = b""
    connection.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(content)))
    if method == b"GET":
        connection.sendall(content)


def serve(connection, directory):
    stream = connection.makefile("rb")
    try:
        while True:
            request, headers = read_head(stream)
            if headers.get(b"expect", b"").lower() == b"100-continue":
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            name = os.path.basename(request[1].decode())
            if not name:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                continue
            if request[0] in (b"GET", b"HEAD", b"DELETE"):
                answer_other(connection, request[0], os.path.join(directory, name))
                continue
            # Unbuffered: every byte that came is in the file, whatever happens next.
            with open(os.path.join(directory, name), "wb", buffering=0) as out:
                copy_body(stream, headers, out)
            connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    except (ConnectionError, OSError, ValueError, IndexError):
        pass
    finally:
        connection.close()


def listen(serve):
    """Gives every connection to serve(connection, DIRECTORY), in a thread of its own."""
    address, port, directory = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family, backlog=64) as listener:
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, directory), daemon=True).start()


if __name__ == "__main__":
    listen(serve)
