"""A client's connection whose congestion control is known: what the machine is set to would be
measured otherwise."""
import socket


def connected(address, port, congestion="cubic", timeout=None):
    """Chosen before the connection is made: BBR, once begun, leaves its pacing behind."""
    connection = socket.socket()
    connection.settimeout(timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    connection.connect((address, port))
    return connection
