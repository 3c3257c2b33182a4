"""Real programs with no TLS configured (support/clients), each in a whole session with a real server through the shim. The
recorder on the path proves that neither the password nor the mail crossed in clear: only the shim's own dialogue and TLS
crossed."""
import pytest
from support import protocols
from support.clients import READERS, SENDERS, TEXT, table
from support.clients.sessions import SEEN, reading, sending, tell, upgraded
from support.shim import ROOT
from support.tap import Tap

SERVERS = {"imap": "dovecot", "pop3": "dovecot", "smtp": "exim", "nntp": "inn"}

WAYS = pytest.mark.parametrize("command", [False, True], ids=["LD_PRELOAD", "retrotls"])


def each(clients):
    def marks(client):
        if client.slow:
            yield pytest.mark.slow
        if client.missing():
            yield pytest.mark.skip(client.missing())
    return pytest.mark.parametrize("client", [pytest.param(c, id=f"{c.protocol}-{c.name}", marks=[*marks(c)]) for c in clients])


@pytest.fixture
def server(request, client):
    return request.getfixturevalue(SERVERS[client.protocol])


@WAYS
@each(READERS)
def test_reads_mail(shim, server, client, command):
    with Tap(server.at(client.protocol)) as tap:
        # A client that is given an address asks no resolver. The policy then says what name the certificate must have.
        shim.guard(tap.port, "secure", client.protocol, *(["name localhost"] if client.by_address else []))
        result = reading(shim, server, client, tap, command=command)
        assert client.shows in result.out, result.show() + server.logs() + tap.transcript()
        result.ok()
        upgraded(shim, tap, protocols.BY_NAME[client.protocol], result)
    tell(client, "retrotls" if command else "LD_PRELOAD")


@WAYS
@each(SENDERS)
def test_sends_mail(shim, server, client, command):
    with Tap(server.at(client.protocol)) as tap:
        shim.guard(tap.port, "secure", client.protocol)
        result = sending(shim, server, client, tap, command=command)
        upgraded(shim, tap, protocols.BY_NAME[client.protocol], result)
    tell(client, "retrotls" if command else "LD_PRELOAD")


@each([*READERS, *SENDERS])
def test_the_same_program_sends_all_in_clear_without_the_shim(shim, server, client):
    """The tests above prove something only if the program does not use TLS by itself."""
    with Tap(server.at(client.protocol)) as tap:
        result = (sending if client.sends else reading)(shim, server, client, tap, preload=False, measured=SEEN)
        tap.wait_closed()
    if client.sends:
        assert TEXT.encode() in tap.up, result.show() + tap.transcript()
    else:
        # A client may shut down its direction at once (nc -N). It is up to the server whether to answer it still: dovecot 2.4
        # does so now and then.
        assert TEXT.encode() in tap.down or b"secret" in tap.up, result.show() + tap.transcript()
    tell(client, "clear")


@pytest.mark.skipif(SEEN is not None, reason="the table is about to be made")
def test_table_in_the_readme_is_of_these_clients():
    """`make clients` writes the table. It has each program and protocol that is tried here, and no other."""
    assert table.programs_in((ROOT / "README.md").read_text()) == table.programs_tried()
