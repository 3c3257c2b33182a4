"""Connections that connect() never saw: handed down by a connector program, received over a UNIX socket, connected
together with the first data, made by a child, on ports that no rule names. Each is looked at at its first read or
write; the recorder on the path proves what crossed in clear."""
import contextlib
import os
import random
import re
import shutil
import signal
import socket
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from support import certs, faults, loopback, protocols
from support.hostile import Hostile
from support.play import honest, plaintext_only
from support.protocols import IMAP, POP3, SECRET, SENDER, SMTP
from support.shim import PROGRAMS, PYTHON, Shim
from support.tap import Tap, first_record

EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)


@contextlib.contextmanager
def path(scenario):
    """A server that plays the scenario, and a recorder on the path to it."""
    with Hostile(scenario) as server, Tap(server.address) as tap:
        tap.server_side = server
        yield tap
        tap.wait_closed()
        server.wait_done()


def guard(shim, tap, protocol, level="secure"):
    """No name was asked for in the programs that get a connection: the policy says what the certificate must be for."""
    shim.guard(tap.port, level, protocol, "name localhost")


def handed_down(shim, tap, numbers, options, *program, **more):
    """Runs a program that a static connector, which no preload reaches, has connected."""
    return shim.run(PROGRAMS / "connector", "127.0.0.1", tap.port, numbers, *options, "--", *program, **more)


def upgraded(tap, protocol, words=None):
    """The whole session went through TLS, and what the program said was all that the server got there."""
    tap.saw_only_tls_after(protocol.preamble)
    tap.never_saw(SECRET, SENDER)
    assert tap.server_side.over_tls == (protocol.words if words is None else words)


TALK = r"""
import os, sys
words = os.environb[b"WORDS"]
out = b""
while not out.endswith(b"\n"):
    piece = os.read(0, 4096)
    if not piece:
        sys.exit("no greeting")
    out += piece
os.write(1, words)
while piece := os.read(0, 4096):
    out += piece
os.write(3, out)
"""


def talk(shim, tap, protocol, options=(), code=TALK, **more):
    """A Python program talks on the connection that it was started with, and writes what it read to a file."""
    got = shim.folder / "got"
    result = handed_down(shim, tap, "0,1", options, "sh", "-c", 'exec "$@" 3>got', "sh", PYTHON, "-c", code,
                         env={"WORDS": protocol.words.decode("latin-1")}, **more)
    return result, got.read_bytes() if got.exists() else b""


@EACH_PROTOCOL
@pytest.mark.parametrize("greeted", [False, True], ids=["before", "behind"])
def test_connection_handed_down_is_switched(shim, protocol, greeted):
    """Before the server has greeted and behind that: then the greeting waits in the socket, and the relay reads it."""
    with path(honest(protocol)) as tap:
        guard(shim, tap, protocol.name)
        result, got = talk(shim, tap, protocol, ["await"] if greeted else [])
        result.ok()
    upgraded(tap, protocol)
    assert re.match(protocol.upgraded, got), got
    assert [line["result"] for line in result.lines] == ["tls"], result.show()


BASH = r"""
IFS= read -r line
printf '%s' "$WORDS"
echo "$line" > got
exec cat >> got
"""


@pytest.mark.parametrize("protocol", [SMTP, POP3], ids=lambda p: p.name)
def test_builtin_printf_and_execed_cat_on_a_connection_handed_down(shim, protocol):
    """The shell writes with stdio, which no preload sees, and cat has inherited what the shell was given."""
    with path(honest(protocol)) as tap:
        guard(shim, tap, protocol.name)
        handed_down(shim, tap, "0,1", [], "bash", "-c", BASH, env={"WORDS": protocol.words.decode("latin-1")}).ok()
    upgraded(tap, protocol)
    assert re.match(protocol.upgraded, (shim.folder / "got").read_bytes())


def test_stdio_alone_on_a_connection_handed_down(shim):
    """Not one read or write passes the library (inews): it is switched when the program starts."""
    code = """
import ctypes, os
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fdopen(0, b"r+"))
line = ctypes.create_string_buffer(512)
libc.fgets(line, 512, stream)
words = os.environb[b"WORDS"]
libc.fwrite(words, 1, len(words), stream)
libc.fflush(stream)
got = line.value
while libc.fgets(line, 512, stream):
    got += line.value
os.write(3, got)
"""
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        result, got = talk(shim, tap, POP3, code=code)
        result.ok()
    upgraded(tap, POP3)
    assert re.match(POP3.upgraded, got)


def test_descriptors_6_and_7_of_a_connector(shim):
    """UCSPI: what tcpclient and its like hand down."""
    script = 'read -r line <&6; printf "%s" "$WORDS" >&7; { echo "$line"; cat <&6; } > got'
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        handed_down(shim, tap, "6,7", [], "bash", "-c", script,
                    env={"WORDS": POP3.words.decode("latin-1"), "PROTO": "TCP"}).ok()
    upgraded(tap, POP3)


# Each is the first that the program does with the connection, as descriptor 20: it was not looked at when the program
# started. `s` is a socket object of it, `f` a file with the words.
READS = {
    "read": "os.read(20, 4096)",
    "readv": "os.readv(20, [b])",
    "preadv2": "libc.preadv2(20, iov(b), 1, ctypes.c_long(-1), 0)",
    "recv": "s.recv(4096)",
    "recv_peek": "s.recv(4096, socket.MSG_PEEK)",
    "recvfrom": "s.recvfrom(4096)",
    "recvmsg": "s.recvmsg(4096)",
    "__read_chk": "libc.__read_chk(20, b, 4096, 4096)",
    "__recv_chk": "libc.__recv_chk(20, b, 4096, 4096, 0)",
    "__recvfrom_chk": "libc.__recvfrom_chk(20, b, 4096, 4096, 0, None, None)",
    "splice": "os.splice(20, p[1], 4096)",
}
WRITES = {
    "write": "os.write(20, words)",
    "writev": "os.writev(20, [words])",
    "pwritev2": "libc.pwritev2(20, iov(w), 1, ctypes.c_long(-1), 0)",
    "send": "s.send(words)",
    "sendto": "s.sendto(words, ('127.0.0.1', 1))",
    "sendmsg": "s.sendmsg([words])",
    "sendfile": "os.sendfile(20, f.fileno(), 0, len(words))",
    "splice": "(os.write(p[1], words), os.splice(p[0], 20, len(words)))",
}
FIRST = """
import ctypes, os, socket, tempfile
libc = ctypes.CDLL(None, use_errno=True)
words = os.environb[b"WORDS"]
s = socket.socket(fileno=20)
b, w = ctypes.create_string_buffer(4096), ctypes.create_string_buffer(words, len(words))
p = os.pipe()
f = tempfile.TemporaryFile()
f.write(words), f.flush()
def iov(buffer):
    class Piece(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
    return ctypes.byref(Piece(ctypes.addressof(buffer), len(buffer)))
"""


@pytest.mark.parametrize("call", READS)
def test_first_read_switches(shim, call):
    code = f"{FIRST}\n{READS[call]}\nos.write(20, words)\nwhile s.recv(4096): pass"
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        handed_down(shim, tap, "20", [], PYTHON, "-c", code, env={"WORDS": POP3.words.decode()}).ok()
    upgraded(tap, POP3)


@pytest.mark.parametrize("call", WRITES)
def test_first_write_switches(shim, call):
    """A program that does not wait for the greeting."""
    code = f"{FIRST}\n{WRITES[call]}\nwhile s.recv(4096): pass"
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        handed_down(shim, tap, "20", [], PYTHON, "-c", code, env={"WORDS": POP3.words.decode()}).ok()
    upgraded(tap, POP3)


def test_nonblocking_connection_handed_down(shim):
    code = """
import os, select
words, out = os.environb[b"WORDS"], b""
while True:
    select.select([20], [], [])
    try:
        piece = os.read(20, 4096)
    except BlockingIOError:
        continue
    if not piece:
        break
    if not out:
        os.write(20, words)
    out += piece
print(out.decode(), end="")
"""
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        result = handed_down(shim, tap, "20", ["await", "nonblock"], PYTHON, "-c", code,
                             env={"WORDS": POP3.words.decode()}).ok()
    upgraded(tap, POP3)
    assert re.match(POP3.upgraded, result.out)


@pytest.mark.parametrize("mode", ["0", "EPOLLET", "EPOLLONESHOT"], ids=["level", "edge", "one-shot"])
def test_epoll_set_from_before_the_first_use(shim, mode):
    """The server's greeting made the set fire, the first read finds none yet: the relay's makes it fire again."""
    code = f"""
import os, select
from select import EPOLLET, EPOLLONESHOT
words, out = os.environb[b"WORDS"], b""
sets = [select.epoll(), select.epoll()]
copy = os.dup(20)
for s, fd in zip(sets, (20, copy)):
    s.register(fd, select.EPOLLIN | {mode})
ended = False
while not ended:
    fired = [s.poll(20) for s in (sets if not out else sets[:1])]
    assert out or fired == [[(20, select.EPOLLIN)], [(copy, select.EPOLLIN)]], fired
    while True:
        try:
            piece = os.read(20, 4096)
        except BlockingIOError:
            break
        if not piece:
            ended = True
            break
        if not out:
            os.write(20, words)
        out += piece
    if {mode} == EPOLLONESHOT:
        sets[0].modify(20, select.EPOLLIN | {mode}), sets[1].modify(copy, select.EPOLLIN | {mode})
print(out.decode(), end="")
"""
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        result = handed_down(shim, tap, "20", ["await", "nonblock"], PYTHON, "-c", code,
                             env={"WORDS": POP3.words.decode()}).ok()
    upgraded(tap, POP3)
    assert re.match(POP3.upgraded, result.out), result.show()


def test_name_that_the_program_asked_for_counts_for_a_connection_that_it_received(shim):
    """A helper connects, the program knows the name; no other name is in the policy."""
    code = """
import os, socket, sys
s = socket.socket(fileno=20)
socket.getaddrinfo(sys.argv[1], int(sys.argv[2]))
_, (fd, *_), _, _ = socket.recv_fds(s, 1, 1)
os.write(fd, os.environb[b"WORDS"])
while os.read(fd, 4096): pass
"""
    for name, result_is in ("mail.example.org", "tls"), ("other.example.org", "failed"):
        shim.hosts = {name: ["127.0.0.1"]}
        with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
            shim.guard(tap.port, "secure", "pop3")
            result = handed_down(shim, tap, "20", ["pass"], PYTHON, "-c", code, name, tap.port,
                                 env={"WORDS": POP3.words.decode()}).ok()
            tap.wait_closed()
            server.wait_done()
        assert [line["result"] for line in result.lines][-1:] == [result_is], result.show()
        tap.never_saw(SECRET, SENDER)
        assert server.over_tls == (POP3.words if result_is == "tls" else b"")


def test_two_threads_make_the_first_use_at_once(shim):
    """One hands the connection over; the other finds it switched."""
    code = """
import os, threading
words, start, out = os.environb[b"WORDS"], threading.Barrier(2), []
def reader():
    start.wait()
    while piece := os.read(20, 4096):
        out.append(piece)
def writer():
    start.wait()
    os.write(20, words)
threads = [threading.Thread(target=t) for t in (reader, writer)]
[t.start() for t in threads], [t.join() for t in threads]
print(b"".join(out).decode(), end="")
"""
    for _ in range(5):
        with path(honest(POP3)) as tap:
            guard(shim, tap, "pop3")
            result = handed_down(shim, tap, "20", [], PYTHON, "-c", code, env={"WORDS": POP3.words.decode()}).ok()
        upgraded(tap, POP3)
        assert re.match(POP3.upgraded, result.out)


def test_connection_received_over_a_unix_socket(shim):
    code = """
import os, socket
s = socket.socket(fileno=20)
_, (fd, *_), _, _ = socket.recv_fds(s, 1, 1)
words, out = os.environb[b"WORDS"], os.read(fd, 4096)
os.write(fd, words)
while piece := os.read(fd, 4096):
    out += piece
print(out.decode(), end="")
"""
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        result = handed_down(shim, tap, "20", ["pass"], PYTHON, "-c", code, env={"WORDS": POP3.words.decode()}).ok()
    upgraded(tap, POP3)
    assert re.match(POP3.upgraded, result.out)


def test_connection_received_at_a_number_that_was_another_file(shim):
    """What was known of a number ends with what it was, also where libc closed it behind everybody's back."""
    code = """
import os, socket
s = socket.socket(fileno=20)
file = os.open("/etc/passwd", os.O_RDONLY)
os.read(file, 10)
os.posix_spawn("/bin/true", ["true"], {})  # libc's own descriptors come and go
os.close(file)
_, (fd, *_), _, _ = socket.recv_fds(s, 1, 1)
assert fd == file
other = os.open("/etc/passwd", os.O_RDONLY)
os.read(other, 10)
os.dup2(fd, other)
os.write(other, os.environb[b"WORDS"])
while os.read(other, 4096): pass
"""
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        handed_down(shim, tap, "20", ["pass"], PYTHON, "-c", code, env={"WORDS": POP3.words.decode()}).ok()
    upgraded(tap, POP3)


FASTOPEN = """
import os, socket, sys
words, address = os.environb[b"WORDS"], ("127.0.0.1", int(sys.argv[1]))
s = socket.socket()
if sys.argv[2] == "sendto":
    s.sendto(words, socket.MSG_FASTOPEN, address)
else:
    s.sendmsg([words], [], socket.MSG_FASTOPEN, address)
while s.recv(4096): pass
"""


@pytest.mark.parametrize("call", ["sendto", "sendmsg"])
def test_connection_made_together_with_the_first_data(shim, call):
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        shim.python(FASTOPEN, tap.port, call, env={"WORDS": POP3.words.decode()}).ok()
    upgraded(tap, POP3)


# Too late, or not ours alone.

def serve_in_clear(s):
    """Greets, and answers whatever comes."""
    s.send(POP3.greeting)
    while True:
        line = s.line()
        s.send(POP3.answer(line))
        if line == b"QUIT":
            return s.shut()


REFUSED = """
import os
for number in range(2):
    for call in (lambda: os.read(20, 10), lambda: os.write(20, os.environb[b"WORDS"])):
        try:
            print(call())
        except OSError as error:
            print(error.strerror)
"""


@pytest.mark.parametrize("level", ["encrypt", "secure"])
@pytest.mark.parametrize("options", [["read=5"], ["write=CAPA\r\n"], ["await", "read=1", "write=CAPA\r\n"]],
                         ids=["read", "written", "both"])
def test_used_before_the_shim_saw_it(shim, level, options):
    """EPERM for every call, and one line in the log; nothing of the program's goes out."""
    with path(serve_in_clear) as tap:
        guard(shim, tap, "pop3", level)
        result = handed_down(shim, tap, "20", options, PYTHON, "-c", REFUSED, env={"WORDS": POP3.words.decode()}).ok()
    assert result.out == b"Operation not permitted\n" * 4, result.show()
    tap.never_saw(SECRET)
    assert b"USER" not in tap.up
    assert [(line["result"], line["level"]) for line in result.lines] == [("failed", level)], result.show()
    assert "too late for TLS" in result.lines[0]["error"] and "start the program that connects with retrotls" in result.log


@pytest.mark.parametrize("options", [["read=5"], ["keep"]], ids=["used", "shared"])
def test_stdio_cannot_write_to_what_is_refused(shim, options):
    """The shell's printf passes no library; so the descriptor that it was started with leads nowhere."""
    with path(serve_in_clear) as tap:
        guard(shim, tap, "pop3")
        result = handed_down(shim, tap, "0,1", options, "bash", "-c", 'printf "%s" "$WORDS"; echo "$?" > got; read -r x; '
                             'echo "$x" >> got', env={"WORDS": POP3.words.decode()})
        if options == ["keep"]:
            assert result.status == 0
    assert tap.up == b"" and (shim.folder / "got").read_bytes() == b"1\n\n", result.show()
    assert b"Operation not permitted" in result.err
    assert {line["result"] for line in result.lines} == {"failed"}, result.show()


@pytest.mark.parametrize("more", [["level may"], ["testing yes"]], ids=["may", "testing"])
def test_used_before_the_shim_saw_it_where_plaintext_is_allowed(shim, more):
    with path(serve_in_clear) as tap:
        shim.policy(f"match port {tap.port}\n protocol pop3\n " + "\n ".join(more) + "\n")
        code = "import os\nos.write(20, os.environb[b'WORDS'])\nwhile os.read(20, 4096): pass"
        result = handed_down(shim, tap, "20", ["read=5"], PYTHON, "-c", code, env={"WORDS": POP3.words.decode()}).ok()
    assert tap.up == POP3.words
    assert [line["result"] for line in result.lines] == ["plaintext"], result.show()
    assert "too late for TLS" in result.lines[0]["error"]


def test_connection_that_its_parent_keeps(shim):
    """It could speak on it too, in clear, in the middle of TLS."""
    with path(serve_in_clear) as tap:
        guard(shim, tap, "pop3")
        result = handed_down(shim, tap, "20", ["keep"], PYTHON, "-c", REFUSED, env={"WORDS": POP3.words.decode()}).ok()
    assert result.out == b"Operation not permitted\n" * 4, result.show()
    assert tap.up == b""
    assert len(result.lines) == 1 and re.search(r"uses it too \(pid \d+\)", result.lines[0]["error"]), result.show()


def test_parent_of_the_child_that_connects(shim):
    """A socket made before fork() and connected by the child: the parent's copy of the number is no part of the switch,
    and a byte that the parent writes would land in the middle of TLS."""
    code = """
import os, socket, sys
words = os.environb[b"WORDS"]
s = socket.socket()
ready, done = os.pipe(), os.pipe()
if os.fork() == 0:
    s.connect(("127.0.0.1", int(sys.argv[1])))
    os.write(ready[1], b"x")
    os.read(done[0], 1)
    s.sendall(words)
    while s.recv(4096): pass
    os._exit(0)
os.read(ready[0], 1)
for call in (lambda: os.write(s.fileno(), words), lambda: os.read(s.fileno(), 1)):
    try:
        print(call())
    except OSError as error:
        print(error.strerror)
os.write(done[1], b"x")
print(os.wait()[1])
"""
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        result = shim.python(code, tap.port, env={"WORDS": POP3.words.decode()}).ok()
    assert result.out == b"Operation not permitted\nOperation not permitted\n0\n", result.show()
    upgraded(tap, POP3)


def test_copy_of_what_is_refused_is_refused(shim):
    """Also at a number that was read from before it became the copy."""
    code = """
import fcntl, os
words = os.environb[b"WORDS"]
def write(fd):
    try:
        print(os.write(fd, words))
    except OSError as error:
        print(error.strerror)
def file():
    fd = os.open("/etc/passwd", os.O_RDONLY)
    os.read(fd, 1)
    return fd
fd = file()
os.dup2(20, fd)
write(fd)
os.close(fd)
fd = file()
os.dup2(20, fd, inheritable=False)
write(fd)
os.close(fd)
fd = file()
os.close(fd)
assert os.dup(20) == fd
write(fd)
os.close(fd)
assert fcntl.fcntl(20, fcntl.F_DUPFD, fd) == fd
write(fd)
"""
    with path(serve_in_clear) as tap:
        guard(shim, tap, "pop3")
        result = handed_down(shim, tap, "20", ["read=5"], PYTHON, "-c", code, env={"WORDS": POP3.words.decode()}).ok()
    assert result.out == b"Operation not permitted\n" * 4, result.show()
    assert tap.up == b""


def test_policy_in_error_stops_a_connection_handed_down(shim):
    """The log says why. (On a usual port the greeting would; here nothing tells in which protocol's words.)"""
    with path(lambda s: s.rest()) as tap:
        shim.policy(f"match port {tap.port}\n protocol pop3\n level sekure\n")
        result, got = talk(shim, tap, POP3)
    assert tap.up == b"" and got == b"" and result.status == 1, result.show()
    assert {line["result"] for line in result.lines} == {"failed"} and "sekure" in result.log, result.show()


def test_relay_that_cannot_be_had_stops_a_connection_handed_down(shim):
    with path(serve_in_clear) as tap:
        shim.private_build()
        guard(shim, tap, "pop3")
        shim.relay.unlink()
        shim.relay.write_text("#!/nowhere\n")
        shim.relay.chmod(0o755)
        result, got = talk(shim, tap, POP3)
    assert tap.up == b"" and got == b"" and result.status != 0, result.show()
    assert {line["result"] for line in result.lines} == {"failed"}, result.show()


# Each system call of a late switch fails once: a sample, whose seed is shown, or all in `make soak`.

SEED = int(os.environ.get("RETROTLS_SEED") or random.randrange(1 << 32))
SAMPLE = 15


def late_switch(number, fault=None, trace=None):
    """A session of the careless client on a connection that it was started with; returns how it ended, the path, and
    the shim."""
    folder = Path(tempfile.mkdtemp(prefix="retrotls-late-"))
    folder.chmod(0o755)
    try:
        shim = Shim(folder)
        shim.private_build()
        tracer = ["strace", "-D", "-qq", *(["-o", trace] if trace else ["-o", "/dev/null", "-e", f"trace={fault[0]}", "-e",
                  f"inject={fault[0]}:error={fault[1]}:when={fault[2]}"]), "-E", f"LD_PRELOAD={shim.library}"]
        with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
            guard(shim, tap, "pop3")
            tap.server_side = server
            result = shim.run(PROGRAMS / "connector", "127.0.0.1", tap.port, str(number), "--", *tracer,
                              PROGRAMS / "careless", "-", str(number), "early", stdin=POP3.words, preload=False, timeout=40)
            tap.wait_closed()
            server.wait_done()
            return result, tap
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.timeout(2000)
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not there")
@pytest.mark.parametrize("number", [5, 20], ids=["at start", "at use"])
def test_each_call_of_a_late_switch_fails_once(number):
    """The session works, or the program gets an error: never a word in clear."""
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace"
        _, tap = late_switch(number, trace=trace)
        upgraded(tap, POP3)
        calls = re.findall(r"^(\w+)\((\d+)?", trace.read_text(), re.M)
    count, chosen, worked = Counter(), [], 0
    first = [call for call, _ in calls].index("getsockopt")  # what comes before is the loader's
    for index, (call, descriptor) in enumerate(calls):
        count[call] += 1
        own = call in ("read", "write", "newfstatat") and descriptor in ("0", "1", "2", str(number))  # the program's
        if index >= first and not own and call in faults.ERRORS:
            chosen.append((call, faults.ERRORS[call][0], count[call]))
    if not faults.is_soak():
        chosen = random.Random(SEED).sample(chosen, SAMPLE)
    for fault in chosen:
        what = f"seed {SEED}: {fault}"
        try:
            result, tap = late_switch(number, fault)
        except AssertionError as failure:
            raise AssertionError(what) from failure
        what += f"\n{result.show()}\n{tap.transcript()}"
        assert SECRET not in tap.up and SENDER not in tap.up, what
        assert result.status in (0, 1, 127, -signal.SIGPIPE), what  # 127: the loader's own call failed
        assert POP3.words.startswith(tap.server_side.over_tls), what
        worked += tap.server_side.over_tls == POP3.words
    assert worked, "no session worked"


# What must be left alone.

SERVER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(flush=True)
s, _ = listener.accept()
s.sendall(b"+OK hello\\r\\n")
print(s.recv(100).decode(), end="")
"""


def everything(shim):
    """A policy that guards every port of this machine."""
    shim.policy("match address 127.0.0.0/8 port 1-65535\n level secure\n")


def test_server_is_not_guarded(shim):
    """A client's port may be any; a connection that was accepted is no client's."""
    with loopback.listen() as probe:
        port = probe.getsockname()[1]
    everything(shim)
    process = shim.popen(PYTHON, "-c", SERVER, port)
    process.stdout.readline()
    with socket.create_connection(("127.0.0.1", port)) as s:
        assert s.recv(100) == b"+OK hello\r\n"
        s.sendall(b"QUIT\r\n")
        result = shim.finish(process).ok()
    assert result.out == b"QUIT\r\n" and result.log == "", result.show()


@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
def test_server_that_inetd_starts_is_not_guarded(shim, used):
    everything(shim)
    with loopback.listen() as listener, socket.create_connection(listener.getsockname()) as client:
        accepted, _ = listener.accept()
        with accepted:
            if used:
                accepted.sendall(b"+OK hello\r\n")
                client.sendall(b"USER x\r\n")
                assert accepted.recv(100) == b"USER x\r\n"
                deadline = time.monotonic() + 10
                while not client.recv(100, socket.MSG_PEEK) and time.monotonic() < deadline:
                    pass
            process = shim.popen("sh", "-c", "read -r line; echo got $line", stdin=accepted, stdout=accepted)
        client.sendall(b"QUIT\r\n")
        result = shim.finish(process).ok()
        received = b""
        while piece := client.recv(100):
            received += piece
    assert received.endswith(b"got QUIT\r\n") and result.log == "", result.show()


def test_a_sandbox_of_the_programs_own(shim):
    """On what is no connection that the policy may guard, no system call is made that the program did not make: one that
    its sandbox forbids would kill it."""
    shim.policy("level secure\n")
    result = shim.run(PROGRAMS / "strict").ok()
    assert result.out == b"alive\n", result.show()


def test_connection_that_no_rule_is_about(shim):
    with path(serve_in_clear) as tap:
        shim.policy(f"match port {tap.port + 1 if tap.port < 65535 else 1}\n level secure\n")
        result, got = talk(shim, tap, POP3)
        result.ok()
    assert tap.up == POP3.words and got.startswith(POP3.greeting) and result.log == "", result.show()


# Ports that no rule names.

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
    """A block that names the host and no port: the mail server there is found by its greeting."""
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
    """INN's greeting says what it is."""
    s.send(b"200 news.example.org InterNetNews NNRP server INN 2.7.0 ready (posting ok)\r\n")
    s.send(protocols.tagged(protocols.NNTP.yes, protocols.until_starttls(s, protocols.NNTP)))
    s.tls(certs.case("good"))
    protocols.serve(s, protocols.NNTP)


@pytest.mark.parametrize("criterion", ["protocol imap", "program python3*", "address 127.0.0.1"])
@pytest.mark.parametrize("other", [False, True], ids=["imap", "pop3"])
def test_block_by_protocol_program_or_address(shim, criterion, other):
    """Loopback addresses only where the block names a host or an address."""
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
    """Everything that no rule is about is untouched."""
    with path(plaintext_only(IMAP)) as tap:
        shim.policy("level secure\nmatch host localhost port 1\n level secure\n")
        result = shim.python(CLIENT, tap.port, "blocking", env={"WORDS": IMAP.words.decode()}).ok()
    assert tap.up == IMAP.words and first_record(tap.up) is None and result.log == "", result.show()
