"""What the watch on reads and writes must leave alone: servers, sandboxed programs, connections that no rule covers."""
import socket
import time

import pytest
from support import loopback
from support.late import path, serve_in_clear, talk
from support.protocols import POP3
from support.shim import PROGRAMS, PYTHON

SERVER = """
import socket, sys
listener = socket.create_server((sys.argv[1], 10143))
print(flush=True)
s, _ = listener.accept()
s.sendall(b"+OK hello\\r\\n")
print(s.recv(100).decode(), end="")
"""


def everything(shim):
    """A policy that guards every port of this machine."""
    shim.policy("match address 127.0.0.0/8 port 1-65535\n level secure\n")


def test_server_is_not_guarded(shim):
    """The client's port may be one of the guarded ones, but an accepted connection is not a client's."""
    address = loopback.own_address()
    everything(shim)
    process = shim.popen(PYTHON, "-c", SERVER, address)
    process.stdout.readline()
    with socket.create_connection((address, 10143)) as s:
        assert s.recv(100) == b"+OK hello\r\n"
        s.sendall(b"QUIT\r\n")
        result = shim.finish(process).ok()
    assert result.out == b"QUIT\r\n" and result.log == "", result.show()


@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
def test_server_that_inetd_starts_is_not_guarded(shim, used):
    everything(shim)
    with loopback.listen() as listener, socket.create_connection(listener.getsockname()) as client:
        accepted, _ = listener.accept()
        with accepted:
            if used:
                accepted.sendall(b"+OK hello\r\n")
                client.sendall(b"USER x\r\n")
                assert accepted.recv(100) == b"USER x\r\n"
                deadline = time.monotonic() + 10
                while not client.recv(100, socket.MSG_PEEK) and time.monotonic() < deadline:
                    pass
            process = shim.popen("sh", "-c", "read -r line; echo got $line", stdin=accepted, stdout=accepted)
        client.sendall(b"QUIT\r\n")
        result = shim.finish(process).ok()
        received = b""
        while piece := client.recv(100):
            received += piece
    assert received.endswith(b"got QUIT\r\n") and result.log == "", result.show()


def test_a_sandbox_of_the_programs_own(shim):
    """On a descriptor that the policy cannot guard, we make no system calls of our own: one that the program's sandbox forbids
    would kill it."""
    shim.policy("level secure\n")
    result = shim.run(PROGRAMS / "strict").ok()
    assert result.out == b"alive\n", result.show()


def test_connection_that_no_rule_is_about(shim):
    with path(serve_in_clear) as tap:
        shim.policy(f"match port {tap.port + 1 if tap.port < 65535 else 1}\n level secure\n")
        result, got = talk(shim, tap, POP3)
        result.ok()
    assert tap.up == POP3.words and got.startswith(POP3.greeting) and result.log == "", result.show()
