"""What the clients of benches share: their connection, and a PUT whose answer is waited for."""
import socket
import time


def connected(address, port, congestion="cubic", timeout=None):
    """Its congestion control is chosen, or that of the machine would be measured; and before the
    connection is made, for BBR, once begun, leaves its pacing behind."""
    connection = socket.socket()
    connection.settimeout(timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    connection.connect((address, port))
    return connection


def put_request(target, address, size):
    """Of no type that is looked into; `size` is a multiple of 256."""
    head = f"PUT {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + bytes(range(256)) * (size // 256)


def timed_put(connection, request):
    """Microseconds from the first byte to the answer. Raises ConnectionError when it is not 201."""
    begun = time.perf_counter()
    connection.sendall(request)
    answer = connection.recv(4096)
    if not answer.startswith(b"HTTP/1.1 201"):
        raise ConnectionError(answer[:60].decode("latin-1") or "closed")
    return (time.perf_counter() - begun) * 1e6


def median_and_p99(ordered):
    return ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
