"""A case of each of the threats A to I with a real client: the user sees what went wrong, and nothing of the session crosses
in clear."""
import re

import pytest
from support import certs, protocols
from support.hostile import Hostile
from support.play import honest, plaintext_only
from support.protocols import IMAP, POP3, SMTP, tagged
from support.tap import Tap

SHORT = ["timeout 2", "greeting-timeout 2"]


def msmtp(shim, port):
    rc = shim.folder / "msmtprc"
    rc.write_text(f"account default\nhost localhost\nport {port}\nfrom a@example.org\nauth plain\nuser test\n"
                  "password secret\ntls off\n")
    rc.chmod(0o600)
    return shim.run("msmtp", "-C", rc, "b@localhost", stdin=b"Subject: x\n\nthe cat sat\n")


def fetchmail(shim, port):
    rc = shim.folder / "fetchmailrc"
    rc.write_text(f'poll localhost protocol POP3 port {port} user test password secret sslproto "" mda "cat"\n')
    rc.chmod(0o600)
    return shim.run("fetchmail", "-v", "-f", rc, "-d0", "--idfile", "ids", "--pidfile", "pid")


def imaplib(shim, port, host="localhost"):
    return shim.python("import imaplib, sys\nc = imaplib.IMAP4(sys.argv[1], int(sys.argv[2]))\n"
                       "c.login('test', 'secret')\nc.select()", host, port)


def smtplib(shim, port):
    return shim.python("import smtplib, sys\nc = smtplib.SMTP('localhost', int(sys.argv[1]))\nc.login('test', 'secret')",
                       port)


def answers(protocol, reply):
    def scenario(s):
        protocols.greet(s, protocol)
        s.send(tagged(reply, protocols.until_starttls(s, protocol)))
        s.rest()
    return scenario


def greets(greeting):
    def scenario(s):
        s.send(greeting)
        s.rest()
    return scenario


def shows(protocol, certificate):
    return lambda s: honest(protocol, certificate())(s)


CASES = {
    "A: not offered": (SMTP, plaintext_only(SMTP), msmtp, ["421 4.7.0 retrotls", "not offered", "level may"]),
    "B: neither yes nor no": (IMAP, answers(IMAP, b"{tag} MAYBE\r\n"), imaplib, ["retrotls", "unexpected|malformed"]),
    "C: injected": (POP3, answers(POP3, b"+OK\r\n+OK injected\r\n"), fetchmail, ["retrotls", "surplus"]),
    "D: refused service": (SMTP, greets(b"554 go away\r\n"), smtplib, ["421", "retrotls", "refused", "go away"]),
    "F: silent": (SMTP, lambda s: s.silence(), msmtp, ["421 4.7.0 retrotls", "in time"]),
    "G: expired": (SMTP, shows(SMTP, lambda: certs.case("expired")), msmtp, ["421 4.7.0 retrotls", "expired", "sha256:"]),
    "G: other host": (IMAP, shows(IMAP, lambda: certs.case("other host")), imaplib, ["retrotls", "other.example.org"]),
    "I: forged lines": (SMTP, shows(SMTP, lambda: certs.make("x\r\n250 forged", issuer=certs.authority())), msmtp,
                        ["421 4.7.0 retrotls", r"x\?\?250 forged|another host"]),
}


@pytest.mark.parametrize("case", CASES)
def test_user_sees_what_went_wrong(shim, case):
    protocol, scenario, client, seen = CASES[case]
    with Hostile(scenario) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", protocol.name, *(SHORT if case == "F: silent" else []))
        result = client(shim, tap.port)
        tap.wait_closed()
    shown = (result.out + result.err).decode()
    joined = re.sub(r"\s+", " ", shown)
    assert result.status != 0, result.show()
    for pattern in seen:
        assert re.search(pattern, joined), f"{pattern!r} was not shown\n{result.show()}"
    tap.never_saw(b"secret", b"the cat sat")
    assert b"forged" not in result.out.splitlines(), result.show()


def test_e_curl_tries_starttls_itself_and_goes_on(shim, exim):
    """A client that uses TLS if possible: it finds none to start, because the session is already in TLS."""
    shim.hosts = {"mail.example.org": ["127.0.0.1"]}
    mail = shim.folder / "mail"
    mail.write_bytes(b"Subject: x\r\n\r\nthe cat sat\r\n")
    with Tap(exim.at("smtp")) as tap:
        shim.guard(tap.port, "secure", "smtp")
        shim.run("curl", "-sS", "--ssl", "-u", "test:secret", f"smtp://mail.example.org:{tap.port}", "--mail-from",
                 "a@example.org", "--mail-rcpt", "b@localhost", "-T", mail).ok()
        tap.wait_closed()
    tap.never_saw(b"secret", b"the cat sat")
    tap.saw_only_tls_after(SMTP.preamble)


def test_h_numeric_host(shim):
    """The message says which line to add."""
    with Hostile(honest(IMAP, certs.issued("mail.example.org"))) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "imap")
        result = imaplib(shim, tap.port, "127.0.0.1")
        tap.wait_closed()
    assert result.status != 0 and b"retrotls" in result.err and b"'name " in result.err, result.show()
    tap.never_saw(b"secret")
