"""Whole sessions of the matrix's clients with a real server, and what the path and the log must show."""
import json
import os
import uuid
from pathlib import Path

from ..servers.dovecot import message
from .registry import TEXT, Session
from .style import Style

SEEN = os.environ.get("RETROTLS_CLIENTS")  # where `make clients` wants to find what was seen of each client


def run(session, client, measured=False, **options):
    words = client.words(session)
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


def mail_to_send(shim, client):
    """A file with a mail or an article, and a word in it that no other one has."""
    token = uuid.uuid4().hex
    mail = shim.folder / "mail"
    if client.protocol == "nntp":
        mail.write_text(f"From: a@example.org\nNewsgroups: local.test\nSubject: hello\n\n{TEXT}\n{token}\n")
    else:
        mail.write_bytes(message("hello", f"{TEXT}\r\n{token}").replace(b"\r\n", b"\n"))
    return mail, token


def sending(shim, server, client, tap, **options):
    """A session that sends; asserts that the server has what was sent."""
    mail, token = mail_to_send(shim, client)
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


def refused(shim, server, client, tap, protocol, **options):
    """A session with a server that has another host's certificate: nothing that the program sends reaches it, not even inside
    TLS, and the log says why."""
    if client.sends:
        mail, token = mail_to_send(shim, client)
        result = run(Session(shim, tap, mail=mail, server=server), client, **options)
        assert not server.has(token.encode()), result.show() + server.logs()
        assert result.status != 0, result.show()
    else:
        result = reading(shim, server, client, tap, **options)
        assert client.shows not in result.out, result.show()
    tap.wait_closed()
    tap.never_saw(b"secret", TEXT.encode())
    tap.saw_only_tls_after(protocol.preamble)
    assert shim.log_lines(), result.show()
    for line in shim.log_lines():
        assert line["result"] == "failed" and "certificate of" in line["error"], result.show()
    assert not server.logged_in(), server.logs()
