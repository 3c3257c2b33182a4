"""connect() reports what TCP would: on IPv4 and IPv6, with fallback to the next address, for each outcome of a nonblocking one."""
import json
import os
import signal
import socket

import pytest
from support import certs, loopback, protocols
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP, POP3, SECRET
from support.shim import PROGRAMS, PYTHON
from support.tap import Tap
from support.wait import wait_for


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
def test_ipv4_and_ipv6(shim, protocol, address):
    if address == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6 loopback address")
    shim.hosts = {"mail.example.org": [address]}
    with Hostile(honest(protocol, certs.issued("mail.example.org"))) as server, \
            Tap(server.address, host=address) as tap:
        shim.guard(tap.port, "secure", protocol.name)
        result = shim.careless("mail.example.org", tap.port, protocol.words).ok()
        tap.wait_closed()
        server.wait_done()
    assert server.over_tls == protocol.words, result.show()
    tap.saw_only_tls_after(protocol.preamble)


def test_numeric_ipv6_host_needs_an_ip_san(shim):
    if not has_ipv6():
        pytest.skip("this machine has no IPv6 loopback address")
    for certificate, good in (certs.issued(addresses=["::1"]), True), (certs.issued("localhost"), False):
        with Hostile(honest(IMAP, certificate)) as server, Tap(server.address, host="::1") as tap:
            shim.guard(tap.port, "secure", "imap")
            result = shim.careless("::1", tap.port, IMAP.words).ok()
            tap.wait_closed()
            server.wait_done()
        assert (server.over_tls == IMAP.words) == good, result.show()


def test_first_address_refuses_and_the_second_works(shim):
    """The program sees ECONNREFUSED as from TCP itself, and goes on to the next address."""
    first, second = loopback.own_address(), loopback.own_address()
    shim.hosts = {"mail.example.org": [first, second]}
    with Hostile(honest(IMAP, certs.issued("mail.example.org"))) as server, \
            Tap(server.address, host=second) as tap:
        shim.guard(tap.port, "secure", "imap")
        result = shim.careless("mail.example.org", tap.port, IMAP.words).ok()
        tap.wait_closed()
        server.wait_done()
    assert result.err == b"connect: Connection refused\nread: end of stream\n", result.show()
    assert server.over_tls == IMAP.words


@pytest.mark.parametrize("program", ["curl", "python"])
def test_real_programs_fall_back_to_the_next_address(shim, dovecot, program):
    """curl's connect() is nonblocking; the one of Python's library blocks."""
    from support.servers.dovecot import message
    first, second = loopback.own_address(), loopback.own_address()
    shim.hosts = {"mail.example.org": [first, second]}
    user = dovecot.mailbox(message("hello", "the cat sat"))
    with Tap(dovecot.at("pop3"), host=second) as tap:
        shim.guard(tap.port, "secure", "pop3")
        if program == "curl":
            result = shim.run("curl", "-sS", "-u", f"{user}:secret", f"pop3://mail.example.org:{tap.port}/1")
        else:
            result = shim.python(
                "import poplib, sys\nc = poplib.POP3('mail.example.org', int(sys.argv[1]))\nc.user(sys.argv[2])\n"
                "c.pass_('secret')\nprint(c.retr(1))\nc.quit()", tap.port, user)
        assert b"the cat sat" in result.ok().out
        tap.wait_closed()
    tap.never_saw(b"secret", b"the cat sat")


NONBLOCKING = r"""
import errno, json, os, select, socket, sys
address, port, wait = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
socket.getaddrinfo("mail.example.org", port)
report = []
def note(what, value):
    report.append([what, value])
def name(number):
    return errno.errorcode.get(number, number)
s = socket.socket()
s.setblocking(False)
before = s.fileno()
poll = select.poll()
poll.register(s, select.POLLIN | select.POLLOUT)
note("connect", name(s.connect_ex((address, port))))
note("number kept", s.fileno() == before)
if "probe" in sys.argv:  # takes a pending error away
    note("second connect at once", name(s.connect_ex((address, port))))
    try:
        s.getpeername()
        note("getpeername while pending", "a name")
    except OSError as error:
        note("getpeername while pending", name(error.errno))
poll = select.poll()
poll.register(s, select.POLLOUT)
events = poll.poll(wait * 1000)
note("events", [[n for n in ("POLLIN", "POLLOUT", "POLLERR", "POLLHUP") if mask & getattr(select, n)]
                for _, mask in events])
if events:
    note("SO_ERROR", name(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)))
    note("SO_ERROR again", name(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)))
    try:
        note("getpeername", s.getpeername() == (address, port))
    except OSError as error:
        note("getpeername", name(error.errno))
    if report[-1][1] is True:
        note("third connect", name(s.connect_ex((address, port))))
        note("fourth connect", name(s.connect_ex((address, port))))
        s.setblocking(True)
        f = s.makefile("rwb", buffering=0)
        note("greeting", f.readline().decode())
        f.write(b"a1 LOGOUT\r\n")
        note("rest", f.read().decode())
print(json.dumps(report))
"""


def nonblocking(shim, address, port, wait=30, *probe, **options):
    result = shim.python(NONBLOCKING, address, port, wait, *probe, **options).ok()
    return dict(json.loads(result.out)), result


def test_nonblocking_connect_that_succeeds(shim):
    shim.hosts = {"mail.example.org": ["127.0.0.1"]}

    def scenario(s):
        protocols.upgrade(s, IMAP, certs.issued("mail.example.org"))
        protocols.serve(s, IMAP)
    with Hostile(scenario) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "imap")
        seen, result = nonblocking(shim, "127.0.0.1", tap.port)
        tap.wait_closed()
    assert seen["connect"] == "EINPROGRESS" and seen["number kept"], result.show()
    assert seen["events"] == [["POLLOUT"]], result.show()
    assert seen["SO_ERROR"] == 0 and seen["getpeername"] is True, result.show()
    assert seen["fourth connect"] == "EISCONN", result.show()
    assert seen["greeting"].startswith("* OK ") and "BYE" in seen["rest"], result.show()
    tap.saw_only_tls_after(IMAP.preamble)


def test_nonblocking_connect_that_is_refused_looks_like_tcp(shim):
    """poll, SO_ERROR and getpeername must give the same results as on a bare TCP socket."""
    shim.hosts = {"mail.example.org": ["127.0.0.1"]}
    with loopback.refusing_port() as refusing:
        port = refusing.getsockname()[1]
        shim.guard(port, "secure", "imap")
        with_shim, result = nonblocking(shim, "127.0.0.1", port)
        without, _ = nonblocking(shim, "127.0.0.1", port, preload=False)
    assert with_shim == without, result.show()
    assert with_shim["SO_ERROR"] == "ECONNREFUSED", result.show()


SECOND = """
import errno, select, socket, sys
to = (sys.argv[1], int(sys.argv[2]))
s = socket.socket()
s.setblocking(False)
said = [s.connect_ex(to)]
select.select([], [s], [])
print(*(errno.errorcode.get(e, e) for e in [*said, s.connect_ex(to), s.connect_ex(to)]))
"""


def test_second_connect_of_what_the_policy_leaves_alone(shim):
    """A rule names the port, but not this address. A second connect() returns 0 once, as the kernel's does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        shim.policy(f"match port {port} address 192.0.2.1\n    protocol imap\n    level secure\n")
        said = [shim.python(SECOND, "127.0.0.1", port, preload=preload).ok().out for preload in (True, False)]
    assert said == [b"EINPROGRESS 0 EISCONN\n"] * 2


@pytest.fixture
def silent_port():
    """A listener whose queue is full. Linux drops further SYNs, so a connect() to it stays pending."""
    listener, filler = loopback.full_listener(loopback.own_address())
    yield listener.getsockname()
    for each in (listener, filler):
        each.close()


def test_nonblocking_connect_that_times_out(shim, silent_port):
    """The descriptor stays quiet: neither poll nor getpeername reports a connection."""
    shim.hosts = {"mail.example.org": [silent_port[0]]}
    shim.guard(silent_port[1], "secure", "imap")
    seen, result = nonblocking(shim, *silent_port, 1, "probe")
    assert seen["connect"] == "EINPROGRESS" and seen["second connect at once"] == "EALREADY", result.show()
    assert seen["getpeername while pending"] == "ENOTCONN" and seen["events"] == [], result.show()


def test_blocking_connect_with_a_time_limit_times_out(shim, silent_port):
    """SO_SNDTIMEO limits connect() as on TCP. The attempt then continues without blocking."""
    code = """
import errno, select, socket, struct, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 300000))
started = time.monotonic()
print(errno.errorcode[s.connect_ex((sys.argv[1], int(sys.argv[2])))], 0.2 < time.monotonic() - started < 20)
print(errno.errorcode[s.connect_ex((sys.argv[1], int(sys.argv[2])))])
p = select.poll()
p.register(s, select.POLLOUT)
print(p.poll(0))
"""
    shim.guard(silent_port[1], "secure", "imap")
    with_shim = shim.python(code, *silent_port).ok()
    without = shim.python(code, *silent_port, preload=False).ok()
    assert with_shim.out == without.out and with_shim.out.startswith(b"EINPROGRESS True"), with_shim.show()


def test_connect_interrupted_by_a_signal_whose_handler_leaves_by_longjmp(shim, silent_port):
    """Old programs limit connect() with alarm() and a handler that calls siglongjmp(). However often they do, nothing leaks."""
    shim.guard(silent_port[1], "secure", "imap")
    result = shim.run(PROGRAMS / "longjmp", silent_port[0], silent_port[1], 20).ok()
    first, last = map(int, result.out.split())
    assert last <= first, f"descriptors before and after: {first}, {last}\n{result.show()}"


KILLED_RELAY = """
import os, socket, sys
s = socket.socket()
if sys.argv[4:]: s.setsockopt(socket.IPPROTO_IP, int(sys.argv[4]), 1)
print(s.fileno(), os.readlink(f"/proc/self/fd/{s.fileno()}"), flush=True)
try:
    s.connect((sys.argv[1], int(sys.argv[2])))
except OSError as error:
    print(error.strerror, flush=True)
try:
    s.connect(("127.0.0.1", int(sys.argv[3])))
except OSError as error:
    sys.exit(error.strerror)
s.sendall(os.environb[b"WORDS"])
while s.recv(4096): pass
"""


def kill_relay_while_connect_waits(shim, silent_port, tap, *option):
    """The program then connects the same socket to the tap's port. Returns the program's result."""
    shim.private_build()
    shim.policy(f"match port {silent_port[1]} {tap.port}\n protocol pop3\n level secure\n name localhost\n "
                f"ca-file {certs.authority().pem}\n")
    process = shim.popen(PYTHON, "-c", KILLED_RELAY, *silent_port, tap.port, *option, env={"WORDS": POP3.words.decode()})
    number, before = process.stdout.readline().decode().split()
    wait_for(lambda: os.readlink(f"/proc/{process.pid}/fd/{number}") != before, "the descriptor to be switched")
    for relay in shim.relays():
        os.kill(relay, signal.SIGKILL)
    return shim.finish(process)


def test_relay_that_is_killed_while_connect_waits(shim, silent_port):
    """connect() fails, but the same socket can connect again: it has sent nothing to anyone."""
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        result = kill_relay_while_connect_waits(shim, silent_port, tap).ok()
        tap.wait_closed()
        server.wait_done()
    assert result.out == b"Network is unreachable\n", result.show()
    assert [line["result"] for line in result.lines] == ["failed", "tls"], result.show()
    assert server.over_tls == POP3.words
    tap.never_saw(SECRET)


def test_relay_that_is_killed_takes_options_with_it(shim, silent_port):
    """An option that decides the connection's way through the network is lost with the relay. connect() must fail without it."""
    ip_freebind = 15
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        result = kill_relay_while_connect_waits(shim, silent_port, tap, ip_freebind)
    assert result.out == b"Network is unreachable\n" and result.err == b"Network is unreachable\n", result.show()
    assert tap.recordings == [] and [line["result"] for line in result.lines] == ["failed"], result.show()
    assert "the socket that had IP_FREEBIND; the program has to make a new one" in result.log, result.show()
