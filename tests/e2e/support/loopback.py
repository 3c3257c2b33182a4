"""Addresses for servers. Every server gets its own address in 127.0.0.0/8, where every port is free. So no test has to search
for a port, and none loses its port to another test."""
import random
import socket
import struct

from .wait import wait_for

_RESERVED_PORT = 61000  # a listening socket on it marks the address as taken, for other processes too
_reserved = []


def own_address():
    """An IPv4 loopback address that nobody else uses while this process lives."""
    for _ in range(1000):
        address = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
        mark = socket.socket()
        try:
            mark.bind((address, _RESERVED_PORT))
            mark.listen(1)
        except OSError:
            mark.close()
            continue
        _reserved.append(mark)
        return address
    raise RuntimeError("no free loopback address")


def listen(address="127.0.0.1", port=0):
    """A listening socket; port 0 lets the kernel choose."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def full_listener(address="127.0.0.1", port=0):
    """A listening socket whose queue is full, and the connection that fills it. Linux drops further SYNs, so connect()
    stays pending."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # so that a caller can bind the port again and keep it
    listener.bind((address, port))
    listener.listen(0)
    filler = socket.create_connection(listener.getsockname())

    def queued():
        """tcpi_unacked, which is the length of the queue of a listening socket (tcp_get_info() in net/ipv4/tcp.c)."""
        return struct.unpack_from("=I", listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)[0]
    wait_for(queued, "the queue to be full")  # the filler's connect() returns earlier, on the answer to its SYN
    return listener, filler


def refusing_port(address="127.0.0.1"):
    """A bound socket that does not listen: its port refuses connections as long as the socket is open."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family)
    bound.bind((address, 0))
    return bound
