"""`tls auto` with every client of the matrix: a whole session with a real server whose port is closed, or offers no STARTTLS, and
which has TLS from the first byte on another port."""
import contextlib
from types import SimpleNamespace

import pytest
from support import loopback, protocols
from support.clients import READERS, SENDERS, TEXT
from support.clients.sessions import reading, sending
from support.hostile import Hostile
from support.play import plaintext_only
from support.tap import Tap, is_tls
from support.tls_port import TlsPort
from test_clients import SERVERS, each

FIRST = pytest.mark.parametrize("first", ["closed", "no STARTTLS"])


@pytest.fixture
def server(request, client):
    return request.getfixturevalue(SERVERS[client.protocol])


@contextlib.contextmanager
def place(shim, server, client, first):
    """The port for the client, and the recorder on the path to the other one."""
    with contextlib.ExitStack() as stack:
        front = stack.enter_context(TlsPort(server.at(client.protocol)))
        tap = stack.enter_context(Tap(front.address))
        if first == "closed":
            port = stack.enter_context(loopback.refusing_port()).getsockname()[1]
        else:
            hostile = stack.enter_context(Hostile(plaintext_only(protocols.BY_NAME[client.protocol])))
            port = stack.enter_context(Tap(hostile.address)).port
        shim.guard(port, "secure", client.protocol, f"implicit-port {tap.port}",
                   *(["name localhost"] if client.by_address else []))
        yield SimpleNamespace(host="127.0.0.1", port=port, transcript=tap.transcript), tap
        tap.wait_closed()
        assert tap.up and is_tls(tap.up) and is_tls(tap.down), tap.transcript()
        lines = shim.log_lines()
        assert lines and all((line["result"], line["tls"], line["level"]) == ("tls", "implicit", "secure") for line in lines), lines


@FIRST
@each(READERS)
def test_reads_mail(shim, server, client, first):
    with place(shim, server, client, first) as (where, tap):
        result = reading(shim, server, client, where)
        assert client.shows in result.out, result.show() + server.logs() + tap.transcript()
        result.ok()


@FIRST
@each(SENDERS)
def test_sends_mail(shim, server, client, first):
    with place(shim, server, client, first) as (where, tap):
        sending(shim, server, client, where)
        tap.never_saw(TEXT.encode())
