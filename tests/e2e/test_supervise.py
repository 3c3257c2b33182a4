"""`retrotls --supervise`: programs that a preload does not reach are served from outside. No byte in clear, no wrong
certificate, and to the shell, and to the program itself, it looks as if it ran alone."""
import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading

import pytest
from support import certs, loopback, protocols
from support.hostile import Hostile
from support.play import honest, play, plaintext_only
from support.protocols import IMAP, POP3, SECRET
from support.shim import BUILD, COMMAND, PROGRAMS, PYTHON, Shim, processes
from support.slow import SlowPath
from support.tap import Tap
from support.wait import wait_for

STATIC = PROGRAMS / "careless-static"


class Supervised(Shim):
    """Runs the careless client, linked statically, under a supervisor."""
    way = (STATIC,)

    def careless(self, host, port, words, *more, **options):
        return self.supervise(*self.way, host, port, *more, stdin=words, **options)

    def supervise(self, *arguments, **options):
        return self.run(self.command, "--supervise", *arguments, preload=False, **options)


def version():
    """The kernel's."""
    return tuple(int(n) for n in re.match(r"(\d+)\.(\d+)", os.uname().release).groups())


@pytest.fixture
def shim(tmp_path):
    return Supervised(tmp_path)


@pytest.mark.parametrize("protocol", [POP3, IMAP], ids=lambda p: p.name)
def test_static_program_speaks_tls(shim, protocol):
    play(shim, protocol, honest(protocol), "secure", "name localhost").upgraded()


def test_static_program_gets_nothing_from_a_wrong_certificate(shim):
    play(shim, POP3, honest(POP3, certs.case("other host")), "secure", "name localhost").failed("certificate|name")


def test_static_program_gets_nothing_from_a_server_without_tls(shim):
    play(shim, POP3, plaintext_only(POP3), "secure", "name localhost").failed()


def test_no_name_is_known_and_the_reason_says_which_line_to_add(shim):
    """If a program is given an address, the supervisor learns of no name: the certificate must be for the address."""
    play(shim, POP3, honest(POP3, certs.case("other host")), "secure", host="127.0.0.1").failed("name")


@pytest.mark.skipif(os.geteuid() != 0, reason="takes port 110; test_policy_names covers the decision")
def test_a_loopback_address_is_no_proof_of_a_local_server(shim):
    """A forged DNS answer that we did not see may have led the program to this machine, where somebody else listens."""
    with Hostile(plaintext_only(POP3)) as server, Tap(server.address, loopback.own_address(), 110) as tap:
        shim.policy("")
        result = shim.careless(tap.host, 110, POP3.words)
        tap.wait_closed()
        tap.never_saw(SECRET)
        assert re.fullmatch(POP3.failure, result.out), result.show()


def test_a_block_for_a_host_may_be_meant(shim):
    """The program may have asked for that host without our seeing it: the port is guarded, and `secure` lacks a name."""
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.policy(f"match port {tap.port} host mail.example\n    protocol pop3\n    level secure\n"
                    f"    ca-file {certs.authority().pem}\n")
        result = shim.careless("localhost", tap.port, POP3.words)
        tap.never_saw(SECRET)
        assert re.fullmatch(POP3.failure, result.out) and b"cannot be seen from outside" in result.out, result.show()


@pytest.mark.parametrize("way", [
    ("/bin/sh", "-c", 'exec "$@"', "sh", STATIC), ("/bin/sh", "-c", '"$@"; exit', "sh", STATIC), ("/usr/bin/env", "-i", STATIC),
    ("/usr/bin/setsid", "--wait", STATIC), (COMMAND, "--supervise", STATIC), (PROGRAMS / "careless",)],
    ids=["exec in a shell", "child of a shell", "env -i", "another session", "supervised twice", "dynamic"])
def test_however_it_is_started(shim, way):
    shim.way = way
    play(shim, POP3, honest(POP3), "secure", "name localhost").upgraded()


def test_the_policy_knows_the_program(shim):
    """`match program` is about the program that connects, not about the supervisor or the shell."""
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.policy(f"match port {tap.port} program {STATIC}\n    protocol pop3\n    level secure\n    name localhost\n"
                    f"    ca-file {certs.authority().pem}\nmatch port {tap.port}\n    level none\n")
        result = shim.supervise("/bin/sh", "-c", '"$@"; exit', "sh", STATIC, "localhost", tap.port, stdin=POP3.words)
        tap.wait_closed()
        server.wait_done()
        assert server.over_tls == POP3.words, result.show()
        tap.never_saw(SECRET)
        assert [line["program"] for line in result.lines] == [str(STATIC)], result.log


def test_another_thread_changes_the_address(shim):
    """The kernel must not read the address again after the decision."""
    def scenario(s):
        s.send(b"+OK ready\r\n")
        with contextlib.suppress(AssertionError):
            s.line()

    with Hostile(scenario) as server, Tap(server.address) as tap, loopback.listen() as other:
        shim.guard(tap.port, "secure", "pop3", "name localhost")

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    other.accept()[0].close()
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        result = shim.supervise(PROGRAMS / "address_race", tap.host, tap.port, other.getsockname()[1], 150, SECRET.decode()).ok()
        assert int(result.out) > 50, result.show()
        assert any(line["result"] == "failed" for line in result.lines), "the guarded server was never reached"
        tap.never_saw(SECRET)


def test_another_thread_changes_address_and_number(shim):
    """Nor may the kernel look the number up again when a connection that the policy leaves alone has to wait."""
    def scenario(s):
        s.send(b"+OK ready\r\n")
        with contextlib.suppress(AssertionError):
            s.line()

    silent, filler = loopback.full_listener()
    with Hostile(scenario) as server, Tap(server.address) as tap, silent, filler:
        shim.guard(tap.port, "secure", "pop3", "name localhost")
        shim.supervise(PROGRAMS / "number_race", tap.host, tap.port, silent.getsockname()[1], 200, SECRET.decode()).ok()
        tap.never_saw(SECRET)


def test_a_connection_left_alone_waits_as_the_kernel_does(shim):
    """The connection is made late, is refused late, runs into SO_SNDTIMEO, and can be cancelled."""
    code = """
import errno, socket, struct, sys, threading, time
silent, slow = (('127.0.0.1', int(port)) for port in sys.argv[1:3])
def outcome(address, *options, call_off=None):
    s = socket.socket()
    for option in options:
        s.setsockopt(*option)
    if call_off:
        def soon():
            while not any(line.split()[2].endswith(':%04X' % address[1]) and line.split()[3] == '02' for line in open('/proc/net/tcp')):
                time.sleep(0.01)
            call_off(s)
        threading.Thread(target=soon).start()
    try:
        s.connect(address)
        return 'made'
    except OSError as error:
        return errno.errorcode[error.errno]
print(outcome(silent, (socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack('ll', 0, 50000))))
print(outcome(silent, (socket.IPPROTO_TCP, 18, 300)))  # TCP_USER_TIMEOUT
print(outcome(silent, call_off=lambda s: s.shutdown(socket.SHUT_RDWR)))
print(outcome(slow))
"""
    def native_and_supervised(*way):
        with Hostile(lambda s: s.rest()) as server, SlowPath(server.address) as slow:
            process = shim.popen(*way, PYTHON, "-c", code, silent.getsockname()[1], slow.address[1], preload=False)
            slow.open_when_wanted(process)
            return shim.finish(process).ok().out

    silent, filler = loopback.full_listener()
    with silent, filler:
        shim.policy("match port 9999\n    protocol pop3\n    level secure\n")
        native = native_and_supervised()
        assert native.split()[0] == b"EINPROGRESS" and native.split()[-1] == b"made"
        assert native_and_supervised(shim.command, "--supervise") == native


def _no_pidfd_of_a_thread():
    """For subprocess's preexec_fn: pidfd_open(2) has no PIDFD_THREAD, as before Linux 6.9."""
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]
    code = [(0x20, 0, 0, 0), (0x15, 0, 3, 434), (0x20, 0, 0, 24), (0x45, 0, 1, os.O_EXCL), (0x06, 0, 0, 0x00050016),
            (0x06, 0, 0, 0x7fff0000)]
    text = b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, ctypes.byref(Program(len(code), text))) == 0  # PR_SET_SECCOMP


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="system calls by their numbers")
@pytest.mark.parametrize("kernel", [None, _no_pidfd_of_a_thread], ids=["this kernel", "Linux 6.8"])
@pytest.mark.parametrize("under_it", ["nothing", "a socket of UDP"])
def test_a_thread_has_descriptors_of_its_own(shim, kernel, under_it):
    """The same number may mean another file in the rest of the process."""
    code = """
import ctypes, os, socket, sys, threading
if sys.argv[3] != 'nothing':
    udp = socket.socket(type=socket.SOCK_DGRAM)
    os.dup2(udp.fileno(), 50)
def run():
    assert ctypes.CDLL(None).unshare(0x400) == 0  # CLONE_FILES
    own = socket.socket()
    os.dup2(own.fileno(), 50)
    try:
        s = socket.socket(fileno=50)
        s.connect(('127.0.0.1', int(sys.argv[1])))
        s.sendall(b'%s\\r\\nQUIT\\r\\n' % sys.argv[2].encode())
        print(s.makefile().readline().split()[1])
    except OSError as error:
        print(error.strerror)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""
    def scenario(s):
        protocols.upgrade(s, POP3, certs.case("good"))
        protocols.serve(s, POP3)

    with Hostile(scenario) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "pop3", "name localhost")
        process = shim.popen(shim.command, "--supervise", PYTHON, "-c", code, tap.port, SECRET.decode(), under_it, preload=False,
                             preexec_fn=kernel)
        result = shim.finish(process).ok()
        tap.never_saw(SECRET)
        if kernel or version() < (6, 9):
            assert result.out == b"Network is unreachable\n" and "CLONE_FILES" in result.log, result.show()
        else:
            assert result.out == b"retrotls\n", result.show()


def test_threads_connect_one_socket(shim):
    """Each call gets an answer, even if its descriptor was switched before its turn came."""
    code = """
import errno, socket, sys, threading
def connect(s, barrier):
    barrier.wait()
    try:
        s.connect((sys.argv[1], int(sys.argv[2])))
        outcomes.add('made')
    except OSError as error:
        outcomes.add(errno.errorcode[error.errno])
outcomes = set()
for _ in range(20):
    s, barrier = socket.socket(), threading.Barrier(3)
    threads = [threading.Thread(target=connect, args=(s, barrier)) for _ in range(3)]
    for t in threads: t.start()
    for t in threads: t.join()
    s.sendall(b'QUIT\\r\\n')
    s.close()
print(*(outcomes - {'EISCONN'}))
"""
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "pop3", "name localhost")
        result = shim.supervise(PYTHON, "-c", code, tap.host, tap.port).ok()
        assert result.out == b"made\n", result.show()


@pytest.mark.skipif(version() < (5, 19), reason="a signal may take an answer")
def test_signals_bring_no_answer_of_another_connection(shim):
    shim.policy("match port 1\n    protocol pop3\n    level encrypt\n")
    with Hostile(lambda s: s.rest()) as server:
        assert shim.supervise(PROGRAMS / "alarmed", *server.address, 200).ok().out == b"0 0 0\n"


def test_the_policy_has_a_relative_path(shim):
    """The path is relative to the folder where the program is started, and so is the log's."""
    shim.environment = {"RETROTLS_POLICY": "policy", "RETROTLS_LOG": "log"}
    play(shim, POP3, honest(POP3), "secure", "name localhost").upgraded()


def supervisors(shim):
    """Pids of the supervisors of the shim's build, without their forwarders; needs private_build()."""
    found, parents = [], {pid: parent for pid, (parent, _, _) in processes().items()}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/exe") == str(shim.build / "retrotls-supervise"):
                found.append(int(pid))
    return [pid for pid in found if parents.get(pid) not in found]


@pytest.fixture
def private(shim):
    shim.private_build()
    shutil.copy(BUILD / "retrotls-supervise", shim.build)
    return shim


def test_the_supervisor_is_killed(private):
    """Then the program gets no more connections, rather than plaintext ones."""
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        private.guard(tap.port, "secure", "pop3", "name localhost")
        code = ("import socket, sys\nprint('runs', flush=True)\nsys.stdin.readline()\ntry:\n    socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
                "except OSError as error:\n    print(error.strerror)")
        process = private.popen(private.command, "--supervise", PYTHON, "-c", code, tap.port, preload=False, stdin=subprocess.PIPE)
        assert process.stdout.readline() == b"runs\n"
        supervisor, = supervisors(private)
        os.kill(supervisor, signal.SIGKILL)
        wait_for(lambda: not supervisors(private), "the supervisor to end")
        result = private.finish(process, b"\n").ok()
        assert result.out == b"Function not implemented\n", result.show()
        assert not tap.recordings


def test_the_supervisor_ends_with_the_last_process(private):
    """A daemon that outlives the program is served too."""
    private.policy("")
    daemon = int(private.supervise("/bin/sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!").ok().out)
    assert len(supervisors(private)) == 1
    os.kill(daemon, signal.SIGKILL)
    wait_for(lambda: not supervisors(private), "the supervisor to end")


def test_the_shell_sees_the_program_itself(shim):
    """Its pid, its exit status and its signals are its own, and the program sees no child or descriptor of ours."""
    shim.policy("")
    assert shim.supervise("/bin/sh", "-c", "exit 7").status == 7
    assert shim.supervise("/bin/sh", "-c", "kill -TERM $$").status == -signal.SIGTERM
    code = ("import os\nprint(os.getpid(), sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1])\n"
            "try:\n    print(os.waitpid(-1, os.WNOHANG))\nexcept ChildProcessError:\n    print('no child')")
    process = shim.popen(shim.command, "--supervise", PYTHON, "-c", code, preload=False)
    result = shim.finish(process).ok()
    assert result.out.decode() == f"{process.pid} [0, 1, 2]\nno child\n", result.show()


def test_missing_programs_and_programs_with_rights_of_their_own(shim, tmp_path):
    shim.policy("")
    result = shim.supervise(tmp_path / "nothing")
    assert result.status == 127 and b"nothing" in result.err, result.show()
    if os.geteuid() != 0:
        return  # only root can make one
    program = tmp_path / "setuid"
    shutil.copy("/bin/true", program)
    os.chown(program, 65534, 65534)
    program.chmod(0o4755)
    result = shim.supervise(program)
    assert result.status == 126 and re.search(rb"rights\s+of\s+its\s+own", result.err), result.show()


def test_a_connection_that_it_is_started_with(shim):
    """The supervisor sees only connections that are made from now on. An existing one would be used as it is."""
    with loopback.listen() as server, socket.create_connection(server.getsockname()) as connection:
        shim.guard(server.getsockname()[1], "secure", "pop3")
        process = shim.popen(shim.command, "--supervise", STATIC, "-", "0", preload=False, stdin=connection)
        result = shim.finish(process)
        assert result.status == 126 and re.search(rb"descriptor 0 is already connected\s+to\s+a\s+guarded", result.err), result.show()


def _with_a_listener_of_its_own():
    """For subprocess's preexec_fn: installs a filter whose notifications go to this process itself."""
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]
    libc = ctypes.CDLL(None, use_errno=True)
    allow = (0x06).to_bytes(2, "little") + bytes(2) + (0x7fff0000).to_bytes(4, "little")
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    listener = libc.syscall(317, 1, 8, ctypes.byref(Program(1, allow)))  # seccomp, with SECCOMP_FILTER_FLAG_NEW_LISTENER
    assert listener >= 0
    os.set_inheritable(listener, True)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="seccomp(2) by its number")
def test_another_supervisor_is_there(shim):
    shim.policy("")
    process = shim.popen(shim.command, "--supervise", STATIC, "localhost", "1", preload=False, close_fds=False,
                         preexec_fn=_with_a_listener_of_its_own)
    result = shim.finish(process)
    assert result.status == 126 and re.search(rb"supervises\s+this\s+one\s+already", result.err), result.show()
