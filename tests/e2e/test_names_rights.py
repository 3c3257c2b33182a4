"""The memory of names when a child gives up rights: nothing that it writes from then on, honest or not, makes its
parent accept a certificate that it would not have accepted before. Only root has rights to give up."""
import os
import platform

import pytest
from support import certs
from support.asking import CONNECT
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP, SECRET
from support.tap import Tap

pytestmark = [pytest.mark.root,
              pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its user; unit tests play the rest")]

SETRESUID = {"x86_64": 117, "i686": 208, "aarch64": 147, "armv7l": 208, "ppc64le": 169, "s390x": 208}  # asm/unistd.h

PRELUDE = """
import ctypes, os, re, socket, struct, sys
port = int(sys.argv[1])
libc = ctypes.CDLL(None)
def ask(name):
    socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
def capset():
    header, data = struct.pack("Ii", 0x20080522, 0), bytes(24)
    if libc.capset(header, data):
        raise OSError("capset")
GIVE_UP = {"setuid": lambda: os.setuid(54321), "setreuid": lambda: os.setreuid(54321, 54321),
           "setresuid": lambda: os.setresuid(54321, 54321, 54321), "capset": capset,
           "all": lambda: (os.setgroups([]), os.setgid(54321), os.setuid(54321))}
# As an attacker does who has taken the process over.
def overwrite(what, by):
    written = 0
    for line in open("/proc/self/maps"):
        start, end, rights = re.match("([0-9a-f]+)-([0-9a-f]+) (....)", line).groups()
        if rights[3] == "s":
            start, size = int(start, 16), int(end, 16) - int(start, 16)
            libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(size), 3)
    for line in open("/proc/self/maps"):
        start, end, rights = re.match("([0-9a-f]+)-([0-9a-f]+) (....)", line).groups()
        if rights[1] + rights[3] == "ws":
            start, size = int(start, 16), int(end, 16) - int(start, 16)
            for found in re.finditer(what, (ctypes.c_char * size).from_address(start)):
                ctypes.memmove(start + found.start(), by, len(by))
                written += 1
    return written
def in_child(how, *work):
    pid = os.fork()
    if not pid:
        GIVE_UP[how]()
        for each in work:
            each()
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        raise OSError("child")
""" + CONNECT


@pytest.fixture
def session(shim):
    """Runs a program against a server whose certificate has `names`. True if its session worked over TLS."""
    shim.private_build()
    shim.folder.chmod(0o777)  # children of other users start a relay
    shim.hosts = {"bank.example": ["127.0.0.1"], "evil.example": ["127.0.0.1"], "other.example": ["127.0.0.2"]}

    def run(code, *names, options=()):
        with Hostile(honest(IMAP, certs.issued(*names))) as server, Tap(server.address) as tap:
            shim.guard(tap.port, "secure", "imap", *options)
            shim.policy_file.chmod(0o644)
            run.result = shim.python(PRELUDE + code, tap.port, stdin=IMAP.words).ok()
            tap.wait_closed()
            server.wait_done()
        tap.never_saw(SECRET)
        assert server.over_tls in (b"", IMAP.words), run.result.show()
        assert (server.over_tls == b"") == (b"* BYE retrotls: " in run.result.out), run.result.show()
        return server.over_tls != b""
    return run


@pytest.mark.parametrize("how", ["setuid", "setreuid", "setresuid", "capset", "all"])
def test_child_that_was_taken_over_changes_no_name_that_its_parent_asked_for(session, how):
    code = f"ask('bank.example'); in_child('{how}', lambda: overwrite(b'bank.example', b'evil.example')); connect()"
    assert not session(code, "evil.example")
    assert session(code, "bank.example")


def test_a_child_that_gave_up_its_user_by_a_system_call_of_its_own(session):
    """No interposed call sees that. It counts from the child's next lookup on."""
    code = "GIVE_UP['by itself'] = lambda: libc.syscall(SETRESUID, 54321, 54321, 54321) and sys.exit('setresuid')\n" \
           f"SETRESUID = {SETRESUID[platform.machine()]}\nask('bank.example')\n" \
           "in_child('by itself', lambda: ask('other.example'), lambda: overwrite(b'bank.example', b'evil.example'))\nconnect()"
    assert not session(code, "evil.example")
    assert session(code, "bank.example")


def test_the_attack_works_for_a_child_that_keeps_its_rights(session):
    """Otherwise the test above would prove nothing. Whoever has a process's rights can change its memory anyway."""
    code = "GIVE_UP['nothing'] = lambda: None\nask('bank.example')\n" \
           "in_child('nothing', lambda: overwrite(b'bank.example', b'evil.example'))\nconnect()"
    assert session(code, "evil.example")


def test_what_a_child_asked_for_after_it_gave_up_rights_must_match_too(session):
    code = "ask('evil.example'); in_child('all', lambda: ask('bank.example')); connect()"
    assert not session(code, "evil.example")
    assert session(code, "evil.example", "bank.example")


def test_what_only_such_a_child_asked_for_vouches_for_nothing(session):
    code = "in_child('all', lambda: ask('evil.example')); connect()"
    assert not session(code, "evil.example")
    assert b"is lost" in session.result.out
    assert session(code, "bank.example", options=["name bank.example"])


def test_such_a_child_goes_on_with_what_it_asked_for_before(session):
    code = "ask('evil.example'); ask('bank.example'); in_child('all', connect)"
    assert session(code, "bank.example")
    assert not session(code, "evil.example")


def test_such_a_child_asks_and_connects_itself(session):
    code = "ask('evil.example'); in_child('all', lambda: (ask('bank.example'), connect()))"
    assert session(code, "bank.example")
    assert not session(code, "evil.example")


def test_such_a_child_learns_what_its_parent_asks_for_later(session):
    code = """
go, gone = os.pipe(), os.pipe()
pid = os.fork()
if not pid:
    GIVE_UP["all"]()
    ask("evil.example")
    os.write(go[1], b"x")
    os.read(gone[0], 1)
    connect()
    os._exit(0)
os.read(go[0], 1)
ask("bank.example")
os.write(gone[1], b"x")
os.waitpid(pid, 0)
"""
    assert not session(code, "evil.example")
    assert session(code, "evil.example", "bank.example")


def test_a_sibling_that_was_taken_over_changes_nothing_for_another(session):
    """Each of them has given up rights: neither can write what the other asked for."""
    code = """
go, gone = os.pipe(), os.pipe()
pid = os.fork()
if not pid:
    GIVE_UP["all"]()
    ask("bank.example")
    os.write(go[1], b"x")
    os.read(gone[0], 1)
    connect()
    os._exit(0)
os.read(go[0], 1)
in_child("setuid", lambda: overwrite(b"bank.example", b"evil.example"))
os.write(gone[1], b"x")
os.waitpid(pid, 0)
"""
    assert not session(code, "evil.example")
