"""Ways to a server other than STARTTLS at the port that the program names: the protocol detected from the greeting, TLS from
the first byte, another port or host."""
import os
import re

import pytest
from support import certs, loopback, protocols
from support.hostile import Hostile
from support.play import honest, plaintext_only, play
from support.protocols import IMAP, SIEVE, SMTP
from support.tap import Tap, is_tls

EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
LEVELS = pytest.mark.parametrize("level", ["secure", "encrypt", "may"])


def by_greeting(shim, port, level):
    shim.guard(port, level, "auto")


@EACH_PROTOCOL
@LEVELS
def test_greeting_tells_the_protocol(shim, protocol, level):
    with Hostile(honest(protocol)) as server, Tap(server.address) as tap:
        by_greeting(shim, tap.port, level)
        result = shim.careless("localhost", tap.port, protocol.words).ok()
        tap.wait_closed()
        server.wait_done()
    assert re.match(protocol.upgraded, result.out) and server.over_tls == protocol.words, result.show()
    tap.saw_only_tls_after(protocol.preamble)
    assert result.lines[0]["protocol"] == protocol.name


@pytest.mark.parametrize("protocol", [IMAP, SMTP], ids=lambda p: p.name)
def test_rule_for_a_port_and_a_protocol_does_not_wait_for_the_greeting(shim, protocol):
    """Nobody on the path can disable the rule with another greeting."""
    with Hostile(honest(protocol)) as server, Tap(server.address) as tap:
        shim.policy(f"ca-file {certs.authority().pem}\nmatch port {tap.port} protocol imap\n    level secure\n")
        result = shim.careless("localhost", tap.port, protocol.words).ok()
        tap.wait_closed()
        server.wait_done()
    assert server.over_tls == protocol.words, result.show()
    tap.saw_only_tls_after(protocol.preamble)


@EACH_PROTOCOL
@LEVELS
def test_failure_comes_in_the_protocol_that_the_greeting_told(shim, protocol, level):
    with Hostile(plaintext_only(protocol)) as server, Tap(server.address) as tap:
        by_greeting(shim, tap.port, level)
        result = shim.careless("localhost", tap.port, protocol.words).ok()
        tap.wait_closed()
        server.wait_done()
    if level == "may":
        assert server.clear.endswith(protocol.words), result.show()
    else:
        assert re.fullmatch(protocol.failure, result.out), result.show()
        tap.never_saw(protocols.SECRET, protocols.SENDER)


@LEVELS
@pytest.mark.parametrize("greeting", [b"220 ftp.example.org FTP server ready\r\n", b"220 (vsFTPd 3.0.3)\r\n",
                                      b"SSH-2.0-OpenSSH_9.2\r\n", b"RFB 003.008\n", b"+PONG\r\n",
                                      b"HTTP/1.1 400 Bad Request\r\n"], ids=lambda g: g.decode().strip())
def test_greeting_of_no_mail_server(shim, level, greeting):
    """Plaintext if the level allows it; otherwise none of the program's data goes out. There is no protocol in which to give the
    reason, so the connection is reset, and the log has the reason."""
    words = b"USER test\r\nPASS " + protocols.SECRET + b"\r\nQUIT\r\n"

    def scenario(s):
        s.send(greeting)
        while s.line() != b"QUIT":
            pass
        s.send(b"bye\r\n")
    with Hostile(scenario) as server, Tap(server.address) as tap:
        by_greeting(shim, tap.port, level)
        result = shim.careless("localhost", tap.port, words)
        tap.wait_closed()
        server.wait_done()
    if level == "may":
        assert result.out == greeting + b"bye\r\n" and tap.up == words, result.show()
        assert result.lines[0]["result"] == "plaintext", result.show()
    else:
        assert tap.up == b"" and result.out == b"", result.show()
        assert result.err.startswith(b"read: Connection reset by peer\n"), result.show()
        assert result.lines[0]["result"] == "failed" and "no mail greeting" in result.log, result.show()


def immediate(protocol, certificate=None):
    """A scenario: TLS from the first byte, then the greeting."""
    def scenario(s):
        s.tls(certificate or certs.case("good"))
        s.send(protocol.greeting or protocol.offers_not)
        protocols.serve(s, protocol)
    return scenario


@EACH_PROTOCOL
@LEVELS
@pytest.mark.parametrize("to", ["port", "host and port"])
def test_implicit_tls(shim, protocol, level, to):
    """The program connects to a port where nobody listens; the connection goes to the port for TLS. The program gets the
    server's own greeting unchanged, and getpeername() returns the address that it asked for."""
    elsewhere = loopback.own_address()
    shim.hosts = {"localhost": ["127.0.0.1"], "mail.example.org": [elsewhere]}
    with Hostile(immediate(protocol)) as server, loopback.refusing_port() as closed, \
            Tap(server.address, host=elsewhere if to != "port" else "127.0.0.1") as tap:
        port = closed.getsockname()[1]
        target = tap.port if to == "port" else f"mail.example.org:{tap.port}"
        shim.guard(port, level, protocol.name, "tls implicit", f"connect-to {target}")
        result = shim.careless("localhost", port, protocol.words).ok()
        tap.wait_closed()
        server.wait_done()
    assert server.over_tls == protocol.words, result.show()
    assert result.out.startswith(protocol.greeting or protocol.offers_not), result.show()
    assert is_tls(tap.up) and is_tls(tap.down), tap.transcript()


@EACH_PROTOCOL
@pytest.mark.parametrize("case", ["expired", "other host", "self-signed"])
def test_implicit_tls_with_a_bad_certificate(shim, protocol, case):
    with Hostile(immediate(protocol, certs.case(case))) as server, loopback.refusing_port() as closed, \
            Tap(server.address) as tap:
        port = closed.getsockname()[1]
        shim.guard(port, "secure", protocol.name, "tls implicit", f"connect-to {tap.port}")
        result = shim.careless("localhost", port, protocol.words).ok()
        tap.wait_closed()
        server.wait_done()
    assert re.fullmatch(protocol.failure, result.out) and server.over_tls == b"", result.show()
    assert is_tls(tap.up), tap.transcript()


@EACH_PROTOCOL
@LEVELS
def test_implicit_tls_and_a_server_that_speaks_first_in_plaintext(shim, protocol, level):
    """Even the level `may` does not allow this, because the policy asks for TLS from the first byte."""
    with Hostile(plaintext_only(protocol)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, level, protocol.name, "tls implicit", f"connect-to {tap.port}", "timeout 2",
                   "greeting-timeout 2")
        result = shim.careless("localhost", tap.port, protocol.words).ok()
        tap.wait_closed()
        for connection in server.connections:
            connection.close()
        server.errors.clear()  # a ClientHello is not a line of this protocol
    assert re.fullmatch(protocol.failure, result.out), result.show()
    tap.never_saw(protocols.SECRET, protocols.SENDER)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to listen at ports below 1024; connect-to stands for it")
@pytest.mark.parametrize("protocol,port", [("imap", 993), ("pop3", 995), ("smtp", 465), ("nntp", 563)])
def test_implicit_tls_goes_to_the_well_known_port(shim, protocol, port):
    spoken = next(p for p in protocols.ALL if p.name == protocol)
    address = loopback.own_address()
    shim.hosts = {"localhost": [address]}
    with Hostile(immediate(spoken)) as server, Tap(server.address, host=address, port=port) as tap:
        shim.guard(12345, "secure", protocol, "tls implicit")
        result = shim.careless("localhost", 12345, spoken.words).ok()
        tap.wait_closed()
    assert server.over_tls == spoken.words, result.show()


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_implicit_tls_with_a_real_server(shim, dovecot, protocol):
    from support.servers.dovecot import message
    user = dovecot.mailbox(message("hello", "the cat sat"))
    shim.hosts = {"mail.example.org": ["127.0.0.1"]}
    with Tap((dovecot.address, dovecot.implicit_ports[protocol])) as tap, loopback.refusing_port() as closed:
        port = closed.getsockname()[1]
        shim.guard(port, "secure", protocol, "tls implicit", f"connect-to {tap.port}")
        url = {"imap": f"imap://mail.example.org:{port}/INBOX;MAILINDEX=1", "pop3": f"pop3://mail.example.org:{port}/1"}
        result = shim.run("curl", "-sS", "-u", f"{user}:secret", url[protocol]).ok()
        tap.wait_closed()
    assert b"the cat sat" in result.out and is_tls(tap.up) and is_tls(tap.down), result.show()


@EACH_PROTOCOL
def test_connect_to_works_with_starttls_too(shim, protocol):
    with Hostile(honest(protocol)) as server, loopback.refusing_port() as closed, Tap(server.address) as tap:
        port = closed.getsockname()[1]
        shim.guard(port, "secure", protocol.name, f"connect-to {tap.port}")
        result = shim.careless("localhost", port, protocol.words).ok()
        tap.wait_closed()
        server.wait_done()
    assert server.over_tls == protocol.words, result.show()
    tap.saw_only_tls_after(protocol.preamble)


PEER = """
import socket, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
f = s.makefile("rwb", buffering=0)
f.readline()
print(s.getpeername())
f.write(b"a1 LOGOUT\\r\\n")
f.read()
"""


def test_getpeername_tells_what_the_program_asked_for(shim):
    elsewhere = loopback.own_address()
    shim.hosts = {"localhost": ["127.0.0.1"], "mail.example.org": [elsewhere]}
    with Hostile(immediate(IMAP)) as server, Tap(server.address, host=elsewhere) as tap, \
            loopback.refusing_port() as closed:
        port = closed.getsockname()[1]
        shim.guard(port, "secure", "imap", "tls implicit", f"connect-to mail.example.org:{tap.port}")
        assert shim.python(PEER, port).ok().out.decode().strip() == f"('127.0.0.1', {port})"


def test_sieve_client_that_pipelines_before_reading_does_not_deadlock(shim):
    """It sends before it has read the capability list that comes after TLS."""
    play(shim, SIEVE, honest(SIEVE), "secure", early=True,
         words=b"CAPABILITY\r\n" * 2000 + SIEVE.words).tap.never_saw(protocols.SECRET)


def test_ehlo_names_the_address_of_the_local_socket(shim):
    """RFC 5321, 4.1.3: the relay does not know the program's host name."""
    outcome = play(shim, SMTP, honest(SMTP), "secure").upgraded()
    assert outcome.tap.up.startswith(b"EHLO [127.0.0.1]\r\n"), outcome.show()


def test_server_that_knows_helo_only_offers_nothing(shim):
    def scenario(s):
        s.send(SMTP.greeting)
        while True:
            line = s.line()
            s.send(b"502 no\r\n" if line.upper().startswith(b"EHLO") else SMTP.answer(line))
            if line == b"QUIT":
                return s.shut()
    play(shim, SMTP, scenario, "may").in_clear()
    shim.log_file.unlink()
    play(shim, SMTP, scenario, "encrypt").failed("localhost")
