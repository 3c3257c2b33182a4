"""A program that writes and does not wait: a script on /dev/tcp, a monitoring check, nc. TCP delivers what a program wrote
before close(), whatever happens to the program. So does the relay, although it has to negotiate first and the program has
ended by then. The server here says nothing before that."""
import dataclasses
import errno
import threading

import pytest
from support import certs, protocols
from support.hostile import Hostile
from support.play import plaintext_only
from support.protocols import IMAP, SMTP
from support.shim import PYTHON
from support.tap import Tap
from support.wait import wait_for

ENDS = ["close", "shutdown", "half-close", "exit", "kill"]
LEVELS = ["may", "encrypt", "secure", "fingerprint"]
PROGRAM = """
import os, signal, socket, sys
port, end, words = int(sys.argv[1]), sys.argv[2], open("words", "rb").read()
s = socket.create_connection(("localhost", port))
for piece in words.splitlines(True) if len(words) < 1000 else [words]:
    s.sendall(piece)
if end == "close": s.close()
if end == "shutdown": s.shutdown(socket.SHUT_RDWR)
if end == "half-close": s.shutdown(socket.SHUT_WR)
if end == "kill": os.kill(os.getpid(), signal.SIGKILL)
if end == "linger": s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1] + 7 * [0])); s.close()
print("ended", flush=True)
if end != "exit": sys.stdin.read()
os._exit(0)
"""


class Late:
    """A scenario that begins once the program has ended its connection."""

    def __init__(self, scenario):
        self.scenario = scenario
        self.ended = threading.Event()

    def __call__(self, s):
        assert self.ended.wait(60)
        self.scenario(s)


def honest(protocol, certificate="good"):
    def scenario(s):
        protocols.upgrade(s, protocol, certs.case(certificate))
        protocols.serve(s, protocol)
    return scenario


def session(shim, protocol, scenario, level, end, words=None, *policy):
    """Runs the program against `scenario`; returns the server, the tap and the result once everything has ended."""
    words = protocol.words if words is None else words
    late = Late(scenario)
    (shim.folder / "words").write_bytes(words)
    with Hostile(late) as server, Tap(server.address) as tap:
        shim.guard(tap.port, level, protocol.name, *policy)
        shim.hosts = {"localhost": ["127.0.0.1"]}
        process = shim.popen(PYTHON, "-c", PROGRAM, tap.port, end, stdin=-1)
        assert process.stdout.readline() == (b"" if end == "kill" else b"ended\n")
        if end in ("exit", "kill"):
            process.wait(30)
        late.ended.set()
        server.wait_done()
        result = shim.finish(process)
        tap.wait_closed()
        wait_for(lambda: not shim.relays(), "the relay to end")
        return server, tap, dataclasses.replace(result, log=shim.log(), lines=shim.log_lines())


def fingerprint(level):
    return [f"fingerprint {certs.case('good').sha256}"] if level == "fingerprint" else []


# All ends for SMTP and for the level `secure`; for all other protocols and levels, the two ends that differ most.
CASES = [(protocol, level, end) for protocol in protocols.ALL for level in LEVELS for end in ENDS
         if protocol is SMTP or level == "secure" or end in ("close", "kill")]


@pytest.mark.parametrize("protocol, level, end", CASES, ids=lambda value: getattr(value, "name", value))
def test_what_was_written_before_the_end_arrives(shim, protocol, level, end):
    shim.private_build()
    server, tap, result = session(shim, protocol, honest(protocol), level, end, None, *fingerprint(level))
    assert server.over_tls == protocol.words, f"{tap.transcript()}\n{result.show()}"
    tap.saw_only_tls_after(protocol.preamble)
    tap.never_saw(protocols.SECRET, protocols.SENDER)
    assert [line["result"] for line in result.lines] == ["tls"], result.show()


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
def test_at_may_it_arrives_in_plaintext_too(shim, protocol, end):
    shim.private_build()
    server, tap, result = session(shim, protocol, plaintext_only(protocol), "may", end)
    assert tap.up.endswith(protocol.words), f"{tap.transcript()}\n{result.show()}"
    assert [line["result"] for line in result.lines] == ["plaintext"], result.show()


@pytest.mark.parametrize("protocol, level, end", [case for case in CASES if case[1] in ("secure", "fingerprint")],
                         ids=lambda value: getattr(value, "name", value))
def test_it_is_discarded_where_tls_fails_and_the_log_says_so(shim, protocol, level, end):
    shim.private_build()
    server, tap, result = session(shim, protocol, honest(protocol, "expired"), level, end, None, *fingerprint(level))
    assert server.over_tls == b"", f"{tap.transcript()}\n{result.show()}"
    tap.never_saw(protocols.SECRET, protocols.SENDER)
    line, = result.lines
    assert line["result"] == "failed", result.show()
    if end != "half-close":  # such a program still reads the failure
        assert line["discarded"] == str(len(protocol.words)), result.show()


@pytest.mark.parametrize("protocol, end", [(protocol, end) for protocol in protocols.ALL for end in ENDS
                                           if protocol is not protocols.SIEVE and end != "half-close"],
                         ids=lambda value: getattr(value, "name", value))
def test_so_it_is_where_another_service_answers_inside_tls(shim, protocol, end):
    """That service has seen at most the program's first command, if that holds no secret, and not the rest."""
    shim.private_build()

    def scenario(s):
        protocols.upgrade(s, protocol, certs.case("good"))
        s.question = None
        s.line()
        s.send(b"HTTP/1.1 400 Bad Request\r\n")
        s.rest()
    server, tap, result = session(shim, protocol, scenario, "secure", end)
    heard = 0 if protocol.question else len(protocol.words.splitlines(True)[0])
    assert protocols.SECRET not in server.over_tls, result.show()
    assert [line["result"] for line in result.lines] == ["tls", "failed"], result.show()
    assert result.lines[1]["discarded"] == str(len(protocol.words) - heard), result.show()


@pytest.mark.parametrize("end", ENDS)
def test_much_arrives_whole(shim, end):
    """As much as the socketpair takes before the relay reads the first byte."""
    shim.private_build()
    words = b"EHLO careless\r\n" + b"".join(b"NOOP %06d\r\n" % number for number in range(7600)) + b"QUIT\r\n"
    server, tap, result = session(shim, SMTP, honest(SMTP), "secure", end, words)
    assert server.over_tls == words, f"{len(server.over_tls)} bytes\n{result.show()}"


@pytest.mark.parametrize("end", ["close", "shutdown", "exit", "kill", "linger"])
def test_who_has_said_nothing_is_let_go_at_once(shim, end):
    """The relay also lets go at once if the program wants its data dropped (SO_LINGER, 0 seconds)."""
    shim.private_build()
    gone = []

    def scenario(s):
        s.rest()
        gone.append(s.clear)
    server, tap, result = session(shim, IMAP, scenario, "secure", end, b"a1 LOGOUT\r\n" if end == "linger" else b"",
                                  "timeout 120", "greeting-timeout 120")
    assert gone == [b""], tap.transcript()
    line, = result.lines
    assert line["result"] == "failed" and "program closed its connection" in line["error"], result.show()
    assert int(line["ms"]) < 60_000, result.show()


def test_a_script_of_bash(shim):
    """The typical example: `exec 3<>/dev/tcp/...; printf ... >&3; exec 3>&-`."""
    shim.private_build()
    late = Late(honest(SMTP))
    with Hostile(late) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "smtp")
        shim.hosts = {"localhost": ["127.0.0.1"]}
        script = f"exec 3<>/dev/tcp/localhost/{tap.port}; printf 'HELO x\\r\\nQUIT\\r\\n' >&3; exec 3>&-"
        result = shim.run("/bin/bash", "-c", script)
        late.ended.set()
        server.wait_done()
        tap.wait_closed()
    assert server.over_tls == b"HELO x\r\nQUIT\r\n", f"{tap.transcript()}\n{result.show()}"


LOOP = """
import select, socket, sys
s = socket.socket()
s.setblocking(False)
print(s.connect_ex(("127.0.0.1", int(sys.argv[1]))), flush=True)
select.select([], [s], [])
s.send(b"HELO x\\r\\n")
s.send(b"QUIT\\r\\n")
s.close()
"""


def test_a_loop_that_waits_for_its_connect_alone(shim):
    """It writes as soon as the socket is writable, then closes, like asynchat's close_when_done()."""
    shim.private_build()
    late = Late(honest(SMTP))
    with Hostile(late) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "fingerprint", "smtp", *fingerprint("fingerprint"))
        result = shim.python(LOOP, tap.port)
        late.ended.set()
        server.wait_done()
        tap.wait_closed()
    assert result.out == f"{errno.EINPROGRESS}\n".encode(), result.show()
    assert server.over_tls == b"HELO x\r\nQUIT\r\n", f"{tap.transcript()}\n{result.show()}"


@pytest.mark.parametrize("end", ["close", "exit", "kill"])
@pytest.mark.parametrize("implicit", [False, True], ids=["dialogue", "handshake"])
def test_to_the_server_a_silent_end_is_one_in_order(shim, implicit, end):
    """The server gets an end of file, as over TCP, not a reset. There is no Tap, so the end comes from the relay itself."""
    shim.private_build()
    ends = []

    def scenario(s):
        try:
            while s.socket.recv(4096):
                pass
            ends.append("end of file")
        except OSError as error:
            ends.append(error)
    (shim.folder / "words").write_bytes(b"")
    with Hostile(scenario) as server:
        shim.guard(server.port, "secure", "imap", *(["tls implicit", f"connect-to 127.0.0.1:{server.port}"] if implicit else []))
        shim.hosts = {"localhost": ["127.0.0.1"]}
        result = shim.run(PYTHON, "-c", PROGRAM, server.port, end)
        server.wait_done()
    assert ends == ["end of file"], result.show()
