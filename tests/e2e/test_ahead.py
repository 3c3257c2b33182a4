"""A daemon that gives up what a relay needs to be started (its root directory, its user, its processes) before it connects
for the first time. What it may need is got ready before (preload/relay/relay_ahead.h)."""
import os
import resource
import signal

import pytest
from support import certs
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP, SECRET
from support.shim import PYTHON
from support.tap import Tap
from support.wait import wait_for

needs_root = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="chroot(2) and another user need root")]

PRELUDE = """
import ctypes, encodings.idna, os, resource, socket, sys
port, root = int(sys.argv[1]), sys.argv[2]
libc = ctypes.CDLL(None, use_errno=True)
def other_root():
    os.chroot(root)
    os.chdir("/")
def other_user():
    os.setgroups([])
    os.setgid(54321)
    os.setuid(54321)
def no_process():
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
def connect():
    s = socket.socket()
    try:
        s.connect(("127.0.0.1", port))
    except OSError as e:
        sys.exit(f"connect: {e.strerror}")
    f = s.makefile("rwb", buffering=0)
    sys.stdout.buffer.write(f.readline())
    f.write(sys.stdin.buffer.read())
    sys.stdout.buffer.write(f.read())
    sys.stdout.flush()
"""


@pytest.fixture
def session(shim):
    """Runs a program against a good server, whose policy the program can read only before it has begun."""
    shim.private_build()
    (shim.folder / "root").mkdir(mode=0o755)

    def run(code, *options, policy=lambda text: text, **how):
        with Hostile(honest(IMAP, certs.case("good"))) as server, Tap(server.address) as tap:
            shim.guard(tap.port, "secure", "imap", "name localhost", *options)
            shim.policy(policy(shim.policy_file.read_text()))
            run.result = shim.run(PYTHON, "-c", PRELUDE + code, tap.port, shim.folder / "root", stdin=IMAP.words, **how)
            tap.wait_closed()
            server.wait_done()
        tap.never_saw(SECRET)
        run.worked = server.over_tls == IMAP.words
        return run.worked
    return run


def ends(shim):
    wait_for(lambda: not shim.relays(), "the relay ends")


@pytest.mark.parametrize("code", [
    "other_root(); connect()",
    "other_root(); other_user(); connect()",
    "other_user(); no_process(); connect()",
    "no_process(); other_user(); connect()",
    "other_root(); other_user(); no_process(); connect()",
    "libc.prlimit(0, resource.RLIMIT_NPROC, (ctypes.c_ulong * 2)(), None); other_user(); connect()",
], ids=["root", "root, user", "user, processes", "processes, user", "all", "prlimit"])
@pytest.mark.parametrize("mark", [pytest.param(0, marks=needs_root)], ids=["as root"])
def test_what_a_daemon_gives_up_before_it_connects_is_not_missed(shim, session, code, mark):
    shim.folder.chmod(0o777)  # for the log, which the relay writes with the rights of the program's new user
    assert session(code), session.result.show()
    session.result.ok()
    assert shim.log_lines()[0]["result"] == "tls"
    ends(shim)


def test_no_more_processes_for_an_ordinary_user(shim, session):
    code = "os.geteuid() or other_user(); no_process(); connect()"
    if os.geteuid() == 0:
        shim.policy_file.touch()
        shim.folder.chmod(0o755)
    assert session(code), session.result.show()


def limit_processes():
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))


class TestRoot:
    pytestmark = needs_root

    def test_limit_from_before_holds_for_the_new_user(self, shim, session):
        """It does not hold for root. (systemd's LimitNPROC=1)"""
        assert session("other_user(); connect()", preexec_fn=limit_processes), session.result.show()

    def test_policy_that_only_root_can_read_stays_in_force(self, shim, session):
        assert session("other_user(); connect()"), session.result.show()

    def test_users_name_in_the_policy_is_known_in_another_root(self, shim, session):
        """nobody is 65534 outside; inside, there is no /etc/passwd."""
        def for_nobody(text):
            return text.replace("match port", "match user nobody port")
        code = "other_root(); os.setgid(65534); os.setuid(65534); connect()"
        assert session(code, policy=for_nobody), session.result.show()

    def test_children_go_on_with_the_relay_when_the_one_that_started_it_has_ended(self, shim, session):
        code = """
other_root()
other_user()
read, write = os.pipe()
parent = os.getpid()
if os.fork():
    os._exit(0)
while os.getppid() == parent:
    pass
for again in range(2):
    if not os.fork():
        if again:
            connect()
        os._exit(0)
    os.wait()
"""
        assert session(code), session.result.show()
        ends(shim)

    def test_relay_that_was_killed_leaves_a_cause_and_a_remedy(self, shim, session):
        shim.environment["RETROTLS_LOG"] = "stderr"
        code = """
other_root()
other_user()
print("ready", flush=True)
sys.stdin.buffer.readline()
connect()
"""
        (shim.folder / "root").chmod(0o755)
        with Hostile(honest(IMAP, certs.case("good"))) as server, Tap(server.address) as tap:
            shim.guard(tap.port, "secure", "imap", "name localhost")
            program = shim.popen(PYTHON, "-c", PRELUDE + code, tap.port, shim.folder / "root", stdin=-1)
            assert program.stdout.readline() == b"ready\n"
            for pid in shim.relays():
                os.kill(pid, signal.SIGKILL)
            ends(shim)
            result = shim.finish(program, b"\n" + IMAP.words)
        assert tap.up == b""
        assert b"connect: Network is unreachable" in result.err
        assert b"has called chroot(2), and the relay that was started before that has ended: start the program again" \
            in result.err, result.show()

    @pytest.mark.parametrize("policy", ["match program python*\n    level none\n", "level none\n"])
    def test_program_that_the_policy_leaves_alone_gets_no_relay(self, shim, policy):
        shim.private_build()
        (shim.folder / "root").mkdir()
        shim.policy(policy)
        program = shim.popen(PYTHON, "-c", PRELUDE + "other_root(); print('ready', flush=True); sys.stdin.read()",
                             1, shim.folder / "root", stdin=-1)
        assert program.stdout.readline() == b"ready\n"
        assert shim.relays() == []
        shim.finish(program).ok()

    def test_relay_that_waits_is_one_process(self, shim):
        shim.private_build()
        (shim.folder / "root").mkdir()
        shim.policy("")
        program = shim.popen(PYTHON, "-c", PRELUDE + "other_root(); print('ready', flush=True); sys.stdin.read()",
                             1, shim.folder / "root", stdin=-1)
        assert program.stdout.readline() == b"ready\n"
        assert len(shim.relays()) == 1 and shim.monitors() == {}
        shim.finish(program).ok()
        ends(shim)
