"""At any moment of a session, the relay, its monitor or the program dies by kill -9, or the relay or the program is stopped
for a while. The program ends with an error or as usual, nothing crosses in clear, and no process stays.

The moment is a number of bytes that have crossed: the recorder on the path then sends the signal. Each is killed at ten
moments, or a hundred with RETROTLS_SOAK=1 (`make soak`). RETROTLS_SEED repeats a run."""
import contextlib
import os
import random
import signal
import threading

import pytest
from support import certs, faults, protocols
from support.hostile import Hostile
from support.play import Outcome, honest, play
from support.protocols import IMAP, SMTP
from support.shim import PROGRAMS, PYTHON
from support.tap import Tap
from support.tree import compile_c
from support.wait import wait_for

SEED = int(os.environ.get("RETROTLS_SEED") or random.randrange(1 << 32))
TIMES = 100 if faults.is_soak() else 10


class Moment(Tap):
    """A tap that calls `act` once, when `after` bytes have come and before it passes the last of them on."""

    def __init__(self, server, after, act):
        self.after, self.act = after, act
        self.lock = threading.Lock()
        super().__init__(server)

    def _copy(self, source, target, *rest):
        super()._copy(Watched(source, self), target, *rest)

    def came(self, count):
        with self.lock:
            before, self.after = self.after, self.after - count
            if before > 0 >= self.after:
                self.act()


class Watched:
    """A socket that reports its reads to a Moment."""

    def __init__(self, sock, moment):
        self.socket, self.moment = sock, moment

    def recv(self, size):
        data = self.socket.recv(size)
        self.moment.came(len(data))
        return data

    def __getattr__(self, name):
        return getattr(self.socket, name)


def session(shim, after, act, meanwhile=None):
    """Runs one session. `act` gets the program's process when `after` bytes have crossed; `meanwhile` is called after that."""
    acted = threading.Event()
    started = threading.Event()
    process = None

    def at_the_moment():
        started.wait()
        act(process)
        acted.set()
    with Hostile(honest(IMAP)) as server, Moment(server.address, after, at_the_moment) as tap:
        shim.guard(tap.port, "secure", "imap", "greeting-timeout 10", "timeout 10")
        process = shim.popen(PROGRAMS / "careless", "localhost", tap.port, stdin=-1)
        started.set()
        if meanwhile:
            process.stdin.write(IMAP.words)
            process.stdin.close()
            process.stdin = None
            wait_for(acted.is_set, "the moment")
            meanwhile()
        result = shim.finish(process, IMAP.words if not meanwhile else b"", timeout=40)
        tap.wait_closed()
        server.wait_done()
        wait_for(lambda: not shim.relays(), "the relay to end")
        assert acted.is_set(), f"only few bytes crossed, not {after}"
        return Outcome(IMAP, result, server, tap, IMAP.words)


@pytest.fixture
def length(shim):
    """The least number of bytes that cross in a whole session. How TLS cuts its records differs a little."""
    shim.private_build()
    crossed = session(shim, 1, lambda _: None).upgraded().tap.count
    return sum(crossed.values()) - 50


def kill(pid, number=signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", ["relay", "its monitor", "program"])
def test_kill_9_at_any_moment(shim, length, victim):
    def act(process):
        for pid in {"relay": shim.relays, "its monitor": shim.monitors().values, "program": lambda: [process.pid]}[victim]():
            kill(pid)
    rng = random.Random(SEED)
    for number in range(TIMES):
        after = rng.randint(1, length)
        outcome = session(shim, after, act)
        what = f"seed {SEED}, number {number}: after {after} of {length} bytes{outcome.show()}"
        outcome.nothing_leaked()
        assert IMAP.words.startswith(outcome.server.over_tls), what
        result = outcome.result
        if victim == "program":
            assert result.status in (0, -signal.SIGKILL), what
        else:
            assert result.status in (0, 1, -signal.SIGPIPE), what
            assert b"malformed" not in result.out, what  # a second relay went on where the first one had begun
            whole = outcome.server.over_tls == IMAP.words
            assert whole or result.status or result.err != b"read: end of stream\n", what


# In the relay, delays the answers to requests. They go out on a connection that it accepted, which has the listener's name.
ANSWERS_LATE = r"""
#define _GNU_SOURCE
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct sockaddr_un name = {.sun_family = AF_UNSPEC};
    socklen_t length = sizeof name, size = sizeof(int);
    int type = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET &&
        getsockname(fd, (struct sockaddr *)&name, &length) == 0 && length > sizeof name.sun_family)
        poll(NULL, 0, 8000);
    return syscall(SYS_sendmsg, fd, message, flags);
}
"""


def test_second_relay_does_not_go_on_where_the_first_had_begun(shim):
    """The first relay has spoken with the server, but the library does not know yet that it took the connection over. What
    the server says next answers the first relay, not the second."""
    shim.private_build()
    late = compile_c(ANSWERS_LATE, shim.folder / "late.so", "-shared", "-fPIC")
    shim.stand_in(["/usr/bin/env", f"LD_PRELOAD={late}"])

    def act(_):
        for pid in shim.relays():
            kill(pid)
    outcome = session(shim, len(IMAP.greeting) + 1, act)
    assert outcome.tap.up.count(b" CAPABILITY\r\n") == 1, outcome.show()
    assert b"Network is unreachable" in outcome.result.err and outcome.result.status == 1, outcome.show()
    assert "has ended" in outcome.result.lines[0]["error"], outcome.show()


KILLED_AT_ITS_FIRST_MESSAGE = """
if mkdir first 2> /dev/null; then
    exec /usr/bin/strace -f -D -qq -o calls -e trace=recvmsg -e inject=recvmsg:signal=SIGKILL:when=1 "$@"
fi
exec "$@"
"""


def test_relay_that_dies_before_it_has_read_the_request_is_followed_by_another(shim):
    shim.private_build()
    script = shim.folder / "in-turn"
    script.write_text(f"cd {shim.folder}\n{KILLED_AT_ITS_FIRST_MESSAGE}")
    shim.stand_in(["/bin/sh", script])
    play(shim, IMAP, honest(IMAP), "secure").upgraded()
    assert "killed by SIGKILL" in (shim.folder / "calls").read_text()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", ["relay", "program"])
def test_stopped_for_a_while(shim, length, who):
    rng = random.Random(SEED)
    for number in range(max(3, TIMES // 5)):
        after = rng.randint(1, length)
        stopped = []

        def stop(process):
            stopped[:] = shim.relays() if who == "relay" else [process.pid]
            for pid in stopped:
                kill(pid, signal.SIGSTOP)

        def go_on():
            wait_for(lambda: all(state(pid) in "TZ" for pid in stopped), "it to stop")
            for pid in stopped:
                kill(pid, signal.SIGCONT)
        shim.log_file.unlink(missing_ok=True)
        outcome = session(shim, after, stop, go_on)
        assert outcome.server.over_tls == IMAP.words, f"seed {SEED}, number {number}: after {after}{outcome.show()}"
        outcome.upgraded()


def state(pid):
    """The state of a process as /proc shows it, or Z if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(") ")[2][0]
    except OSError:
        return "Z"


SPLICES = """
import errno, os, socket, sys
port, how = int(sys.argv[1]), sys.argv[2]
s = socket.create_connection(("localhost", port))
answers = s.makefile("rb")
def ask(line):
    s.sendall(line)
    return answers.readline()
answers.readline(), ask(b"EHLO me\\r\\n"), ask(b"DATA\\r\\n")
file = open("text", "rb")
size = os.fstat(file.fileno()).st_size
pipe = os.pipe()
try:
    while size > 0:
        if how == "sendfile":
            size -= os.sendfile(s.fileno(), file.fileno(), None, size)
        else:
            filled = os.splice(file.fileno(), pipe[1], size)
            size -= filled
            while filled > 0:
                filled -= os.splice(pipe[0], s.fileno(), filled)
    print("sent", flush=True)
    print("read", s.recv(100))
except OSError as error:
    print(errno.errorcode[error.errno])
"""
UPLOAD = 4 << 20


@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["sendfile", "splice"])
@pytest.mark.parametrize("moment", ["during", "after"])
def test_kill_9_of_the_relay_and_what_was_spliced(shim, how, moment):
    """The relay leaves one byte of the last buffer unread, so that its death is an error to the program, never an orderly
    end. Without a limit, the kernel would splice into buffers too large to be kept (PAIR_PIECE)."""
    shim.private_build()
    (shim.folder / "text").write_bytes(random.Random(SEED).randbytes(UPLOAD))
    rng = random.Random(SEED)
    for number in range(max(3, TIMES // 5)):
        enough = UPLOAD if moment == "after" else rng.randrange(1, UPLOAD)
        arrived, done = threading.Event(), threading.Event()

        def scenario(s, enough=enough, arrived=arrived, done=done):
            protocols.upgrade(s, SMTP, certs.case("good"))
            s.expect(rb"EHLO me")
            s.send(b"250 ok\r\n")
            s.expect(rb"DATA")
            s.send(b"354 go on\r\n")
            left = enough - len(s.buffer)
            while left > 0:
                left -= len(s.socket.recv(65536))
            arrived.set()
            done.wait(60)
        with Hostile(scenario) as server:
            shim.guard(server.port, "secure", "smtp")
            process = shim.popen(PYTHON, "-c", SPLICES, server.port, how)
            if moment == "after":
                assert process.stdout.readline() == b"sent\n", shim.finish(process).show()
            assert arrived.wait(60)
            for pid in shim.relays():
                kill(pid)
            result = shim.finish(process)
            done.set()
        seen = result.out.removeprefix(b"sent\n")
        assert seen in (b"ECONNRESET\n", b"EPIPE\n"), f"seed {SEED}, number {number}: {result.show()}"
        assert moment == "during" or seen == b"ECONNRESET\n", f"seed {SEED}, number {number}: {result.show()}"
