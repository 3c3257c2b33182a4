"""Each system call of a late switch fails once: a sample, whose seed a failure shows, or all of them in `make soak`."""
import os
import random
import re
import shutil
import signal
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from support import faults
from support.hostile import Hostile
from support.late import guard, upgraded
from support.play import honest
from support.protocols import POP3, SECRET, SENDER
from support.shim import PROGRAMS, Shim
from support.tap import Tap

SEED = int(os.environ.get("RETROTLS_SEED") or random.randrange(1 << 32))
SAMPLE = 15


def late_switch(number, fault=None, trace=None):
    """A session of the careless client on a connection that it inherits; returns its result and the recorder."""
    folder = Path(tempfile.mkdtemp(prefix="retrotls-late-"))
    folder.chmod(0o755)
    try:
        shim = Shim(folder)
        shim.private_build()
        tracer = ["strace", "-D", "-qq", *(["-o", trace] if trace else ["-o", "/dev/null", "-e", f"trace={fault[0]}", "-e",
                  f"inject={fault[0]}:error={fault[1]}:when={fault[2]}"]), "-E", f"LD_PRELOAD={shim.library}"]
        with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
            guard(shim, tap, "pop3")
            tap.server_side = server
            result = shim.run(PROGRAMS / "connector", "127.0.0.1", tap.port, str(number), "--", *tracer,
                              PROGRAMS / "careless", "-", str(number), "early", stdin=POP3.words, preload=False, timeout=40)
            tap.wait_closed()
            server.wait_done()
            return result, tap
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.timeout(2000)
@pytest.mark.parametrize("number", [5, 20], ids=["at start", "at use"])
def test_each_call_of_a_late_switch_fails_once(number):
    """The session works, or the program gets an error. Nothing ever goes in clear."""
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace"
        _, tap = late_switch(number, trace=trace)
        upgraded(tap, POP3)
        calls = re.findall(r"^(\w+)\((\d+)?", trace.read_text(), re.M)
    count, chosen, worked = Counter(), [], 0
    first = [call for call, _ in calls].index("getsockopt")  # earlier calls are the loader's
    for index, (call, descriptor) in enumerate(calls):
        count[call] += 1
        own = call in ("read", "write", "newfstatat") and descriptor in ("0", "1", "2", str(number))  # the program's own calls
        if index >= first and not own and call in faults.ERRORS:
            chosen.append((call, faults.ERRORS[call][0], count[call]))
    if not faults.is_soak():
        chosen = random.Random(SEED).sample(chosen, SAMPLE)
    for fault in chosen:
        what = f"seed {SEED}: {fault}"
        try:
            result, tap = late_switch(number, fault)
        except AssertionError as failure:
            raise AssertionError(what) from failure
        what += f"\n{result.show()}\n{tap.transcript()}"
        assert SECRET not in tap.up and SENDER not in tap.up, what
        assert result.status in (0, 1, 127, -signal.SIGPIPE), what  # 127: the loader's own call failed
        assert POP3.words.startswith(tap.server_side.over_tls), what
        worked += tap.server_side.over_tls == POP3.words
    assert worked, "no session worked"
