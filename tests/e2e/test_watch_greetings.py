"""Mail servers on ports that no rule names: a block that names a host, an address, a program or a protocol recognizes them
by their greeting."""
import re

import pytest
from support import certs, protocols
from support.late import EACH_PROTOCOL, path, upgraded
from support.play import honest, plaintext_only
from support.protocols import IMAP, POP3
from support.tap import first_record

CLIENT = """
import os, socket, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
s.setblocking(sys.argv[2] == "blocking")
words, out = os.environb[b"WORDS"], b""
while True:
    try:
        piece = s.recv(4096)
    except BlockingIOError:
        continue
    if not piece:
        break
    if not out:
        s.sendall(words)
    out += piece
os.write(1, out)
"""


@EACH_PROTOCOL
@pytest.mark.parametrize("kind", ["blocking", "nonblocking"])
def test_greeting_on_a_port_that_no_rule_names(shim, protocol, kind):
    """The block names the host and no port. We recognize the mail server there by its greeting."""
    server = honest(protocol)
    if protocol.name == "nntp":
        server = news
    with path(server) as tap:
        shim.policy(f"match host localhost\n level secure\n ca-file {certs.authority().pem}\n")
        result = shim.python(CLIENT, tap.port, kind, env={"WORDS": protocol.words.decode()}).ok()
    upgraded(tap, protocol)
    assert re.match(protocol.upgraded, result.out), result.show()
    assert result.lines[0]["protocol"] == protocol.name


def news(s):
    """INN names itself in its greeting."""
    s.send(b"200 news.example.org InterNetNews NNRP server INN 2.7.0 ready (posting ok)\r\n")
    s.send(protocols.tagged(protocols.NNTP.yes, protocols.until_starttls(s, protocols.NNTP)))
    s.tls(certs.case("good"))
    protocols.serve(s, protocols.NNTP)


@pytest.mark.parametrize("criterion", ["protocol imap", "program python3*", "address 127.0.0.1"])
@pytest.mark.parametrize("other", [False, True], ids=["imap", "pop3"])
def test_block_by_protocol_program_or_address(shim, criterion, other):
    """We guard loopback addresses only if the block names a host or an address."""
    protocol = POP3 if other else IMAP
    guarded = criterion.startswith("address")
    with path(honest(protocol) if guarded else plaintext_only(protocol)) as tap:
        shim.policy(f"match {criterion}\n level secure\n ca-file {certs.authority().pem}\n")
        result = shim.python(CLIENT, tap.port, "blocking", env={"WORDS": protocol.words.decode()}).ok()
    if guarded:
        upgraded(tap, protocol)
    else:
        assert tap.up == protocol.words and result.log == "", result.show()


@pytest.mark.parametrize("greeting", [b"220 ftp.example.org FTP server ready\r\n", b"SSH-2.0-OpenSSH_9.2\r\n",
                                      b"200 cddb.example.org CDDBP server\r\n", b"HTTP/1.1 200 OK\r\n"],
                         ids=lambda g: g.split()[0].decode())
def test_greeting_of_another_service_is_left_alone(shim, greeting):
    def scenario(s):
        s.send(greeting)
        s.expect(b"QUIT")
        s.shut()
    with path(scenario) as tap:
        shim.policy("match host localhost\n level secure\n")
        result = shim.python(CLIENT, tap.port, "blocking", env={"WORDS": "QUIT\r\n"}).ok()
    assert tap.up == b"QUIT\r\n" and result.out == greeting and result.log == "", result.show()


def test_program_that_speaks_first_is_left_alone(shim):
    def scenario(s):
        s.expect(b"GET / HTTP/1.0")
        s.send(b"+OK HTTP/1.0\r\n")
        s.shut()
    code = """
import socket, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
s.sendall(b"GET / HTTP/1.0\\r\\n")
print(s.recv(100).decode(), end="")
"""
    with path(scenario) as tap:
        shim.policy("match host localhost\n level secure\n")
        result = shim.python(code, tap.port).ok()
    assert tap.up == b"GET / HTTP/1.0\r\n" and result.out == b"+OK HTTP/1.0\r\n" and result.log == "", result.show()


def test_without_such_a_block_no_greeting_counts(shim):
    """We do not touch what no rule covers."""
    with path(plaintext_only(IMAP)) as tap:
        shim.policy("level secure\nmatch host localhost port 1\n level secure\n")
        result = shim.python(CLIENT, tap.port, "blocking", env={"WORDS": IMAP.words.decode()}).ok()
    assert tap.up == IMAP.words and first_record(tap.up) is None and result.log == "", result.show()
