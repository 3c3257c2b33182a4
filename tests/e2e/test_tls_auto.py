"""`tls auto`, the default: STARTTLS where the server has it; else, and also where its port is closed or silent, TLS from the
first byte on another port of the same host, with the same check of the certificate. Whoever closes a port, or strips
STARTTLS, gains nothing."""
import contextlib
import re
import socket
import time
from pathlib import Path

import pytest
from support import certs, loopback, protocols
from support.hostile import Hostile
from support.play import honest, plaintext_only
from support.protocols import IMAP, POP3, SECRET, SENDER
from support.shim import PROGRAMS, PYTHON
from support.tap import Tap, is_tls
from support.wait import wait_for
from test_ways import immediate

NONBLOCKING = """
import select, socket, sys
words = sys.stdin.buffer.read()
s = socket.socket()
s.setblocking(False)
error = s.connect_ex((sys.argv[1], int(sys.argv[2])))
if error == 115:
    select.select([], [s], [])
    error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
if error:
    sys.exit(f"connect: {error}")
assert s.getpeername() == (sys.argv[1], int(sys.argv[2])), s.getpeername()
s.setblocking(True)
got = s.recv(4096)
s.sendall(words)
while got:
    sys.stdout.buffer.write(got)
    got = s.recv(4096)
"""


def blocking(shim, *where, **options):
    return shim.run(PROGRAMS / "careless", *where, **options)


def nonblocking(shim, *where, **options):
    return shim.run(PYTHON, "-c", NONBLOCKING, *where, **options)


def supervised(shim, *where, **options):
    return shim.run(shim.command, "--supervise", PROGRAMS / "careless-static", *where, preload=False, **options)


def supervised_nonblocking(shim, *where, **options):
    return shim.run(shim.command, "--supervise", PYTHON, "-c", NONBLOCKING, *where, preload=False, **options)


WAYS = pytest.mark.parametrize("way", [blocking, nonblocking, supervised, supervised_nonblocking],
                               ids=lambda way: way.__name__)
LEVELS = pytest.mark.parametrize("level", ["secure", "encrypt", "may"])


class Place:
    """The two ports of one host, each with a recorder on the path to it if there is a server."""

    def __init__(self, stack, first=None, other=None):
        self.stack, self.host = stack, loopback.own_address()
        self.servers, self.taps = {}, {}
        self.first, self.other = self._port("first", first), self._port("other", other)

    def _port(self, which, what):
        """`what`: a scenario, "silent", or None for a port that refuses."""
        if what is None:
            bound = self.stack.enter_context(loopback.refusing_port(self.host))
            return bound.getsockname()[1]
        if what == "silent":
            listener, filler = loopback.full_listener(self.host)
            self.stack.callback(listener.close)
            self.stack.callback(filler.close)
            return listener.getsockname()[1]
        self.servers[which] = self.stack.enter_context(Hostile(what))
        self.taps[which] = self.stack.enter_context(Tap(self.servers[which].address, host=self.host))
        return self.taps[which].port

    def wait(self):
        for which, tap in self.taps.items():
            tap.wait_closed()
            self.servers[which].wait_done()

    def never_saw(self, *secrets):
        for tap in self.taps.values():
            tap.never_saw(*secrets)


@pytest.fixture
def place(shim):
    """Makes a place whose certificates are for `localhost`, and a policy without a line for tls."""
    with contextlib.ExitStack() as stack:
        def make(first, other, level="secure", protocol=IMAP, *more):
            where = Place(stack, first, other)
            shim.guard(where.first, level, protocol.name, f"implicit-port {where.other}", "name localhost", *more)
            return where
        yield make


def over_other_port(where, result, protocol=IMAP, level="secure"):
    """The session went over TLS from the first byte, and the log says so."""
    where.wait()
    server, tap = where.servers["other"], where.taps["other"]
    assert server.over_tls == protocol.words, result.show()
    assert is_tls(tap.up) and is_tls(tap.down), tap.transcript()
    assert result.out.startswith(protocol.greeting or protocol.offers_not), result.show()
    (line,) = result.lines
    assert (line["result"], line["tls"], line["via"], line["port"]) == \
        ("tls", "implicit", str(where.other), str(where.first)), result.show()
    where.never_saw(SECRET, SENDER)


@WAYS
def test_starttls_where_it_is_offered(shim, place, way):
    where = place(honest(IMAP), immediate(IMAP))
    result = way(shim, where.host, where.first, stdin=IMAP.words).ok()
    where.wait()
    assert where.servers["first"].over_tls == IMAP.words and not where.servers["other"].connections, result.show()
    assert result.lines[0]["tls"] == "starttls" and "via" not in result.lines[0], result.show()


@WAYS
@pytest.mark.parametrize("first", [None, "silent", plaintext_only(IMAP)], ids=["closed", "silent", "no STARTTLS"])
@LEVELS
def test_else_tls_from_the_first_byte(shim, place, way, first, level):
    where = place(first, immediate(IMAP), level)
    began = time.monotonic()
    result = way(shim, where.host, where.first, stdin=IMAP.words).ok()
    took = time.monotonic() - began
    over_other_port(where, result)
    assert int(result.lines[0]["ms"]) < 5000, f"{took} s\n{result.show()}"


@pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "no STARTTLS"])
def test_every_protocol(shim, place, protocol, closed):
    where = place(None if closed else plaintext_only(protocol), immediate(protocol), "secure", protocol)
    result = blocking(shim, where.host, where.first, stdin=protocol.words).ok()
    over_other_port(where, result, protocol)


@WAYS
@pytest.mark.parametrize("other", [None, "silent"], ids=["closed", "silent"])
def test_two_ports_that_fail_report_the_first(shim, place, way, other):
    """At once if both refuse; a silent one costs two seconds."""
    where = place(None, other)
    began = time.monotonic()
    result = way(shim, where.host, where.first, stdin=IMAP.words)
    assert result.err in (b"connect: Connection refused\n", b"connect: 111\n"), result.show()
    assert time.monotonic() - began < (2 if other is None else 10), result.show()


def test_a_program_with_several_addresses_goes_on_to_the_next(shim, place):
    """The first one refuses on both ports."""
    where = place(honest(POP3), immediate(POP3), "secure", POP3)
    shim.hosts = {"mail.example.org": [loopback.own_address(), where.host]}
    result = shim.python("""
import socket, sys
s = socket.create_connection(("mail.example.org", int(sys.argv[1])))
print(s.makefile("rb").readline())
""", where.first).ok()
    where.wait()
    assert b"+OK retrotls ready" in result.out, result.show()


@WAYS
@pytest.mark.parametrize("first", [None, "silent", plaintext_only(IMAP)], ids=["closed", "silent", "no STARTTLS"])
@pytest.mark.parametrize("case", ["self-signed", "other host", "expired"])
def test_the_other_port_needs_the_same_certificate(shim, place, way, first, case):
    where = place(first, immediate(IMAP, certs.case(case)))
    result = way(shim, where.host, where.first, stdin=IMAP.words).ok()
    where.wait()
    assert re.fullmatch(IMAP.failure, result.out) and f"port {where.other}".encode() in result.out, result.show()
    assert result.lines[0]["result"] == "failed", result.show()
    where.never_saw(SECRET, SENDER)


def test_a_bad_certificate_behind_starttls_is_final(shim, place):
    """A server that has STARTTLS is the one that was asked for: nobody else is asked."""
    where = place(honest(IMAP, certs.case("self-signed")), immediate(IMAP))
    result = blocking(shim, where.host, where.first, stdin=IMAP.words).ok()
    where.wait()
    assert re.fullmatch(IMAP.failure, result.out) and not where.servers["other"].connections, result.show()
    where.never_saw(SECRET, SENDER)


@WAYS
@pytest.mark.parametrize("other", [None, "silent", plaintext_only(IMAP)], ids=["closed", "silent", "plaintext"])
def test_no_tls_on_either_port(shim, place, way, other):
    """Where TLS is demanded, the program reads why. At `may` it goes on in plaintext, after a short wait."""
    def end(s):
        with contextlib.suppress(AssertionError):  # a ClientHello is no line of this protocol
            (other or plaintext_only(IMAP))(s)
    where = place(plaintext_only(IMAP), end if callable(other) else other, "secure", IMAP, "timeout 2", "greeting-timeout 2")
    result = way(shim, where.host, where.first, stdin=IMAP.words).ok()
    where.wait()
    assert re.fullmatch(IMAP.failure, result.out), result.show()
    assert str(where.other).encode() in result.out, result.show()
    where.never_saw(SECRET, SENDER)


@WAYS
@pytest.mark.parametrize("other", [None, "silent"], ids=["closed", "silent"])
@pytest.mark.parametrize("policy", [("may",), ("secure", "testing yes")], ids=["may", "testing"])
def test_plaintext_where_the_policy_allows_it(shim, place, way, other, policy):
    where = place(plaintext_only(IMAP), other, policy[0], IMAP, *policy[1:])
    result = way(shim, where.host, where.first, stdin=IMAP.words).ok()
    where.wait()
    assert where.servers["first"].clear.endswith(IMAP.words), result.show()
    assert result.out.startswith(IMAP.greeting) and result.lines[0]["result"] == "plaintext", result.show()
    assert int(result.lines[0]["ms"]) < 5000 and str(where.other) in result.lines[0]["error"], result.show()


@WAYS
def test_plaintext_goes_on_if_the_other_port_has_no_tls(shim, place, way):
    def other(s):
        with contextlib.suppress(AssertionError):
            plaintext_only(IMAP)(s)
    where = place(plaintext_only(IMAP), other, "may")
    result = way(shim, where.host, where.first, stdin=IMAP.words).ok()
    where.wait()
    assert where.servers["first"].clear.endswith(IMAP.words), result.show()
    assert SECRET not in where.taps["other"].clear_up(), result.show()


@WAYS
def test_tls_starttls_asks_nobody_else(shim, place, way):
    where = place(None, immediate(IMAP), "secure", IMAP, "tls starttls")
    result = way(shim, where.host, where.first, stdin=IMAP.words)
    assert result.err in (b"connect: Connection refused\n", b"connect: 111\n"), result.show()
    assert not where.servers["other"].connections


@pytest.mark.parametrize("port", [25, 4190, 24])
def test_protocols_without_such_a_port(shim, port):
    """Mail exchangers, LMTP and ManageSieve have STARTTLS alone."""
    shim.policy(f"match port {port}\n    level secure\n")
    result = blocking(shim, loopback.own_address(), port)
    assert result.err in (b"connect: Connection refused\n", b"connect: Permission denied\n"), result.show()
    explained = shim.run(shim.command, "explain", f"mail.example.org:{port}", preload=False).ok()
    assert "auto" in explained.out.decode(), explained.show()


OPTIONS = """
import select, socket, sys
s = socket.socket()
s.setblocking(False)
s.connect_ex((sys.argv[1], int(sys.argv[2])))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
select.select([], [s], [])
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE), s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
      s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
s.setblocking(True)
s.recv(100)
"""


def test_options_set_while_the_first_was_connecting(shim, place):
    """They hold for the connection that there is in the end."""
    where = place("silent", immediate(IMAP))
    assert shim.python(OPTIONS, where.host, where.first).ok().out == b"77 1 0\n"


BOUND = """
import socket, sys
s = socket.socket()
s.bind((sys.argv[3], 0))
s.connect((sys.argv[1], int(sys.argv[2])))
print(*s.getsockname())
s.recv(100)
"""


@pytest.mark.parametrize("first", [None, "silent"], ids=["closed", "silent"])
def test_source_address_and_port(shim, place, first):
    """What the program has bound its socket to counts for either connection."""
    where = place(first, immediate(IMAP))
    source = loopback.own_address()
    result = shim.python(BOUND, where.host, where.first, source).ok()
    where.wait()
    address, port = result.out.decode().split()
    assert where.taps["other"].recordings[0].peer[:2] == (address, int(port)) and address == source, result.show()


def test_library_and_supervisor_at_once(shim, place):
    """The relay has the supervisor's filter, and the monitor's connect() passes through it."""
    where = place(None, immediate(IMAP))
    shim.policy_file.write_text("reach both\n" + shim.policy_file.read_text())
    result = shim.careless(where.host, where.first, IMAP.words, command=True).ok()
    over_other_port(where, result)


CALLED_OFF = """
import ctypes, os, socket, struct, sys
s = socket.socket()
s.setblocking(False)
s.connect_ex((sys.argv[1], int(sys.argv[2])))
nowhere = bytes(16)
assert ctypes.CDLL(None).connect(s.fileno(), nowhere, 16) == 0
print(s.connect_ex((sys.argv[1], int(sys.argv[3]))))
s.close()
"""


def test_a_connection_called_off(shim, place):
    """connect() to AF_UNSPEC gives the socket back, whatever the relay waits for."""
    where = place("silent", "silent")
    assert shim.python(CALLED_OFF, where.host, where.first, where.first).ok().out == b"115\n"


def connecting_to(host, port):
    """How many sockets of this machine wait for an answer from there (SYN_SENT)."""
    there = f"{socket.htonl(int.from_bytes(socket.inet_aton(host), 'big')):08X}:{port:04X}"
    return sum(line.split()[2:4] == [there, "02"] for line in Path("/proc/net/tcp").read_text().splitlines())


def test_a_first_port_that_answers_late_ends_the_wait_for_the_other(shim, place):
    """The connection that nobody needs any more does not last as long as the session."""
    where = place("silent", "silent")
    listener, filler = loopback.full_listener(where.host)
    with listener, filler:
        port = listener.getsockname()[1]
        shim.guard(port, "secure", "imap", f"implicit-port {where.other}", "name localhost")
        program = shim.popen(PYTHON, "-c", BOUND + "sys.stdin.read()", where.host, port, loopback.own_address(), stdin=-1)
        wait_for(lambda: connecting_to(where.host, where.other) == 1, "the second connection")
        listener.accept()[0].close()
        with listener.accept()[0] as server:
            assert connecting_to(where.host, where.other) == 1
            server.sendall(b"* BYE go away\r\n")
            wait_for(lambda: connecting_to(where.host, where.other) == 0, "its end")
        shim.finish(program)


@pytest.mark.parametrize("first", [None, plaintext_only(IMAP)], ids=["closed", "no STARTTLS"])
def test_real_server(shim, dovecot, first):
    from support.servers.dovecot import message
    user = dovecot.mailbox(message("hello", "the cat sat"))
    with contextlib.ExitStack() as stack:
        where = Place(stack, first)
        tap = stack.enter_context(Tap((dovecot.address, dovecot.implicit_ports["imap"]), host=where.host))
        shim.guard(where.first, "secure", "imap", f"implicit-port {tap.port}")
        shim.hosts = {"mail.example.org": [where.host]}
        result = shim.run("curl", "-sS", "-u", f"{user}:secret",
                          f"imap://mail.example.org:{where.first}/INBOX;MAILINDEX=1").ok()
        tap.wait_closed()
        where.wait()
    assert b"the cat sat" in result.out and is_tls(tap.up) and is_tls(tap.down), result.show()
