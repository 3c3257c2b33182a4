"""Addresses for servers. Every server gets an address of its own in 127.0.0.0/8, so that any port is free there:
no port is ever searched for and lost again to another test."""
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
    """A listening socket whose queue is full, and what fills it: Linux drops further SYNs, so that connect() stays
    pending."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # for who wants to keep the port from others
    listener.bind((address, port))
    listener.listen(0)
    filler = socket.create_connection(listener.getsockname())

    def queued():
        """tcpi_unacked, which of a listening socket is the length of its queue (tcp_get_info() in net/ipv4/tcp.c)."""
        return struct.unpack_from("=I", listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)[0]
    wait_for(queued, "the queue to be full")  # the filler is there before, when the SYN was answered
    return listener, filler


def refusing_port(address="127.0.0.1"):
    """A socket that is bound and does not listen: its port refuses connections for as long as it is open."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family)
    bound.bind((address, 0))
    return bound
