"""Connections whose connect() the shim never saw. A connector that no preload reaches makes them and hands them to a
program under the shim, with a recorder on the path."""
import contextlib

import pytest

from . import protocols
from .hostile import Hostile
from .protocols import POP3, SECRET, SENDER
from .shim import PROGRAMS, PYTHON
from .tap import Tap

EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)


@contextlib.contextmanager
def path(scenario):
    """A server that plays the scenario, and a recorder on the path to it."""
    with Hostile(scenario) as server, Tap(server.address) as tap:
        tap.server_side = server
        yield tap
        tap.wait_closed()
        server.wait_done()


def guard(shim, tap, protocol, level="secure"):
    """Programs that are handed a connection look up no name, so the policy says which name the certificate must have."""
    shim.guard(tap.port, level, protocol, "name localhost")


def handed_down(shim, tap, numbers, options, *program, **more):
    """A static connector, which no preload reaches, connects and then runs the program."""
    return shim.run(PROGRAMS / "connector", "127.0.0.1", tap.port, numbers, *options, "--", *program, **more)


def upgraded(tap, protocol, words=None):
    """The whole session went through TLS, and the server got exactly what the program said."""
    tap.saw_only_tls_after(protocol.preamble)
    tap.never_saw(SECRET, SENDER)
    assert tap.server_side.over_tls == (protocol.words if words is None else words)


TALK = r"""
import os, sys
words = os.environb[b"WORDS"]
out = b""
while not out.endswith(b"\n"):
    piece = os.read(0, 4096)
    if not piece:
        sys.exit("no greeting")
    out += piece
os.write(1, words)
while piece := os.read(0, 4096):
    out += piece
os.write(3, out)
"""


def talk(shim, tap, protocol, options=(), code=TALK, **more):
    """A Python program talks on the connection that it inherited. Returns the result and what it read."""
    got = shim.folder / "got"
    result = handed_down(shim, tap, "0,1", options, "sh", "-c", 'exec "$@" 3>got', "sh", PYTHON, "-c", code,
                         env={"WORDS": protocol.words.decode("latin-1")}, **more)
    return result, got.read_bytes() if got.exists() else b""


def serve_in_clear(s):
    """Greets, then answers whatever comes."""
    s.send(POP3.greeting)
    while True:
        line = s.line()
        s.send(POP3.answer(line))
        if line == b"QUIT":
            return s.shut()
