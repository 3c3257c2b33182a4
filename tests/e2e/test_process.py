"""The program does not notice its relay: no child, no signal, no descriptor, nothing left behind. If one of the two is
killed, the other neither hangs nor takes a truncated stream for a complete one."""
import contextlib
import os
import platform
import re
import signal
from pathlib import Path

import pytest
from support import certs, protocols
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP
from support.raw_call import RAW_CALL
from support.servers.dovecot import message
from support.shim import PROGRAMS, PYTHON, processes
from support.tap import Tap
from support.wait import wait_for

CONNECT = """
import ctypes, errno, os, signal, socket, sys, time
port = int(sys.argv[1])
def connect():
    s = socket.create_connection(("localhost", port))
    return s, s.makefile("rwb", buffering=0)
def session():
    s, f = connect()
    f.readline()
    f.write(b"a1 LOGOUT\\r\\n")
    f.read()
    f.close()
    s.close()
def descriptors():
    return {n for n in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{n}")}
"""


@pytest.fixture
def server(shim):
    """A guarded, honest IMAP server behind a tap. The shim runs from a private build."""
    shim.private_build()
    with Hostile(honest(IMAP)) as hostile, Tap(hostile.address) as tap:
        shim.guard(tap.port, "secure", "imap")
        tap.hostile = hostile
        yield tap


def gone(shim):
    """Waits until no relay of the test is left."""
    wait_for(lambda: not shim.relays(), "the relay to end")


def test_no_child_and_no_sigchld(shim, server):
    code = CONNECT + """
seen = []
signal.signal(signal.SIGCHLD, lambda *_: seen.append(1))
session()
try:
    print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("no child")
print(len(seen), open(f"/proc/self/task/{os.getpid()}/children").read().split())
"""
    result = shim.python(code, server.port).ok()
    assert result.out == b"no child\n0 []\n", result.show()
    gone(shim)


def test_own_children_are_waited_for_as_ever(shim, server):
    code = CONNECT + """
seen = []
signal.signal(signal.SIGCHLD, lambda *_: seen.append(1))
pid = os.fork()
if not pid:
    os._exit(7)
while not seen: time.sleep(0.01)
session()
found, status = os.waitpid(-1, 0)
print(found == pid, os.waitstatus_to_exitcode(status), len(seen))
"""
    result = shim.python(code, server.port).ok()
    assert result.out == b"True 7 1\n", result.show()


def test_subreaper_gets_no_stray_child(shim, server):
    """A service manager that adopts orphans must not get a relay."""
    code = CONNECT + """
libc = ctypes.CDLL(None)
libc.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
session()
flag = ctypes.c_int()
libc.prctl(37, ctypes.byref(flag), 0, 0, 0)
try:
    print(os.waitpid(-1, os.WNOHANG), flag.value)
except ChildProcessError:
    print("no child", flag.value)
"""
    result = shim.python(code, server.port).ok()
    assert result.out == b"no child 1\n", result.show()


def test_shell_pipelines_end_when_their_programs_end(shim, dovecot):
    """A relay that held the program's standard output open would hang every $(...) and every pipe."""
    user = dovecot.mailbox(message("hello", "the cat sat"))
    with Tap(dovecot.at("pop3")) as tap:
        shim.guard(tap.port, "secure", "pop3")
        shim.hosts = {"mail.example.org": ["127.0.0.1"]}
        url = f"curl -sS -u {user}:secret pop3://mail.example.org:{tap.port}/1"
        result = shim.run("bash", "-c", f"""
text=$({url} 2>&1)
{url} | tail -n 1
{url} 2>&1 | cat > piped
wait
jobs
echo "$text" | grep -c cat
""").ok()
    assert result.out == b"the cat sat\r\n1\n" and b"the cat sat" in (shim.folder / "piped").read_bytes(), result.show()


def test_shell_pipeline_ends_before_the_relay_does(shim):
    """The relay is stopped, so the pipeline cannot end because the relay ends."""
    shim.private_build()
    code = CONNECT + """
s, f = connect()
f.readline()
open("open", "w").close()
while not os.path.exists("go"): time.sleep(0.01)
print("done")
"""
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "encrypt")
        process = shim.popen("bash", "-c", 'text=$("$@" 2>&1); echo "$text" | cat', "bash", PYTHON, "-c", code, server.port)
        wait_for((shim.folder / "open").exists, "the session")
        relay, = shim.relays()
        os.kill(relay, signal.SIGSTOP)
        try:
            (shim.folder / "go").touch()
            result = shim.finish(process).ok()
            assert shim.relays() == [relay] and result.out == b"done\n", result.show()
        finally:
            os.kill(relay, signal.SIGCONT)
        wait_for(lambda: not shim.relays(), "the relay to end")


def test_relay_holds_no_descriptor_of_the_programs(shim, server):
    """The relay holds no pipes and no files. It runs in its own session, in the root folder, with a clean environment."""
    code = CONNECT + """
s, f = connect()
f.readline()
print("open", flush=True)
sys.stdin.readline()
f.write(b"a1 LOGOUT\\r\\n")
f.read()
"""
    held = os.open(shim.folder / "held", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(held, True)
    process = shim.popen(PYTHON, "-c", code, server.port, stdin=-1, pass_fds=[held])
    assert process.stdout.readline() == b"open\n"
    relay, = shim.relays()
    links = [os.readlink(f) for f in Path(f"/proc/{relay}/fd").iterdir()]
    assert all(link == "/dev/null" or link.startswith(("socket:", "anon_inode:")) for link in links), links
    assert len([link for link in links if link == "/dev/null"]) == 3, links
    pipes = {os.readlink(f"/proc/{process.pid}/fd/{n}") for n in (0, 1, 2)}
    assert not pipes & set(links)
    assert os.readlink(f"/proc/{relay}/cwd") == "/"
    environment = Path(f"/proc/{relay}/environ").read_bytes()
    assert not re.search(rb"RETROTLS_RELAY=[^\0]", environment), "its token can be seen"
    assert b"LD_PRELOAD" not in environment and str(shim.folder).encode() not in environment, environment
    monitor, session, _ = processes()[relay]
    parent, session_of_monitor, _ = processes()[monitor]
    assert session == session_of_monitor == monitor and parent != process.pid
    os.close(held)
    shim.finish(process, b"\n").ok()
    gone(shim)


@pytest.mark.parametrize("lack", ["close-range", "pidfd", "quiet-clone"])
def test_on_an_older_kernel_the_process_stays_as_it_is_too(shim, server, lack):
    """No child and no SIGCHLD. The relay holds nothing of the program, and ends after it."""
    code = CONNECT + """
held = os.open("held", os.O_CREAT | os.O_RDWR)
os.set_inheritable(os.dup2(held, 57), True)
seen = []
signal.signal(signal.SIGCHLD, lambda *_: seen.append(1))
s, f = connect()
f.readline()
print(len(seen), open(f"/proc/self/task/{os.getpid()}/children").read().split(), flush=True)
sys.stdin.readline()
f.write(b"a1 LOGOUT\\r\\n")
f.read()
"""
    process = shim.popen(PROGRAMS / "older_kernel", lack, "--", PYTHON, "-c", code, server.port, stdin=-1)
    assert process.stdout.readline() == b"0 []\n", process.stderr.read()
    relay, = shim.relays()
    links = [os.readlink(f) for f in Path(f"/proc/{relay}/fd").iterdir()]
    assert all(link == "/dev/null" or link.startswith(("socket:", "anon_inode:")) for link in links), links
    shim.finish(process, b"\n").ok()
    gone(shim)


def test_nothing_stays_open_in_the_program(shim, server):
    code = CONNECT + """
session()
before = descriptors()
for _ in range(10): session()
print(descriptors() - before, before - descriptors())
"""
    result = shim.python(code, server.port).ok()
    assert result.out == b"set() set()\n", result.show()


def test_descriptor_number_stays_the_same(shim, server):
    """A descriptor duplicated before connect(): both numbers lead to the same upgraded connection."""
    code = CONNECT + """
s = socket.socket()
first, second = s.fileno(), os.dup(s.fileno())
s.connect(("localhost", port))
print(s.fileno() == first, os.fstat(first).st_ino == os.fstat(second).st_ino)
other = socket.socket(fileno=second)
print(other.getpeername() == s.getpeername() == ("127.0.0.1", port))
f = other.makefile("rwb", buffering=0)
print(f.readline().decode().strip())
s.sendall(b"a1 LOGOUT\\r\\n")
print(f.read().decode().splitlines()[-1])
"""
    result = shim.python(code, server.port).ok()
    lines = result.out.decode().splitlines()
    assert lines[0] == "True True" and lines[1] == "True" and lines[2].startswith("* OK "), result.show()
    assert lines[3] == "a1 OK bye", result.show()
    server.wait_closed()
    server.saw_only_tls_after(IMAP.preamble)


def test_program_may_close_all_descriptors(shim, server):
    """Daemons often call closefrom(). The next connection works like the first."""
    code = CONNECT + "session()\nos.closerange(3, 1000)\nsession()\nprint('done')"
    assert shim.python(code, server.port).ok().out == b"done\n"
    assert len(server.recordings) == 2
    server.saw_only_tls_after(IMAP.preamble)


def test_more_connections_than_one_relay_has_descriptors_for(shim):
    """A hard limit binds the relay too, which needs four descriptors for each connection, and up to six while it opens it. When
    it has no more, the program starts another relay, and connections of the first one still take options."""
    shim.private_build()
    code = CONNECT + """
held = [connect() for _ in range(45)]
greeted = sum(f.readline().startswith(b"* OK") for s, f in held)
for s, f in held:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
kept = sum(s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) for s, f in held)
print(greeted, kept, flush=True)
sys.stdin.readline()
for s, f in held:
    f.write(b"a1 LOGOUT\\r\\n")
print(sum(b"a1 OK" in f.read() for s, f in held))
"""
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap", "name localhost")
        process = shim.popen("prlimit", "--nofile=100:100", PYTHON, "-c", code, server.port, stdin=-1)
        greeted = process.stdout.readline()
        running = len(shim.relays())
        result = shim.finish(process, b"\n").ok()
    assert greeted == b"45 45\n" and result.out == b"45\n", (greeted, result.show())
    assert 3 <= running <= 6, f"{running} relays"
    assert [line["result"] for line in result.lines] == ["tls"] * 45, result.show()


def test_children_that_connect_at_the_same_time_get_their_own_answers(shim, dovecot):
    users = [dovecot.mailbox(message("hello", f"text of number {number}")) for number in range(8)]
    code = """
import imaplib, os, sys
port, users = int(sys.argv[1]), sys.argv[2:]
def session(user):
    c = imaplib.IMAP4("localhost", port)
    c.login(user, "secret")
    c.select()
    text = c.fetch("1", "(RFC822.TEXT)")[1][0][1].decode().strip()
    c.logout()
    return text
session(users[0])  # the parent has a relay when it forks
go, gate = os.pipe()
for user in users:
    if not os.fork():
        os.close(gate)
        os.read(go, 1)
        os.write(1, f"{user} {session(user)}\\n".encode())
        os._exit(0)
os.close(gate)
for _ in users:
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    shim.private_build()
    with Tap(dovecot.at("imap")) as tap:
        shim.guard(tap.port, "secure", "imap")
        result = shim.python(code, tap.port, *users).ok()
        lines = sorted(result.out.decode().splitlines())
        assert lines == sorted(["0"] * 8 + [f"{u} text of number {n}" for n, u in enumerate(users)]), result.show()
        tap.wait_closed()
    tap.saw_only_tls_after(IMAP.preamble)
    gone(shim)


WAITS = CONNECT + """
s, f = connect()
f.readline()
f.write(b"a1 NOOP\\r\\n")
f.readline()
print("open", flush=True)
try:
    data = s.recv(100)
    print("read", data)
except OSError as error:
    print(errno.errorcode[error.errno])
"""


def open_session(shim, server):
    """Starts a program and returns its process, in the middle of a session and waiting for the server."""
    process = shim.popen(PYTHON, "-c", WAITS, server.port)
    assert process.stdout.readline() == b"open\n", shim.finish(process).show()
    return process


def test_kill_9_of_the_program_leaves_nothing(shim, server):
    process = open_session(shim, server)
    assert len(shim.relays()) == 1
    process.kill()
    shim.finish(process)
    server.wait_closed()
    server.hostile.wait_done()
    gone(shim)


def test_kill_9_of_the_relay_is_a_reset_for_the_program(shim, server):
    """Not an end of file: the mail that the program is reading is incomplete."""
    process = open_session(shim, server)
    relay, = shim.relays()
    os.kill(relay, signal.SIGKILL)
    result = shim.finish(process, timeout=20).ok()
    assert result.out == b"ECONNRESET\n", result.show()
    server.wait_closed()
    assert not shim.relays()


SENDFILE = {"x86_64": 40, "aarch64": 71}


@pytest.mark.skipif(platform.machine() not in SENDFILE or os.sysconf("SC_PAGESIZE") > 4096,
                    reason="not with large pages (shim/relay/io/relay_end.h), and the number of sendfile(2) must be known")
def test_kill_9_of_the_relay_is_a_reset_after_a_sendfile_that_the_library_did_not_see(shim):
    """The kernel puts the file into 64 KiB buffers. The relay must not give up the byte that is left in the last one."""
    shim.private_build()
    size = 1 << 20

    def scenario(s):
        protocols.upgrade(s, IMAP, certs.case("good"))
        s.expect(rb"a0 CAPABILITY")
        s.send(b"* CAPABILITY IMAP4rev1\r\na0 OK done\r\n")
        s.silence()

    code = RAW_CALL + CONNECT + f"""
import select, tempfile
s, f = connect()
f.readline()
f.write(b"a0 CAPABILITY\\r\\n")
f.readline(), f.readline()
file = tempfile.TemporaryFile()
file.write(b"x" * {size})
file.seek(0)
left = {size}
while left > 0:
    sent = raw_call({SENDFILE[platform.machine()]}, s.fileno(), file.fileno(), None, left)
    if sent <= 0: sys.exit("sendfile(2) failed")
    left -= sent
select.select([], [s], [])
print("sent", flush=True)
try:
    print(s.recv(1))
except OSError as error:
    print(errno.errorcode[error.errno])
"""
    with Hostile(scenario) as server:
        shim.guard(server.port, "secure", "imap", "name localhost")
        process = shim.popen(PYTHON, "-c", code, server.port)
        assert process.stdout.readline() == b"sent\n", shim.finish(process).show()
        wait_for(lambda: len(server.connections[0].over_tls) >= size, "the server to have it all")
        relay, = shim.relays()
        os.kill(relay, signal.SIGKILL)
        result = shim.finish(process, timeout=20).ok()
    assert result.out == b"ECONNRESET\n", result.show()


def test_after_the_relay_was_killed_the_next_connection_works(shim, server):
    code = CONNECT + "session()\nprint('first', flush=True)\nsys.stdin.readline()\nsession()\nprint('second')"
    process = shim.popen(PYTHON, "-c", code, server.port, stdin=-1)
    assert process.stdout.readline() == b"first\n"
    for relay in shim.relays():
        os.kill(relay, signal.SIGKILL)
    wait_for(lambda: not shim.relays(), "the relay to die")
    assert shim.finish(process, b"\n").ok().out == b"second\n"
    assert len(server.recordings) == 2
    server.saw_only_tls_after(IMAP.preamble)


def test_signals_that_stop_a_service_leave_the_session_alone(shim, server):
    """A service manager signals the whole group. The program may finish its session first."""
    code = CONNECT + """
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
s, f = connect()
f.readline()
print("open", flush=True)
sys.stdin.readline()
f.write(b"a1 LOGOUT\\r\\n")
print(f.read().decode().splitlines()[-1])
"""
    process = shim.popen(PYTHON, "-c", code, server.port, stdin=-1)
    assert process.stdout.readline() == b"open\n"
    relay, = shim.relays()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        os.kill(relay, number)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number) if number != signal.SIGPIPE else None
    assert shim.finish(process, b"\n").ok().out == b"a1 OK bye\n"
    gone(shim)


def test_program_that_goes_away_frees_a_negotiation_at_once(shim):
    """The server never greets, the deadline is far away, and the program is killed."""
    shim.private_build()
    with Hostile(lambda s: s.silence()) as hostile, Tap(hostile.address) as tap:
        shim.guard(tap.port, "secure", "imap", "greeting-timeout 300")
        code = CONNECT + "s, f = connect()\nprint('open', flush=True)\nf.readline()"
        process = shim.popen(PYTHON, "-c", code, tap.port)
        assert process.stdout.readline() == b"open\n"
        process.kill()
        shim.finish(process)
        hostile.wait_done(20)
        gone(shim)


def test_program_that_outlives_its_connection_sees_no_relay_in_its_way(shim, server):
    """If a program has no connection left but keeps running, its relay ends or does no harm: it does not delay the program's
    end."""
    result = shim.python(CONNECT + "session()\nprint('done', flush=True)\nos._exit(0)", server.port, timeout=20)
    assert result.out == b"done\n"
    gone(shim)

