"""Threat K1: data that the program writes while another of its threads connects must not reach the network in clear, nor
data from a call that was made before connect() and still waits in the kernel. For each call that writes, threads write on
the descriptor and on a duplicate, and a forked child writes on the shared socket. Sixty connections each, or 500 with
RETROTLS_SOAK=1 (`make soak`); only those count in which a call that writes was under way during connect()."""
import contextlib
import re

import pytest
from support import certs, faults, protocols
from support.hostile import Gone, Hostile
from support.late import EACH_PROTOCOL, path, upgraded
from support.play import honest
from support.protocols import POP3, SECRET, SENDER
from support.shim import PROGRAMS
from support.tap import Tap, first_record

RUNS = 500 if faults.is_soak() else 60
pytestmark = pytest.mark.timeout(3600 if faults.is_soak() else 180)

CALLS = ("send", "sendto", "sendmsg", "sendmmsg", "write", "writev", "sendfile", "splice")
LEVELS = ("may", "encrypt", "secure", "fingerprint")


def connect_and_write(shim, protocol, level, call, runs):
    """Runs early_writers until `runs` connections count, and asserts that the recorder saw only STARTTLS and TLS."""
    def scenario(s):
        protocols.upgrade(s, protocol, certs.case("good"))
        with contextlib.suppress(Gone):
            while True:
                s.send(protocols.tagged(protocol.answer(s.line()), b"x"))

    more = [f"fingerprint {certs.case('good').spki_sha256}"] if level == "fingerprint" else ["name localhost"]
    with Hostile(scenario) as server, Tap(server.address) as tap:
        shim.guard(tap.port, level, protocol.name, *more)
        result = shim.run(PROGRAMS / "early_writers", tap.port, runs, call, timeout=10 * runs + 60).ok()
        tap.wait_closed()
        server.wait_done()
    connections, raced = map(int, result.out.split())
    if faults.is_soak():
        print(f"{protocol.name}, {level}, {call}: {connections} connections, {raced} of them raced")
    assert raced == runs and len(tap.recordings) == connections, f"{len(tap.recordings)} recorded\n{result.show()}"
    tap.never_saw(SECRET, b"NOOP")
    tap.saw_only_tls_after(protocol.preamble)


@pytest.mark.parametrize("level", ["encrypt", "secure"] if faults.is_soak() else ["secure"])
@pytest.mark.parametrize("call", [*CALLS, "waiting"])
def test_writers_beside_connect(shim, call, level):
    connect_and_write(shim, POP3, level, call, RUNS)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
@pytest.mark.parametrize("call", ["mixed", "waiting"])
def test_writers_of_all_kinds(shim, protocol, level, call):
    connect_and_write(shim, protocol, level, call, RUNS // 10)


# A child forked before connect() writes and reads after its parent has connected: through the library, and past it.
SHARED = """
import ctypes, errno, os, signal, socket, sys
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
own, words = ctypes.CDLL("libc.so.6", use_errno=True), os.environb[b"WORDS"]
def past(call, *arguments):
    if call(s.fileno(), *arguments) >= 0:
        return "done"
    return errno.errorcode[ctypes.get_errno()]
def tried(call, *arguments):
    try:
        return call(*arguments) and "done"
    except OSError as error:
        return errno.errorcode[error.errno]
s = socket.socket()
(connected, connects), (said, says) = os.pipe(), os.pipe()
if os.fork() == 0:
    os.read(connected, 1)
    answers = [tried(s.send, words), tried(s.recv, 10), tried(os.write, s.fileno(), words), past(own.write, words, len(words)),
               past(own.read, bytes(10), 10), str(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO)),
               tried(s.connect, (sys.argv[1], int(sys.argv[2])))]
    os.write(says, " ".join(answers).encode())
    os._exit(0)
s.connect((sys.argv[1], int(sys.argv[2])))
os.write(connects, b"x")
print(os.read(said, 200).decode(), flush=True)
s.recv(4096)
s.send(words)
while s.recv(4096): pass
"""


@EACH_PROTOCOL
@pytest.mark.parametrize("level", ["may", "secure"])
def test_child_that_shares_the_socket_is_told(shim, protocol, level):
    """It cannot use the connection: EPERM and a line in the log, or EPIPE and ENOTCONN past the library. The parent can."""
    with path(honest(protocol)) as tap:
        shim.guard(tap.port, level, protocol.name, "name localhost")
        result = shim.python(SHARED, "127.0.0.1", tap.port, env={"WORDS": protocol.words.decode("latin-1")}).ok()
    established = "1"  # TCP_ESTABLISHED
    assert result.out.decode().split() == ["EPERM", "EPERM", "EPERM", "EPIPE", "ENOTCONN", established,
                                                "EISCONN"], result.show()
    assert len(tap.recordings) == 1, result.show()
    upgraded(tap, protocol)
    assert sorted(line["result"] for line in result.lines) == ["failed", "tls"], result.show()
    assert re.search("another process has already taken the connection over for TLS", result.log)


# struct tcp_md5sig: the server's address, no flags, a key of four bytes, which no program can read back.
SIGNED = """
import socket, struct, sys
to = (sys.argv[1], int(sys.argv[2]))
s = socket.socket()
server = struct.pack("=H2s4s", 2, to[1].to_bytes(2, "big"), socket.inet_aton(to[0])).ljust(128, bytes(1))
try:
    s.setsockopt(socket.IPPROTO_TCP, 14, server + struct.pack("=BBHI80s", 0, 0, 4, 0, b"key!"))
except OSError:
    sys.exit(77)
s.connect(to)
"""


def test_option_that_cannot_be_carried_makes_connect_fail(shim):
    """Without the option, the connection would not be the one that was asked for. The log names the option."""
    with path(honest(POP3)) as tap:
        shim.guard(tap.port, "secure", "pop3", "name localhost")
        result = shim.python(SIGNED, "127.0.0.1", tap.port)
        if result.status == 77:
            pytest.skip("this kernel has no TCP-MD5")
    assert b"Network is unreachable" in result.err and tap.recordings == [], result.show()
    assert [line["result"] for line in result.lines] == ["failed"] and "TCP_MD5SIG" in result.log, result.show()


# Two threads connect one socket at once, to the same server.
TWO = """
import ctypes, errno, os, socket, struct, sys, threading
libc, words = ctypes.CDLL(None, use_errno=True), os.environb[b"WORDS"]
to = struct.pack("=H2s4s8x", 2, int(sys.argv[1]).to_bytes(2, "big"), bytes([127, 0, 0, 1]))
for _ in range(int(sys.argv[2])):
    s, start, said = socket.socket(), threading.Barrier(2), []
    def connect():
        start.wait()
        said.append(errno.errorcode[ctypes.get_errno()] if libc.connect(s.fileno(), to, len(to)) else "connected")
    threads = [threading.Thread(target=connect) for _ in range(2)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert "connected" in said and not {*said} - {"connected", "EISCONN", "EALREADY"}, said
    s.recv(4096)
    s.send(words)
    while s.recv(4096): pass
    s.close()
"""


def test_two_threads_connect_one_socket(shim):
    """One thread connects it, and the other learns so, as with TCP. There is one session, and none in clear."""
    times = RUNS // 2
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "pop3", "name localhost")
        shim.python(TWO, tap.port, times, env={"WORDS": POP3.words.decode()}, timeout=times + 60).ok()
        tap.wait_closed()
    sessions = [c for c in server.connections if c.over_tls]
    assert [c.over_tls for c in sessions] == [POP3.words] * times
    assert all(re.fullmatch(rb"(CAPA\r\n(STLS\r\n)?)?", r.up[:first_record(r.up)]) for r in tap.recordings), tap.transcript()
    tap.never_saw(SECRET, SENDER)
