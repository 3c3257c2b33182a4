"""Real servers from Debian, each in a whole session with a plaintext client through the shim: dovecot (LMTP and ManageSieve),
postfix, INN and courier. test_clients.py has exim4, and dovecot's IMAP and POP3."""
import uuid

import pytest
from support import protocols
from support.servers.dovecot import message
from support.tap import Tap

TEXT = "the cat sat on the mat"


def guarded(shim, server, protocol):
    tap = Tap(server.at(protocol))
    shim.guard(tap.port, "secure", protocol)
    return tap


def proven(tap, protocol, result, *secrets):
    tap.wait_closed()
    tap.never_saw(b"secret", TEXT.encode(), *secrets)
    tap.saw_only_tls_after(next(p for p in protocols.ALL if p.name == protocol).preamble)
    assert [line["verified"] for line in result.lines] == ["localhost"], result.show()


LMTP = """
import smtplib, sys
c = smtplib.LMTP("localhost", int(sys.argv[1]))
c.sendmail("a@example.org", [sys.argv[2]], sys.stdin.buffer.read())
c.quit()
"""


def test_lmtp_into_dovecot(shim, dovecot):
    user, token = dovecot.mailbox(), uuid.uuid4().hex
    with guarded(shim, dovecot, "lmtp") as tap:
        result = shim.python(LMTP, tap.port, user, stdin=message("hello", f"{TEXT} {token}")).ok()
        proven(tap, "lmtp", result, token.encode())
    assert any(token.encode() in mail for mail in dovecot.messages(user))


SIEVE = """
import base64, socket, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
f = s.makefile("rwb", buffering=0)
def reply():
    lines = []
    while True:
        line = f.readline()
        lines.append(line)
        if line == b"" or line.split(b" ")[0].strip() in (b"OK", b"NO", b"BYE") and b"{" not in line:
            return b"".join(lines)
print(reply())
f.write(b'AUTHENTICATE "PLAIN" "%s"\\r\\n' % base64.b64encode(b"\\0" + sys.argv[2].encode() + b"\\0secret"))
print(reply())
script = b'keep; # the cat sat on the mat\\r\\n'
f.write(b'PUTSCRIPT "mine" {%d+}\\r\\n%s\\r\\n' % (len(script), script))
print(reply())
f.write(b'GETSCRIPT "mine"\\r\\n')
print(reply())
f.write(b'LOGOUT\\r\\n')
print(reply())
"""


def test_managesieve_of_dovecot(shim, dovecot):
    """The capability list that comes after TLS is the program's greeting. It offers PLAIN."""
    user = dovecot.mailbox()
    with guarded(shim, dovecot, "sieve") as tap:
        result = shim.python(SIEVE, tap.port, user).ok()
        proven(tap, "sieve", result)
    greeting, *replies = result.out.splitlines()
    assert b"STARTTLS" not in greeting and b"PLAIN" in greeting, result.show()
    assert all(b"OK" in reply for reply in replies) and TEXT.encode() in result.out, result.show()


NNTP = """
import socket, sys
with socket.create_connection(("localhost", int(sys.argv[1]))) as s, s.makefile("rwb") as f:
    def reply(code):
        line = f.readline()
        assert line.startswith(code), line
    def ask(line, code):
        f.write(line + b"\\r\\n")
        f.flush()
        reply(code)
    reply(b"20")
    ask(b"MODE READER", b"20")
    ask(b"AUTHINFO USER test", b"381")
    ask(b"AUTHINFO PASS secret", b"281")
    ask(b"GROUP local.test", b"211")
    ask(b"ARTICLE 1", b"220")
    print(*iter(lambda: f.readline().decode().strip(), "."), sep=chr(10))
    ask(b"POST", b"340")
    ask(sys.stdin.buffer.read() + b".", b"240")
    ask(b"QUIT", b"205")
"""


def test_inn(shim, inn):
    token = uuid.uuid4().hex
    article = f"From: a@example.org\r\nNewsgroups: local.test\r\nSubject: x\r\n\r\n{TEXT} {token}\r\n".encode()
    with guarded(shim, inn, "nntp") as tap:
        result = shim.python(NNTP, tap.port, stdin=article).ok()
        proven(tap, "nntp", result, token.encode())
    assert TEXT.encode() in result.out, result.show()
    inn.wait_for_article(token.encode())


SMTP = """
import smtplib, sys
c = smtplib.SMTP("localhost", int(sys.argv[1]))
c.sendmail("a@example.org", ["b@localhost"], sys.stdin.buffer.read())
c.quit()
"""


@pytest.mark.root
def test_postfix(shim, postfix):
    token = uuid.uuid4().hex
    with guarded(shim, postfix, "smtp") as tap:
        result = shim.python(SMTP, tap.port, stdin=message("hello", f"{TEXT} {token}")).ok()
        proven(tap, "smtp", result, token.encode())
    mailbox = postfix.wait_for_message(token.encode())
    assert b"(using TLSv1.3 with cipher" in mailbox, mailbox[-2000:]


IMAP = """
import imaplib, sys
c = imaplib.IMAP4("localhost", int(sys.argv[1]))
print(c.login("test", "secret"))
print(c.select())
print(c.fetch("1", "(RFC822)")[1][0][1].decode())
c.logout()
"""
POP3 = """
import poplib, sys
c = poplib.POP3("localhost", int(sys.argv[1]))
c.user("test")
c.pass_("secret")
print(b"\\n".join(c.retr(1)[1]).decode())
c.quit()
"""


@pytest.mark.root
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_courier(shim, courier, protocol):
    with guarded(shim, courier, protocol) as tap:
        result = shim.python(IMAP if protocol == "imap" else POP3, tap.port).ok()
        proven(tap, protocol, result)
    assert TEXT.encode() in result.out, result.show()
