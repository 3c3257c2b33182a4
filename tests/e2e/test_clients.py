"""Real programs that were told nothing of TLS (support/clients), each one whole session with a real server through the
shim. The recorder on the path proves that neither password nor mail crossed in clear, and that nothing but the shim's own
dialogue and TLS did."""
import json
import os
import shutil
import uuid
from pathlib import Path

import pytest
from support import protocols
from support.clients import READERS, SENDERS, TEXT, Session, table
from support.clients.style import Style
from support.servers.dovecot import message
from support.shim import ROOT
from support.tap import Tap

BY_NAME = {p.name: p for p in protocols.ALL}
SERVERS = {"imap": "dovecot", "pop3": "dovecot", "smtp": "exim", "nntp": "inn"}

SEEN = os.environ.get("RETROTLS_CLIENTS")  # where `make clients` wants to find what was seen of each client

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


def run(session, client, measured=False, **options):
    words = client.words(session)
    assert shutil.which(words[0]), f"{words[0]} is not installed"
    style = Style(session) if measured else None
    result = session.shim.run(*(style.words(words) if style else words), stdin=session.stdin, env=session.environment,
                              **options)
    if style:
        tell(client, "style", style.seen())
    return result


def tell(client, what, value=None):
    """Leaves for `make clients` what was seen of a client's session."""
    if SEEN:
        Path(SEEN, f"{client.protocol}-{client.name}.{what}").write_text(json.dumps(value))


def reading(shim, server, client, tap, **options):
    """A session that reads. The mailbox has three messages; INN's group has one article of the same text."""
    user = server.mailbox(*[message("hello", TEXT)] * 3) if hasattr(server, "mailbox") else "test"
    return run(Session(shim, tap, user, server=server), client, **options)


def sending(shim, server, client, tap, **options):
    """A session that sends, and that the server has what was sent."""
    token = uuid.uuid4().hex
    mail = shim.folder / "mail"
    if client.protocol == "nntp":
        mail.write_text(f"From: a@example.org\nNewsgroups: local.test\nSubject: hello\n\n{TEXT}\n{token}\n")
    else:
        mail.write_bytes(message("hello", f"{TEXT}\r\n{token}").replace(b"\r\n", b"\n"))
    result = run(Session(shim, tap, mail=mail, server=server), client, **options)
    assert result.status == 0, result.show() + server.logs() + tap.transcript()
    arrived = server.wait_for_article if client.protocol == "nntp" else server.wait_for_message
    assert TEXT.encode() in arrived(token.encode())
    return result


def upgraded(shim, tap, protocol, result):
    """Asserts what the path and the log show of a good session."""
    tap.wait_closed()
    try:
        tap.never_saw(b"secret", TEXT.encode())
        tap.saw_only_tls_after(protocol.preamble)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{result.show()}") from None
    assert shim.log_lines(), result.show()
    for line in shim.log_lines():
        assert line["result"] == "tls" and line["level"] == "secure" and line["version"].startswith("TLSv1."), result.show()


@WAYS
@each(READERS)
def test_reads_mail(shim, server, client, command):
    with Tap(server.at(client.protocol)) as tap:
        # Those that are given an address ask no resolver: the policy says what the certificate must be for.
        shim.guard(tap.port, "secure", client.protocol, *(["name localhost"] if client.by_address else []))
        result = reading(shim, server, client, tap, command=command)
        assert client.shows in result.out, result.show() + server.logs() + tap.transcript()
        result.ok()
        upgraded(shim, tap, BY_NAME[client.protocol], result)
    tell(client, "retrotls" if command else "LD_PRELOAD")


@WAYS
@each(SENDERS)
def test_sends_mail(shim, server, client, command):
    with Tap(server.at(client.protocol)) as tap:
        shim.guard(tap.port, "secure", client.protocol)
        result = sending(shim, server, client, tap, command=command)
        upgraded(shim, tap, BY_NAME[client.protocol], result)
    tell(client, "retrotls" if command else "LD_PRELOAD")


@each([*READERS, *SENDERS])
def test_the_same_program_sends_all_in_clear_without_the_shim(shim, server, client):
    """The proof above is worth something only if the program really knows nothing of TLS."""
    with Tap(server.at(client.protocol)) as tap:
        result = (sending if client.sends else reading)(shim, server, client, tap, preload=False, measured=SEEN)
        tap.wait_closed()
    if client.sends:
        assert TEXT.encode() in tap.up, result.show() + tap.transcript()
    else:
        # Whether one that ends its direction at once (nc -N) is still answered is the server's affair: dovecot 2.4 does so now
        # and then.
        assert TEXT.encode() in tap.down or b"secret" in tap.up, result.show() + tap.transcript()
    tell(client, "clear")


@pytest.mark.skipif(SEEN is not None, reason="the table is about to be made")
def test_table_in_the_readme_is_of_these_clients():
    """`make clients` writes it: each program and protocol that is tried here, and no other."""
    assert table.programs_in((ROOT / "README.md").read_text()) == table.programs_tried()
