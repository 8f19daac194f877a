#!/usr/bin/env python3
"""The storage behind the servers of the framing tests: recorder.py ADDRESS PORT LOG.

Whatever a server in front of it takes for a request arrives here as one, with the server's name in
X-Server and the client's port in X-Port. Each becomes a line of LOG: JSON with server, port,
method, target, body (hexadecimal) and whether the body was whole.
"""

import asyncio
import json
import sys


async def read_body(reader, headers, body):
    """Appends to body as it comes; raises when it ends early."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return
    left = int(headers.get("content-length", 0))
    while left > 0:
        piece = await reader.read(min(left, 65536))
        if not piece:
            raise EOFError
        body += piece
        left -= len(piece)


async def serve(reader, writer, log):
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
        return
    request, *lines = head.split("\r\n")
    method, target, *_ = request.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in
               (line.partition(":") for line in lines)}
    body = bytearray()
    whole = True
    if "expect" in headers:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        await read_body(reader, headers, body)
    except (asyncio.IncompleteReadError, ConnectionError, EOFError, ValueError):
        whole = False
    line = {"server": headers.get("x-server"), "port": int(headers.get("x-port", 0)),
            "method": method, "target": headers.get("x-target", target), "body": body.hex(),
            "whole": whole}
    log.write(json.dumps(line) + "\n")
    log.flush()
    status = "405 Not Allowed" if method in ("CONNECT", "TRACE") else "200 OK"
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    try:
        await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def main():
    address, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with open(path, "a", encoding="ascii") as log:
        server = await asyncio.start_server(lambda r, w: serve(r, w, log), address, port,
                                            backlog=512, limit=1 << 20)
        print("ready", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
