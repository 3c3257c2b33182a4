"""Each system call that the library and the relay make in a session fails once, in turn: the session works, or the
program gets an error. Never a password in clear, never a wrong byte, never a hang, never a relay that stays.

A sample, whose seed is shown, or all of it with RETROTLS_SOAK=1 (`make soak`). RETROTLS_SEED repeats a sample."""
import os
import random
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from support import faults
from support.hostile import Hostile
from support.play import Outcome, honest
from support.protocols import IMAP
from support.shim import Shim
from support.tap import Tap
from support.wait import wait_for

pytestmark = [pytest.mark.skipif(not shutil.which("strace"), reason="strace is not there"), pytest.mark.slow]
SEED = int(os.environ.get("RETROTLS_SEED") or random.randrange(1 << 32))
SAMPLE = 12  # for each of the two
# These were defects once.
FOUND = {("program", "getsockopt", 1), ("program", "getsockopt", 2), ("program", "getsockopt", 3), ("relay", "sendto", 5),
         ("relay", "sendto", 6)}
HANGS = 40  # seconds; the longest timeout of the policy is 10


def session(fault=None, trace=None):
    """One session of the careless client with an honest server; returns its Outcome when no relay is left."""
    folder = Path(tempfile.mkdtemp(prefix="retrotls-fault-"))
    folder.chmod(0o755)
    try:
        shim = Shim(folder)
        shim.private_build()
        program = faults.prepare(shim, fault, trace)
        with Hostile(honest(IMAP)) as server, Tap(server.address) as tap:
            shim.guard(tap.port, "secure", "imap", "greeting-timeout 10", "timeout 10")
            result = shim.run(*program, "localhost", tap.port, stdin=IMAP.words, timeout=HANGS,
                              preload="strace" not in program)
            tap.wait_closed()
            server.wait_done()
            wait_for(lambda: not shim.relays(), "the relay to end")
            return Outcome(IMAP, result, server, tap, IMAP.words)
    finally:
        shutil.rmtree(folder)


def survived(outcome):
    """Whether the session worked; where not, the program was told."""
    outcome.nothing_leaked()
    result, served = outcome.result, outcome.server.over_tls
    assert IMAP.words.startswith(served), f"other bytes arrived{outcome.show()}"
    assert result.status in (0, 1, -signal.SIGPIPE), f"the program crashed{outcome.show()}"
    if served == IMAP.words:
        return True
    told = result.status != 0 or b"* BYE retrotls: " in result.out or result.err.count(b"\n") != 1 or \
        result.err != b"read: end of stream\n"
    assert told, f"the program took it for a whole session{outcome.show()}"
    return False


@pytest.fixture(scope="module")
def matrix():
    """All that can fail, as a session without a fault shows it."""
    with tempfile.TemporaryDirectory() as folder:
        session(trace=Path(folder)).upgraded()
        return faults.possible(Path(folder))


@pytest.mark.timeout(20000 if faults.is_soak() else 240)
@pytest.mark.parametrize("who", ["program", "relay"])
def test_each_call_fails_once(matrix, who):
    chosen = [fault for fault in matrix if fault.who == who]
    assert len(chosen) > 50, chosen
    if not faults.is_soak():
        defects = [fault for fault in chosen if (fault.who, fault.call, fault.number) in FOUND]
        chosen = defects + random.Random(SEED).sample(chosen, SAMPLE)
    failures, worked = [], 0
    for fault in chosen:
        try:
            worked += survived(session(fault))
        except AssertionError as error:  # the others are tried too: a matrix tells more than its first entry
            failures.append(f"== {fault}\n{error}")
    print(f"seed {SEED}: {len(chosen)} faults of the {who}, {worked} sessions worked all the same")
    assert not failures, f"seed {SEED}: {len(failures)} of {len(chosen)}\n" + "\n".join(failures)
