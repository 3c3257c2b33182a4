"""An attacker who runs code in the worker (the process that parses what servers send) meets walls on every side. A special
relay, never installed, makes any system call that the test asks for. We try each in it, and some again without the sandbox."""
import contextlib
import errno
import os
import signal
import socket
import struct
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from support import certs
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP
from support.shim import BUILD, PYTHON
from support.wait import wait_for
from test_strangers import SESSIONS, named

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or os.uname().machine != "x86_64",
                                reason="root sees what a relay that is shut in has; the calls' numbers are x86-64's")
RELAY = BUILD / "taken-over" / "retrotls-relay"
CALLS = {"read": 0, "open": 2, "stat": 4, "mmap": 9, "getpid": 39, "socket": 41, "connect": 42, "sendto": 44,
         "recvfrom": 45, "sendmsg": 46, "bind": 49, "listen": 50, "socketpair": 53, "setsockopt": 54, "clone": 56, "fork": 57,
         "vfork": 58, "execve": 59, "kill": 62, "fcntl": 72, "truncate": 76, "rename": 82, "mkdir": 83, "creat": 85,
         "link": 86, "unlink": 87, "symlink": 88, "chmod": 90, "chown": 92, "ptrace": 101, "setuid": 105,
         "setgroups": 116, "capset": 126, "prctl": 157, "chroot": 161, "mount": 165, "unshare": 272, "tkill": 200, "openat": 257,
         "tgkill": 234, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "seccomp": 317,
         "memfd_create": 319, "bpf": 321, "execveat": 322, "userfaultfd": 323, "io_uring_setup": 425, "pidfd_send_signal": 424,
         "pidfd_open": 434, "clone3": 435, "openat2": 437, "pidfd_getfd": 438}
WHERE, KEEP_GRANTS, FORGE, FORGED, DATA = 0xffff, 0xfffe, 0xfffd, 0xfffc, 16384
AT_FDCWD = -100
MONITOR_TAKE, MONITOR_FILE, MONITOR_ROOTS, MONITOR_KEY, MONITOR_SIGN, MONITOR_LOG, MONITOR_PARENT = 1, 2, 3, 5, 6, 9, 11
NAMED = 6


class Worker:
    """A program's relay, whose worker makes the calls that the test asks for."""

    def __init__(self, shim, server, off=False, program=SESSIONS):
        shim.private_build()
        (shim.build / "retrotls-relay").write_bytes(RELAY.read_bytes())
        if off:
            shim.environment["RETROTLS_SANDBOX"] = "off"
        self.shim, self.server = shim, server
        self.program = shim.popen(PYTHON, "-c", program, stdin=-1)
        self.session()
        self.pid, = shim.relays()
        self.monitor = shim.monitors()[self.pid]
        self.address, = set(named(self.pid, "retrotls/1 relay "))
        self.base = self.call(WHERE)[0]

    def session(self):
        self.program.stdin.write(b"%d\n" % self.server.port)
        self.program.stdin.flush()
        assert self.program.stdout.readline().startswith(b"* OK"), self.program.stderr.read()

    def call(self, number, *arguments, data=b""):
        """Returns (the call's result or -errno, the memory afterwards). Puts arguments of type bytes into memory, with a NUL."""
        values, room = [], bytearray(data)
        for each in arguments:
            if isinstance(each, bytes):
                room += bytes(-len(room) % 16)
                values.append(self.base + len(room))
                room += each + b"\0"
            else:
                values.append(each & (2**64 - 1))
        values += [0] * (6 - len(values))
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(20)
            s.connect("\0" + self.address)
            s.send(b"TAKENOVR" + struct.pack("<7Q", number, *values) + bytes(room) + bytes(DATA - len(room)))
            got = s.recv(8 + 8 + DATA)
        if not got:
            raise ConnectionResetError
        return struct.unpack_from("<q", got)[0], got[16:]

    def __call__(self, name, *arguments, **more):
        return self.call(CALLS[name], *arguments, **more)[0]

    def ask_monitor(self, kind, grant=0, what=0, number=0, data=b""):
        """Sends the monitor a question made up by the worker. Returns the error in the answer."""
        for fd in range(4, 8):  # the socket to the monitor is one of its first descriptors
            head = struct.pack("<6I", kind, grant, what, number, len(data), 0) + data
            if self.call(CALLS["sendto"], fd, self.base, len(head), 0x4000, 0, 0, data=head)[0] == len(head):
                got, answer = self.call(CALLS["recvfrom"], fd, self.base, 8192, 0, 0, 0)
                assert got > 0
                return struct.unpack_from("<i", answer)[0]
        raise AssertionError("no dialogue found")


@pytest.fixture
def make(shim):
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        made = []

        def one(**more):
            made.append(Worker(shim, server, **more))
            return made[0]
        yield one
        if made and made[0].program.poll() is None:
            shim.finish(made[0].program)


def attempts(w, folder):
    """{name: (a call, its arguments)}. Without the sandbox, each works or fails with another error than EPERM."""
    mine, there = os.fsencode(folder / "mine"), os.fsencode(folder / "there")
    tcp = struct.pack("<HHI8x", socket.AF_INET, socket.htons(9), 0x0100007f)
    parent = w.program.pid
    return {
        "open": ("open", b"/etc/passwd", 0), "open to write": ("open", mine, os.O_WRONLY),
        "openat": ("openat", AT_FDCWD, b"/etc/passwd", 0), "openat2": ("openat2", AT_FDCWD, b"/etc/passwd", bytes(24), 24),
        "creat": ("creat", there, 0o600), "mkdir": ("mkdir", there, 0o700), "unlink": ("unlink", mine), "stat": ("stat", mine, bytes(256)),
        "rename": ("rename", mine, there), "link": ("link", mine, there), "symlink": ("symlink", mine, there),
        "chmod": ("chmod", mine, 0o666), "chown": ("chown", mine, 1, 1), "truncate": ("truncate", mine, 0),
        "its own memory": ("open", b"/proc/self/mem", os.O_RDWR), "another's": ("open", b"/proc/%d/mem" % parent, os.O_RDWR),
        "signal to the program": ("kill", parent, 0), "signal to the monitor": ("kill", w.monitor, 0),
        "signal to all": ("kill", -w.monitor, 0), "tkill": ("tkill", parent, 0),
        "tgkill of the monitor": ("tgkill", w.monitor, w.monitor, 0), "pidfd": ("pidfd_open", w.monitor, 0),
        "pidfd signal": ("pidfd_send_signal", 0, 0, 0, 0), "pidfd_getfd": ("pidfd_getfd", 0, 0, 0),
        "memory read": ("process_vm_readv", w.monitor, bytes(16), 1, bytes(16), 1, 0),
        "memory written": ("process_vm_writev", parent, bytes(16), 1, bytes(16), 1, 0),
        "TCP socket": ("socket", socket.AF_INET, socket.SOCK_STREAM, 0), "UNIX socket": ("socket", socket.AF_UNIX, socket.SOCK_DGRAM, 0),
        "socketpair": ("socketpair", socket.AF_UNIX, socket.SOCK_STREAM, 0, bytes(8)), "connect": ("connect", 3, tcp, 16),
        "bind": ("bind", 3, tcp, 16), "listen": ("listen", 3, 1), "fork": ("fork",), "clone without threads": ("clone", signal.SIGCHLD, 0, 0, 0, 0),
        "setuid": ("setuid", 0), "setgroups": ("setgroups", 0, 0), "capset": ("capset", bytes(8), bytes(24)), "chroot": ("chroot", b"/"),
        "mount": ("mount", b"none", b"/mnt", b"tmpfs", 0, 0), "unshare": ("unshare", 0x10000000), "setns": ("setns", 0, 0),
        "bpf": ("bpf", 0, bytes(64), 64), "io_uring": ("io_uring_setup", 1, bytes(128)), "userfaultfd": ("userfaultfd", 0),
        "memfd": ("memfd_create", b"x", 0), "dumpable again": ("prctl", 4, 1, 0, 0, 0), "prctl": ("prctl", 36, 1, 0, 0, 0),
        "another filter": ("seccomp", 1, 0, bytes(16)), "code": ("mmap", 0, 4096, 5, 0x22, -1, 0), "signals by a socket": ("fcntl", 3, 8, parent),
        "a filter on a socket": ("setsockopt", 3, 1, 26, bytes(16), 16), "kernel TLS": ("setsockopt", 3, 6, 31, b"tls", 3),
        "netfilter": ("setsockopt", 3, 0, 64, bytes(84), 84),
    }


def test_every_wall_stands(shim, make):
    (shim.folder / "mine").write_text("mail")
    w = make()
    assert w("getpid") == w.pid, "it does not run what it is told to"
    failed = {name: w(*call) for name, call in attempts(w, shim.folder).items()}
    assert {name: errno.errorcode.get(-result, result) for name, result in failed.items()} == dict.fromkeys(failed, "EPERM")
    assert w("clone3", bytes(88), 88) == -errno.ENOSYS  # as if the kernel lacked it: glibc falls back to clone(2)
    assert (shim.folder / "mine").read_text() == "mail" and not (shim.folder / "there").exists()
    w.session()  # the worker still serves


# We have no other proof that these calls would succeed without the sandbox.
WORK = ["open", "openat", "openat2", "creat", "stat", "signal to the program", "signal to the monitor", "pidfd", "TCP socket",
        "UNIX socket", "memfd", "dumpable again", "code", "chmod", "truncate"]


def test_without_walls_it_would_do_all_that(shim, make):
    (shim.folder / "mine").write_text("mail")
    w = make(off=True)
    tried = attempts(w, shim.folder)
    results = {name: w(*tried[name]) for name in WORK}
    assert all(result >= 0 for result in results.values()), results


@pytest.mark.parametrize("call", ["execve", "execveat", "ptrace"])
def test_running_a_program_or_tracing_ends_both(shim, make, call):
    w = make()
    arguments = {"execve": (b"/bin/true", 0, 0), "execveat": (AT_FDCWD, b"/bin/true", 0, 0, 0), "ptrace": (16, w.monitor, 0, 0)}[call]
    with pytest.raises(ConnectionResetError):
        w(call, *arguments)
    wait_for(lambda: not shim.relays(), "both to end")


def test_the_monitor_gives_nothing_that_no_live_connection_named(shim, make):
    w = make()
    assert w.ask_monitor(MONITOR_PARENT) == 0, "nothing is asked at all"
    # The session's own grant is over, and there was no other. Grant numbers are (count << 14 | slot).
    for grant in [0, 1, 2**32 - 1, *(count << 14 | slot for count in range(4) for slot in range(4))]:
        for kind in (MONITOR_FILE, MONITOR_ROOTS, MONITOR_KEY, MONITOR_LOG):
            for what in range(NAMED + 1):
                assert w.ask_monitor(kind, grant, what) == errno.EPERM
        assert w.ask_monitor(MONITOR_SIGN, grant, data=bytes(200)) == errno.EPERM
    assert w.ask_monitor(MONITOR_TAKE) == errno.EINVAL  # with no connection
    assert w.ask_monitor(99) == errno.EPERM
    w.session()


SILENT = """
import socket, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
print("connected", flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def waiting_connection(w, *settings, program=SILENT):
    """Points `w` at the worker of a connection that waits for its server's greeting. Yields that connection's grant."""
    with Hostile(lambda s: s.line()) as silent:
        w.shim.guard(silent.port, "secure", "imap", *settings)
        process = w.shim.popen(PYTHON, "-c", program, silent.port, stdin=-1)
        if program == SILENT:
            assert process.stdout.readline() == b"connected\n"

        def others():  # a relay that has just started may part into worker and monitor while we look
            return {name for pid in w.shim.relays() if pid != w.pid for name in named(pid, "retrotls/1 relay ")}
        w.address, = wait_for(others, "its relay's name")
        w.base = w.call(WHERE)[0]
        w.waiting = process
        yield 1 << 14
        if process.poll() is None:
            w.shim.finish(process, b"\n")


def test_of_a_live_connection_it_gives_what_the_policy_names_alone(shim, make):
    """The policy names only a ca-file: no other file, no folder of roots, no client key."""
    w = make()
    with waiting_connection(w) as grant:
        told = {what: w.ask_monitor(MONITOR_FILE, grant, what) for what in range(NAMED + 1)}
        assert told == {0: 0, **dict.fromkeys(range(1, NAMED + 1), errno.EPERM)}
        assert w.ask_monitor(MONITOR_ROOTS, grant, 0, 1) == errno.EPERM
        assert w.ask_monitor(MONITOR_KEY, grant) == errno.EPERM
        assert w.ask_monitor(MONITOR_SIGN, grant, data=bytes(200)) == errno.EPERM


GREETINGS = """
import socket, sys
for port in sys.stdin:
    try:
        print(socket.create_connection(("localhost", int(port))).makefile().readline(), end="", flush=True)
    except OSError as error:
        print(error, flush=True)
"""


def test_a_forged_request_gets_no_other_file(shim, make):
    """The worker reads a request before the monitor does. So it knows the token and has both ends of the program's socketpair:
    it could hand the monitor a request that it wrote into one end itself."""
    authority, its, other = certs.authority().pem, shim.folder / "its-own.pem", shim.folder / "another.pem"
    its.write_bytes(Path(authority).read_bytes())
    other.write_text("root's own\n")
    shim.policy(shim.policy_file.read_text().replace(str(authority), str(its)))
    w = make(program=GREETINGS)
    w.call(FORGE, data=bytes(its).ljust(256, b"\0") + bytes(other).ljust(256, b"\0"))
    w.program.stdin.write(b"%d\n" % w.server.port)
    w.program.stdin.flush()
    w.program.stdout.readline()
    error, file = w.call(FORGED)
    assert (error, file.rstrip(b"\0")) == (errno.EPERM, b"")


PARENT_AND_CHILD = """
import os, socket, sys
first = socket.create_connection(("localhost", int(sys.argv[1])))
child = os.fork()
if not child:
    second = socket.create_connection(("localhost", int(sys.argv[1])))
    print("connected", flush=True)
    sys.stdin.readline()
    os._exit(0)
print(child, flush=True)
os.waitpid(child, 0)
print("gone", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("times,over", [(("greeting-timeout 5", "timeout 1"), errno.EPERM), ((), 0)])
def test_what_it_does_not_give_back_ends_with_the_program(shim, make, times, over):
    """A worker never reports the end of a connection. One connection belongs to a child that ends. What the child wrote may
    still have to be delivered, so its grant lasts as long as the policy allows a negotiation to take, and no longer."""
    w = make()
    with waiting_connection(w, *times, program=PARENT_AND_CHILD) as parents:
        assert w.call(KEEP_GRANTS)[0] == 0
        child = int(w.waiting.stdout.readline())
        assert w.waiting.stdout.readline() == b"connected\n"
        childs = 2 << 14 | 1

        def refused(count):  # the worker's own questions must not mix with ours
            wait_for(lambda: shim.log_file.exists() and shim.log_file.read_text().count("result=failed") == count, "the lines of the log")
        if times:
            refused(2)
        assert w.ask_monitor(MONITOR_FILE, childs) == 0
        os.kill(child, signal.SIGKILL)
        assert w.waiting.stdout.readline() == b"gone\n"
        if times:
            wait_for(lambda: w.ask_monitor(MONITOR_FILE, childs) == errno.EPERM, "the child's files to be out of reach")
        else:
            refused(1)
        assert w.ask_monitor(MONITOR_FILE, childs) == over
        assert w.ask_monitor(MONITOR_FILE, parents) == 0


SHA256, SHA512, RSA_PSS = 2, 4, 1
TLS_1_3 = b" " * 64 + b"TLS 1.3, client CertificateVerify\0" + bytes(32)
TLS_1_2 = bytes([1, 0, 0, 4, 3, 3, 0, 0, 14, 0, 0, 0, 16, 0, 0, 1, 0])  # ClientHello ... ClientKeyExchange
SIGNATURES = {  # by a P-256 key: the purpose, what to sign, and the monitor's answer
    "TLS 1.3": (SHA256, 0, TLS_1_3, 0), "TLS 1.2": (SHA512, 0, TLS_1_2, 0),
    "another scheme's digest": (SHA512, 0, TLS_1_3, errno.EPERM), "no digest": (0, 0, TLS_1_2, errno.EPERM),
    "a digest that it does not have": (5, 0, TLS_1_2, errno.EPERM), "and another": (2**32 - 1, 0, TLS_1_2, errno.EPERM),
    "SHA-1 by its name": (int.from_bytes(b"SHA1", "little"), 0, TLS_1_2, errno.EPERM),
    "another key's padding": (SHA256, RSA_PSS, TLS_1_2, errno.EPERM), "a server's": (SHA256, 0, TLS_1_3.replace(b"client", b"server"), errno.EPERM),
    "a mail": (SHA256, 0, b"From: me" * 30, errno.EPERM), "a digest itself": (SHA256, 0, bytes(32), errno.EPERM), "nothing": (SHA256, 0, b"", errno.EPERM)}


def test_the_key_signs_handshakes_alone(shim, make):
    own = certs.issued("client.example.org", usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    key = shim.folder / "client.key"
    key.write_bytes(Path(own.key).read_bytes())
    key.chmod(0o600)
    w = make()
    with waiting_connection(w, f"client-cert {own.pem}", f"client-key {key}") as grant:
        def sign(digest, padding, what):
            return w.ask_monitor(MONITOR_SIGN, grant, data=struct.pack("<2I", digest, padding) + what)
        assert sign(SHA256, 0, TLS_1_3) == errno.EPERM  # before the key was read
        assert w.ask_monitor(MONITOR_KEY, grant) == 0
        assert {name: sign(*how) for name, (*how, _) in SIGNATURES.items()} == {name: wanted for name, (*_, wanted) in SIGNATURES.items()}
        assert w.ask_monitor(MONITOR_SIGN, grant, data=b"short") == errno.EPERM


def test_nonsense_to_the_monitor_is_the_end_of_both(shim, make):
    w = make()
    for fd in range(4, 8):
        try:
            w.call(CALLS["sendto"], fd, w.base, 5, 0x4000, 0, 0, data=b"short")
        except ConnectionError:  # it has ended at this word, or at the one before
            break
    wait_for(lambda: not shim.relays(), "both to end")
