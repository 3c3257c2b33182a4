"""In turn, each system call of the library and the relay and each allocation in a session fails once, and each of the
relay's sends and receives once moves a single byte. Either the session works, or the program gets an error. There is never
a password in clear, a wrong byte, a hang, a leaked descriptor, or a relay that stays.

Tries a sample and prints its seed, or tries everything with RETROTLS_SOAK=1 (`make soak`). RETROTLS_SEED repeats a sample."""
import contextlib
import os
import random
import shutil
import signal
import socket
import tempfile
from pathlib import Path

import pytest
from support import faults
from support.faults import Fault
from support.hostile import Hostile
from support.play import Outcome, honest
from support.protocols import IMAP
from support.shim import Shim, processes
from support.tap import Tap
from support.wait import wait_for

pytestmark = pytest.mark.slow
SEED = int(os.environ.get("RETROTLS_SEED") or random.randrange(1 << 32))
KINDS = {
    "system calls of the program": (lambda f: f.who == "program" and f.error, 12),
    "system calls of what becomes the relay": (lambda f: f.who == "start", 6),
    "system calls of the relay": (lambda f: f.who == "relay" and f.error, 12),
    "allocations of the relay": (lambda f: f.who == "relay" and f.call == "malloc", 12),
    "single bytes": (lambda f: f.call in ("recv", "send", "read") and not f.error, 8),
}
# These were defects once.
FOUND = [Fault("program", "getsockopt", "ENOMEM", 1), Fault("program", "getsockopt", "ENOMEM", 2),
         Fault("program", "getsockopt", "ENOMEM", 3), Fault("relay", "sendto", "ENOMEM", 5),
         Fault("relay", "sendto", "ENOMEM", 6), Fault("relay", "shutdown", "ENOTCONN", 1),
         *(Fault("program", "getsockopt", "ENOMEM", number) for number in (16, 22, 24))]
HANGS = 40  # seconds; the longest timeout of the policy is 10


def descriptors(pid):
    with contextlib.suppress(OSError):  # it has just ended
        return len(os.listdir(f"/proc/{pid}/fd"))
    return 0


def at_the_end(shim, process, quiet, fault):
    """Waits until the session is over and the relay has no more than `quiet` descriptors, then lets the program end.
    Returns how many descriptors the relay had, and which ones the program had."""
    report = shim.folder / "descriptors"
    wait_for(lambda: process.poll() is not None or (report.exists() and report.read_text().endswith("\n")),
             "the program's session to end", HANGS)
    if process.poll() is not None:
        return 0, ""
    count = [0]
    if fault and fault.call == "connect":
        quiet += 1  # the relay keeps the socket for a while, in case the program tries again with it

    def few():
        count[0] = max(map(descriptors, shim.relays()), default=0)
        return quiet is None or count[0] <= quiet
    try:
        wait_for(few, lambda: f"the relay to close its descriptors: {quiet} when quiet, now {count[0]}")
    finally:
        with open(shim.folder / "go", "wb"):
            pass
    return count[0], report.read_text()


def session(fault=None, quiet=None, **recording):
    """Runs one session of the careless client with an honest server, until no relay is left. Returns its Outcome, and what
    at_the_end() returns."""
    folder = Path(tempfile.mkdtemp(prefix="retrotls-fault-"))
    folder.chmod(0o755)
    try:
        shim = Shim(folder)
        shim.private_build()
        program = faults.prepare(shim, fault, **recording)
        os.mkfifo(folder / "go")
        # The first address that the client tries, so that it makes only one connection.
        host = socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)[0][4][0]
        with Hostile(honest(IMAP)) as server, Tap(server.address, host=host) as tap:
            shim.guard(tap.port, "secure", "imap", "greeting-timeout 10", "timeout 10")
            process = shim.popen(*program, "localhost", tap.port, stdin=-1, preload=False,
                                 env={"CARELESS_END": str(folder)})
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(IMAP.words)
                process.stdin.close()
            process.stdin = None
            try:
                kept = at_the_end(shim, process, quiet, fault)
            finally:
                result = shim.finish(process, timeout=HANGS)
            tap.wait_closed()
            server.wait_done()
            # A relay that is about to start does not count as one yet, but its strace(1) writes to this folder.
            wait_for(lambda: not any(str(folder) in command for _, _, command in processes().values()), "the relay's strace to end")
            wait_for(lambda: not shim.relays(), "the relay to end")
            return Outcome(IMAP, result, server, tap, IMAP.words), kept
    finally:
        shutil.rmtree(folder)


def survived(outcome, kept):
    """True if the session worked. If not, asserts that the program got an error."""
    outcome.nothing_leaked()
    result, served = outcome.result, outcome.server.over_tls
    assert IMAP.words.startswith(served), f"other bytes arrived{outcome.show()}"
    assert result.status in (0, 1, 127, -signal.SIGPIPE), f"the program crashed{outcome.show()}"
    assert kept[1] in ("", "0 1 2 \n"), f"the program still has the descriptors {kept[1]}{outcome.show()}"
    if served == IMAP.words:
        return True
    told = result.status != 0 or b"* BYE retrotls: " in result.out or result.err.count(b"\n") != 1 or \
        result.err != b"read: end of stream\n"
    assert told, f"the program took it for a whole session{outcome.show()}"
    return False


@pytest.fixture(scope="module")
def matrix():
    """All that can fail, as seen in sessions without a fault, and how many descriptors a quiet relay has."""
    with tempfile.TemporaryDirectory() as folder:
        outcome, (_, program) = session(trace=Path(folder))
        assert survived(outcome.upgraded(), (0, program)) and program, outcome.show()
        session(trace=Path(folder), follow=True)[0].upgraded()
        found = faults.possible(Path(folder))
    assert Fault("program", "malloc", "", 1) not in found, "the library allocates: let that fail too"
    quiet = max(session()[1][0] for _ in range(3))
    return found, quiet


# Temporary errors: another try mends them. Every session makes each of these calls.
MENDED = [Fault("program", "sendmsg", "ETOOMANYREFS", 2), Fault("program", "sendmsg", "ENOBUFS", 2),
          Fault("program", "dup3", "EBUSY", 1), Fault("program", "ppoll", "EINTR", 1),
          Fault("relay", "accept4", "ECONNABORTED", 1), Fault("relay", "accept4", "EINTR", 1),
          Fault("relay", "recvmsg", "EINTR", 1), Fault("relay", "recvfrom", "EINTR", 1),
          Fault("relay", "epoll_wait", "EINTR", 1)]


@pytest.mark.parametrize("fault", MENDED, ids=str)
def test_what_another_try_mends_is_not_noticed(matrix, fault):
    found, quiet = matrix
    assert fault in found, f"no session has that call: {[f for f in found if (f.who, f.call) == (fault.who, fault.call)]}"
    assert survived(*session(fault, quiet)), "the program was told"


@pytest.mark.timeout(20000 if faults.is_soak() else 240)
@pytest.mark.parametrize("kind", KINDS)
def test_each_fails_once(matrix, kind):
    is_it, sample = KINDS[kind]
    found, quiet = matrix
    chosen = [fault for fault in found if is_it(fault)]
    assert len(chosen) >= sample, chosen
    if not faults.is_soak():
        chosen = [f for f in FOUND if is_it(f)] + random.Random(SEED).sample(chosen, sample)
    failures, worked = [], 0
    for fault in chosen:
        try:
            worked += survived(*session(fault, quiet))
        except AssertionError as error:  # try the others too: the whole list shows more than its first entry
            failures.append(f"== {fault}\n{error}")
    print(f"seed {SEED}: {len(chosen)} faults, {kind}: {worked} sessions worked all the same")
    assert not failures, f"seed {SEED}: {len(failures)} of {len(chosen)}\n" + "\n".join(failures)
