"""Connections whose connect() the library never saw: inherited from a connector program, received over a UNIX socket, or
connected together with the first data. We switch each at its first read or write at the latest. The recorder on the path
proves what crossed in clear."""
import re

import pytest
from support.hostile import Hostile
from support.late import EACH_PROTOCOL, guard, handed_down, path, serve_in_clear, talk, upgraded
from support.play import honest
from support.protocols import POP3, SECRET, SENDER
from support.shim import PYTHON
from support.tap import Tap

@EACH_PROTOCOL
@pytest.mark.parametrize("greeted", [False, True], ids=["before", "behind"])
def test_connection_handed_down_is_switched(shim, protocol, greeted):
    """Both before and after the server's greeting. After it, the greeting waits in the socket, and the relay reads it."""
    with path(honest(protocol)) as tap:
        guard(shim, tap, protocol.name)
        result, got = talk(shim, tap, protocol, ["await"] if greeted else [])
        result.ok()
    upgraded(tap, protocol)
    assert re.match(protocol.upgraded, got), got
    assert [line["result"] for line in result.lines] == ["tls"], result.show()


def test_descriptors_6_and_7_of_a_connector(shim):
    """UCSPI: tcpclient and similar programs hand down these descriptors."""
    script = 'read -r line <&6; printf "%s" "$WORDS" >&7; { echo "$line"; cat <&6; } > got'
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        handed_down(shim, tap, "6,7", [], "bash", "-c", script,
                    env={"WORDS": POP3.words.decode("latin-1"), "PROTO": "TCP"}).ok()
    upgraded(tap, POP3)


# Each is the program's first use of a connection that the library did not see: libc's own connect() made it.
# `s` is its socket object, `fd` its number, `f` a file with the words.
STANDARD = "dup2 to standard output"
READS = {
    "read": "os.read(fd, 4096)",
    "readv": "os.readv(fd, [b])",
    "preadv2": "libc.preadv2(fd, iov(b), 1, ctypes.c_long(-1), 0)",
    "recv": "s.recv(4096)",
    "recv_peek": "s.recv(4096, socket.MSG_PEEK)",
    "recvfrom": "s.recvfrom(4096)",
    "recvmsg": "s.recvmsg(4096)",
    "recvmmsg": "libc.recvmmsg(fd, header(b), 1, 0, None)",
    "__read_chk": "libc.__read_chk(fd, b, 4096, 4096)",
    "__recv_chk": "libc.__recv_chk(fd, b, 4096, 4096, 0)",
    "__recvfrom_chk": "libc.__recvfrom_chk(fd, b, 4096, 4096, 0, None, None)",
    "splice": "os.splice(fd, p[1], 4096)",
    "sendfile": "os.sendfile(p[1], fd, None, 10)",
    "aio_read": "aio(libc.aio_read, b)",
    "fdopen": "libc.fgets(b, 4096, stream(fd))",
}
WRITES = {
    "write": "os.write(fd, words)",
    "writev": "os.writev(fd, [words])",
    "pwritev2": "libc.pwritev2(fd, iov(w), 1, ctypes.c_long(-1), 0)",
    "send": "s.send(words)",
    "sendto": "s.sendto(words, ('127.0.0.1', 1))",
    "sendmsg": "s.sendmsg([words])",
    "sendmmsg": "libc.sendmmsg(fd, header(w), 1, 0)",
    "sendfile": "os.sendfile(fd, f.fileno(), 0, len(words))",
    "splice": "(os.write(p[1], words), os.splice(p[0], fd, len(words)))",
    "dprintf": "libc.dprintf(fd, b'%s', words)",
    "__dprintf_chk": "libc.__dprintf_chk(fd, 1, b'%s', words)",
    "aio_write": "aio(libc.aio_write, w)",
    "lio_listio": "lio(w)",
    "fdopen": "write_stream(fd)",
    "_IO_fdopen": "write_stream(fd, libc._IO_fdopen)",
    STANDARD: "(os.dup2(fd, 1), libc.printf(b'%s', words), libc.fflush(None))",
}
FIRST = """
import ctypes, os, socket, struct, sys, tempfile
own, libc = ctypes.CDLL("libc.so.6"), ctypes.CDLL(None, use_errno=True)
words = os.environb[b"WORDS"]
s = socket.socket()
fd = s.fileno()
assert own.connect(fd, struct.pack("=H2s4s8x", 2, int(sys.argv[1]).to_bytes(2, "big"), bytes([127, 0, 0, 1])), 16) == 0
b, w = ctypes.create_string_buffer(4096), ctypes.create_string_buffer(words, len(words))
p = os.pipe()
f = tempfile.TemporaryFile()
f.write(words), f.flush()
class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
class Request(ctypes.Structure):  # struct aiocb
    _fields_ = [("fd", ctypes.c_int), ("opcode", ctypes.c_int), ("priority", ctypes.c_int), ("buffer", ctypes.c_void_p),
                ("size", ctypes.c_size_t), ("rest", ctypes.c_char * 200)]
kept = []
def keep(it):
    kept.append(it)
    return it
def iov(buffer):
    return ctypes.byref(keep(Piece(ctypes.addressof(buffer), len(buffer))))
def header(buffer):  # struct mmsghdr
    piece = keep(Piece(ctypes.addressof(buffer), len(buffer)))
    return keep(ctypes.create_string_buffer(struct.pack("@PIPNPNiI", 0, 0, ctypes.addressof(piece), 1, 0, 0, 0, 0), 64))
def request(buffer, opcode=0):
    made = keep(Request(fd, opcode, 0, ctypes.addressof(buffer), len(buffer)))
    made.rest = struct.pack("<iI", 0, 1)  # SIGEV_NONE, behind a value of 8 bytes
    return made
def done(made):
    while libc.aio_error(ctypes.byref(made)) == 115: pass
    return libc.aio_return(ctypes.byref(made))
def aio(call, buffer):
    made = request(buffer)
    return call(ctypes.byref(made)) or done(made)
def lio(buffer):
    made = request(buffer, 1)  # LIO_WRITE
    return libc.lio_listio(0, (ctypes.c_void_p * 1)(ctypes.addressof(made)), 1, None) or done(made)
def stream(fd, call=libc.fdopen):
    call.restype = ctypes.c_void_p
    made = call(fd, b"r+")
    if not made:
        raise OSError(ctypes.get_errno(), "fdopen")
    return ctypes.c_void_p(made)
def write_stream(fd, call=libc.fdopen):
    to = stream(fd, call)
    return libc.fwrite(words, 1, len(words), to), libc.fflush(to)
def domain():
    value, size = ctypes.c_int(-1), ctypes.c_uint(4)
    assert own.getsockopt(fd, 1, 39, ctypes.byref(value), ctypes.byref(size)) == 0
    return value.value
assert domain() == socket.AF_INET
"""


def first_use(shim, tap, code):
    return shim.python(f"{FIRST}\n{code}", tap.port, env={"WORDS": POP3.words.decode()})


@pytest.mark.parametrize("call", READS)
def test_first_read_switches(shim, call):
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        first_use(shim, tap, f"{READS[call]}\nassert domain() == socket.AF_UNIX\nos.write(fd, words)\n"
                  "while s.recv(4096): pass").ok()
    upgraded(tap, POP3)


@pytest.mark.parametrize("call", WRITES)
def test_first_write_switches(shim, call):
    """The program does not wait for the greeting."""
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        first_use(shim, tap, f"{WRITES[call]}\nassert domain() == socket.AF_UNIX\nwhile s.recv(4096): pass").ok()
    upgraded(tap, POP3)


@pytest.mark.parametrize("call", sorted({*READS, *WRITES} - {STANDARD}))
def test_first_use_that_comes_too_late_is_refused(shim, call):
    """EPERM, and nothing goes out, because the program has read a byte without the library."""
    code = f"""
while own.recv(fd, b, 1, 0) != 1: pass
try:
    result = {(READS | WRITES)[call]}
    done = result not in (-1, None) and not (isinstance(result, tuple) and -1 in result)
    print("done" if done else os.strerror(ctypes.get_errno()))
except OSError as error:
    print(error.strerror if error.strerror != "fdopen" else os.strerror(error.errno))
assert domain() == socket.AF_INET
"""
    with path(serve_in_clear) as tap:
        guard(shim, tap, "pop3")
        result = first_use(shim, tap, code).ok()
    assert tap.up == b"", result.show()
    assert result.out == b"Operation not permitted\n", result.show()
    assert [line["result"] for line in result.lines] == ["failed"], result.show()


def session_of(shim, code):
    """A good session of a Python program that inherits a nonblocking connection as number 20, after the server's greeting."""
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        result = handed_down(shim, tap, "20", ["await", "nonblock"], PYTHON, "-c", code,
                             env={"WORDS": POP3.words.decode()}).ok()
    upgraded(tap, POP3)
    assert re.match(POP3.upgraded, result.out), result.show()


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
    session_of(shim, code)


@pytest.mark.parametrize("mode", ["0", "EPOLLET", "EPOLLONESHOT"], ids=["level", "edge", "one-shot"])
def test_epoll_set_from_before_the_first_use(shim, mode):
    """The server's greeting made the set fire, but the first read finds nothing yet. The relay's greeting makes it fire again."""
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
    session_of(shim, code)


def test_name_that_the_program_asked_for_counts_for_a_connection_that_it_received(shim):
    """A helper connects, but the program looks up the name. The policy has no name."""
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
    """What we know about a number must not outlive the file behind it, even if libc closes that without our seeing it."""
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
import ctypes, os, socket, struct, sys
words, address = os.environb[b"WORDS"], ("127.0.0.1", int(sys.argv[1]))
s = socket.socket()
if sys.argv[2] == "sendto":
    s.sendto(words, socket.MSG_FASTOPEN, address)
elif sys.argv[2] == "sendmsg":
    s.sendmsg([words], [], socket.MSG_FASTOPEN, address)
else:
    to = ctypes.create_string_buffer(struct.pack("=H2s4s8x", 2, address[1].to_bytes(2, "big"), bytes([127, 0, 0, 1])), 16)
    what = ctypes.create_string_buffer(words, len(words))
    piece = ctypes.create_string_buffer(struct.pack("@PN", ctypes.addressof(what), len(words)), 16)
    message = struct.pack("@PIPNPNiI", ctypes.addressof(to), 16, ctypes.addressof(piece), 1, 0, 0, 0, 0)
    assert ctypes.CDLL(None).sendmmsg(s.fileno(), ctypes.create_string_buffer(message, 64), 1, socket.MSG_FASTOPEN) == 1
while s.recv(4096): pass
"""


@pytest.mark.parametrize("call", ["sendto", "sendmsg", "sendmmsg"])
def test_connection_made_together_with_the_first_data(shim, call):
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        shim.python(FASTOPEN, tap.port, call, env={"WORDS": POP3.words.decode()}).ok()
    upgraded(tap, POP3)
