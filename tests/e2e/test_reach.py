"""How a program is guarded: `retrotls` chooses by what the program is made of, the policy's `reach` and the options can
override that, and `doctor` says which it will be. However the program is reached, no byte goes out in clear."""
import os
import re
import shutil
import socket
import subprocess

import pytest
from support import certs, loopback
from support.hostile import Hostile
from support.play import honest, play
from support.protocols import POP3, SECRET
from support.shim import COMMAND, PROGRAMS, PYTHON, Shim
from support.tap import Tap

STATIC, RAW, PLAIN = PROGRAMS / "careless-static", PROGRAMS / "careless-raw", PROGRAMS / "careless"
WORDS = b"FPC 3.2.2+dfsg-20 [2023/03/30] for x86_64 - Linux"


class Chosen(Shim):
    """Runs the careless client with `retrotls` and these `options`."""
    way, options, reach = (STATIC,), (), ""

    def careless(self, host, port, words, *more, **options):
        return self.start(*self.way, host, port, *more, stdin=words, **options)

    def start(self, *arguments, **options):
        return self.run(self.command, *self.options, *arguments, preload=False, **options)

    def policy(self, text):
        super().policy(f"{self.reach}\n{text}")

    def doctor(self, program):
        result = self.run(self.command, "doctor", program, preload=False)
        return result.status, " ".join(result.out.decode().split())


@pytest.fixture
def shim(tmp_path):
    return Chosen(tmp_path)


@pytest.mark.parametrize("program", [STATIC, RAW], ids=["static", "without connect()"])
def test_what_a_preload_does_not_reach_is_supervised(shim, program):
    shim.way = (program,)
    play(shim, POP3, honest(POP3), "secure", "name localhost").upgraded()


@pytest.mark.parametrize("program", [STATIC, RAW], ids=["static", "without connect()"])
def test_supervised_without_being_asked_a_program_gets_nothing_from_a_wrong_certificate(shim, program):
    shim.way = (program,)
    play(shim, POP3, honest(POP3, certs.case("other host")), "secure", "name localhost").failed("certificate|name")


def test_a_program_that_connects_by_libc_has_the_library(shim):
    """The policy needs no `name`: the library knows which name the program asked for."""
    shim.way = (PLAIN,)
    play(shim, POP3, honest(POP3), "secure").upgraded()


@pytest.mark.parametrize("reach, options, program, supervised", [
    ("", ("--supervise",), PLAIN, True), ("reach supervise", (), PLAIN, True), ("reach preload", ("--supervise",), PLAIN, True),
    ("reach supervise", ("--no-supervise",), PLAIN, False),
    ("match program careless\n reach supervise", (), PLAIN, True), ("match program other\n reach supervise", (), PLAIN, False),
    ("match program careless-static user nobody-here\n reach preload", (), STATIC, True)])
def test_policy_and_options(shim, reach, options, program, supervised):
    shim.reach, shim.options = "", options
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "pop3")
        shim.policy_file.write_text(shim.policy_file.read_text() + reach + "\n" if reach.startswith("match") else
                                    reach + "\n" + shim.policy_file.read_text())
        result = shim.start(program, "localhost", tap.port, stdin=POP3.words)
        tap.wait_closed()
        tap.never_saw(SECRET)
        assert (b"cannot be seen from outside" in result.out) == supervised, result.show()


@pytest.mark.parametrize("reach, options", [("reach preload", ()), ("", ("--no-supervise",))])
def test_without_a_supervisor_such_a_program_is_refused(shim, reach, options):
    shim.reach, shim.options = reach, options
    shim.policy("")
    result = shim.start(STATIC, "localhost", 1)
    assert result.status == 126 and b"statically linked" in result.err and b"--supervise" in result.err, result.show()


def test_reach_of_a_connection_is_an_error(shim):
    shim.policy("match host mail.example\n    reach both\n")
    result = shim.start(PLAIN, "localhost", 1)
    assert result.status == 126 and b"before it has a connection" in result.err, result.show()


# ---- both

LIBC = "import socket, sys\nprint(socket.create_connection((sys.argv[1], int(sys.argv[2]))).recv(200).decode())"
RAW_CALL = """
import ctypes, socket, struct, sys
s = socket.socket()
at = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", int(sys.argv[2]), socket.inet_aton("127.0.0.1"))
libc = ctypes.CDLL("libc.so.6", use_errno=True)  # libc's own syscall(), which the library does not see
if libc.syscall(%d, s.fileno(), at, len(at), 0, 0, 0) != 0:
    print("failed", ctypes.get_errno())
else:
    print(s.getpeername()[1], s.recv(200).decode())
""" % {"x86_64": 42}.get(os.uname().machine, 203)


@pytest.mark.parametrize("code, how", [(LIBC, "the library"), (RAW_CALL, "the supervisor")], ids=["libc", "system call"])
def test_both_guard(shim, code, how):
    """The library knows the name. The supervisor serves what the library does not see, and needs the policy's `name`."""
    shim.reach = "reach both"
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "pop3", *(["name localhost"] if how == "the supervisor" else []))
        result = shim.start(PYTHON, "-c", code, "localhost", tap.port).ok()
        tap.wait_closed()
        server.wait_done()
        assert b"+OK" in result.out and server.clear.count(b"STLS") == 1, result.show()
        tap.saw_only_tls_after(POP3.preamble)
        assert [line["result"] for line in result.lines] == ["tls"], result.log


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the program's system call is x86-64's")
@pytest.mark.parametrize("function", ["getsockopt", "setsockopt", "getsockname", "getpeername", "shutdown", "ioctl", "connect"])
def test_the_librarys_mark_does_not_stay_in_a_register(shim, function):
    """The program's next raw system call would send it, and the supervisor would let that call through."""
    shim.reach = "reach both"
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "pop3", "name localhost")
        result = shim.start(PROGRAMS / "stale_registers", tap.host, tap.port, SECRET.decode(), function).ok()
        tap.wait_closed()
        assert b"+OK retrotls" in result.out, result.show()
        tap.never_saw(SECRET)


BY_SYSCALL = """
import ctypes, os, socket, struct, sys
s = socket.socket()
at = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", int(sys.argv[2]), socket.inet_aton(socket.gethostbyname(sys.argv[1])))
libc = ctypes.CDLL(None, use_errno=True)
words, read = sys.argv[3].encode(), ctypes.create_string_buffer(200)
CONNECT, WRITE, READ = (42, 1, 0) if os.uname().machine == "x86_64" else (203, 64, 63)
assert libc.syscall(CONNECT, s.fileno(), at, len(at), 0, 0, 0) == 0
assert libc.syscall(WRITE, s.fileno(), words, len(words), 0, 0, 0) == len(words)
print(libc.syscall(READ, s.fileno(), read, 200, 0, 0, 0), read.value.decode())
"""


@pytest.mark.parametrize("case, result", [("good", "tls"), ("other host", "failed")])
def test_the_library_sees_calls_by_syscall(shim, case, result):
    """Not one of the calls that move bytes is libc's own function: nothing else would make the library look at the socket."""
    shim.options = ("--no-supervise",)
    with Hostile(honest(POP3, certs.case(case))) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "pop3")
        seen = shim.start(PYTHON, "-c", BY_SYSCALL, "localhost", tap.port, f"USER {SECRET.decode()}\r\nQUIT\r\n").ok()
        tap.wait_closed()
        tap.never_saw(SECRET)
        assert [line["result"] for line in seen.lines] == [result], seen.show()


def test_both_with_a_wrong_certificate(shim):
    shim.way, shim.reach = (PLAIN,), "reach both"
    play(shim, POP3, honest(POP3, certs.case("other host")), "secure").failed("certificate|name")


def test_both_leave_alone_what_the_library_leaves_alone(shim):
    """Only the library knows that the name was localhost. The supervisor must not decide again, without it."""
    shim.reach = "reach both"
    with Hostile(lambda s: s.send(b"+OK in clear\r\n")) as server:
        port = server.address[1]
        shim.policy(f"match host localhost port {port}\n    level none\nmatch port {port}\n    protocol pop3\n    level secure\n")
        result = shim.start(PYTHON, "-c", LIBC, "localhost", port).ok()
        assert b"+OK in clear" in result.out, result.show()
        result = shim.start(PYTHON, "-c", RAW_CALL, "localhost", port).ok()
        assert b"+OK in clear" not in result.out, result.show()


@pytest.mark.parametrize("way, name", [((STATIC,), ["name localhost"]), (("/usr/bin/env", "-i", PLAIN), [])],
                         ids=["static", "env -i"])
def test_both_for_all_that_it_starts(shim, way, name):
    """A static child is supervised, and a dynamic one has the library too, even if its environment was cleared."""
    shim.reach = "reach both"
    shim.way = ("/bin/sh", "-c", '"$@"; exit', "sh", *way)
    play(shim, POP3, honest(POP3), "secure", *name).upgraded()


# ---- doctor

def compiled(shim, name, source, *options):
    path = shim.folder / name
    subprocess.run(["gcc", "-w", "-o", path, "-x", "c", "-", "-x", "none", *options], input=source.encode(), check=True)
    return path


def test_doctor_has_three_verdicts(shim):
    shim.policy("")
    assert shim.doctor(PLAIN)[0] == 0
    for program, words in (STATIC, "statically linked"), (RAW, "does not import connect()"):
        status, out = shim.doctor(program)
        assert status == 3 and "will be supervised" in out and words in out, out
    (shim.folder / "nothing").write_bytes(b"MZ\0")
    (shim.folder / "nothing").chmod(0o755)
    status, out = shim.doctor(shim.folder / "nothing")
    assert status == 1 and "out of reach" in out, out
    shim.policy("reach preload")
    status, out = shim.doctor(STATIC)
    assert status == 1 and "out of reach" in out, out


def test_doctor_knows_free_pascal_and_io_uring(shim):
    shim.policy("")
    pascal = compiled(shim, "pascal", f'char mark[] = "{WORDS.decode()}"; int main(void) {{ return connect(0, mark, 0); }}')
    status, out = shim.doctor(pascal)
    assert status == 3 and "built by Free Pascal" in out, out
    compiled(shim, "liburing.so.2", "int io_uring_queue_init(void) { return 0; }", "-shared", "-fPIC", "-Wl,-soname,liburing.so.2")
    rings = compiled(shim, "rings", "int main(void) { return io_uring_queue_init() + connect(); }", shim.folder / "liburing.so.2",
                     f"-Wl,-rpath,{shim.folder}")
    status, out = shim.doctor(rings)
    assert status == 3 and "links liburing" in out and "within reach, and will be supervised too" in out, out


@pytest.mark.skipif(not shutil.which("imapcopy"), reason="imapcopy is not installed")
def test_doctor_knows_a_real_program_of_free_pascal(shim):
    shim.policy("")
    status, out = shim.doctor(shutil.which("imapcopy"))
    assert status == 3 and "built by Free Pascal" in out, out


def test_where_a_supervisor_cannot_be(shim):
    """Nothing is started, and one sentence gives the cause."""
    shim.private_build()
    shim.policy("")
    result = shim.start(STATIC, "localhost", 1)
    assert result.status == 126 and re.search(rb"statically\s+linked", result.err), result.show()
    assert re.search(rb"retrotls-supervise:\s+No\s+such\s+file", result.err), result.show()
    status, out = shim.doctor(STATIC)
    assert status == 1 and "cannot be supervised here" in out, out


@pytest.mark.parametrize("wrapper", ["proxychains4", "torsocks", "systemd-run"])
def test_what_starts_the_program_elsewhere_is_refused_to_a_supervisor_too(shim, wrapper):
    shim.policy("")
    shutil.copy(PLAIN, shim.folder / wrapper)
    shim.options = ("--supervise",)
    result = shim.start(shim.folder / wrapper, STATIC, "localhost", 1)
    assert result.status == 126 and re.search(rb"the\s+other\s+way\s+round", result.err), result.show()
