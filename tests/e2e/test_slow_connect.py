"""A blocking connect() to a server that answers late: we switch the program's descriptor while it waits. Each system call
on that path fails once: a sample, whose seed a failure shows, or all of them in `make soak`."""
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from support import faults
from support.hostile import Hostile
from support.late import upgraded
from support.play import honest
from support.protocols import POP3, SECRET, SENDER
from support.shim import PROGRAMS, PYTHON, Shim
from support.slow import SlowPath
from support.tap import Tap

SEED = int(os.environ.get("RETROTLS_SEED") or random.randrange(1 << 32))
SAMPLE = 8


@contextlib.contextmanager
def way():
    """Yields a shim with a private build, the recorder on the path to a server, the slow path, not open yet, and a file with
    the program's words."""
    folder = Path(tempfile.mkdtemp(prefix="retrotls-slow-"))
    folder.chmod(0o755)
    try:
        shim = Shim(folder)
        shim.private_build()
        with Hostile(honest(POP3)) as server, Tap(server.address) as tap, SlowPath(("127.0.0.1", tap.port)) as slow:
            tap.server_side = server
            shim.guard(slow.address[1], "secure", "pop3", "name localhost")
            words = folder / "words"
            words.write_bytes(POP3.words)
            with words.open("rb") as stdin:
                yield shim, tap, slow, stdin
            tap.wait_closed()
            server.wait_done()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def session(fault=None, trace=None):
    """A session of the careless client; returns its result and the recorder."""
    with way() as (shim, tap, slow, words):
        tracer = ["strace", "-D", "-qq", *(["-o", trace] if trace else ["-o", "/dev/null", "-e", f"trace={fault[0]}", "-e",
                  f"inject={fault[0]}:error={fault[1]}:when={fault[2]}"]), "-E", f"LD_PRELOAD={shim.library}"]
        process = shim.popen(*tracer, PROGRAMS / "careless", *slow.address, preload=False, stdin=words)
        slow.open_when_wanted(process)
        return shim.finish(process, timeout=40), tap


def test_connect_waits_for_the_server():
    with way() as (shim, tap, slow, words):
        process = shim.popen(PROGRAMS / "careless", *slow.address, stdin=words)
        slow.open_when_wanted(process)
        result = shim.finish(process).ok()
    upgraded(tap, POP3)
    assert re.match(POP3.upgraded, result.out), result.show()


# Calls C's connect() with a handler for SIGALRM, and prints the result.
INTERRUPTED = """
import ctypes, errno, os, signal, socket, struct, sys
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, sys.argv[2] == "interrupts")
s = socket.socket()
to = struct.pack("=H2s4s8x", 2, int(sys.argv[1]).to_bytes(2, "big"), bytes([127, 0, 0, 1]))
result = ctypes.CDLL(None, use_errno=True).connect(s.fileno(), to, len(to))
print(errno.errorcode[ctypes.get_errno()] if result else "connected", flush=True)
"""


@pytest.mark.parametrize("handler", ["interrupts", "restarts"])
def test_signal_while_the_relay_is_still_being_asked(handler):
    """The signal comes while the relay starts. It must not get lost: otherwise a connect() that alarm() should end would wait
    for ever. With SA_RESTART, connect() goes on."""
    with way() as (shim, tap, slow, _):
        shim.stand_in(["/bin/sh", "-c", """'kill -ALRM "${RETROTLS_RELAY%%:*}"; exec "$0"'"""])
        process = shim.popen(PYTHON, "-c", INTERRUPTED, slow.address[1], handler)
        if handler == "restarts":
            slow.open_when_wanted(process)
        result = shim.finish(process).ok()
    assert result.out == (b"EINTR\n" if handler == "interrupts" else b"connected\n"), result.show()


# A second connect() waits for the first one. Meanwhile another thread closes the descriptor, or replaces it by another file.
CLOSED_MEANWHILE = """
import ctypes, errno, os, socket, struct, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
to = struct.pack("=H2s4s8x", 2, int(sys.argv[1]).to_bytes(2, "big"), bytes([127, 0, 0, 1]))
s = socket.socket()
s.setblocking(False)
assert libc.connect(s.fileno(), to, len(to)) == -1 and ctypes.get_errno() == errno.EINPROGRESS
s.setblocking(True)
def connect():
    ids.append(threading.get_native_id())
    result = libc.connect(s.fileno(), to, len(to))
    print(errno.errorcode[ctypes.get_errno()] if result else "connected", flush=True)
ids = []
thread = threading.Thread(target=connect)
thread.start()
def waits():  # in poll(2) or ppoll(2)
    return ids and open(f"/proc/self/task/{ids[0]}/syscall").read().split()[0] in ("7", "271")
while not waits(): pass
os.close(s.fileno()) if sys.argv[2] == "closes" else os.dup2(os.pipe()[1], s.fileno())
print("closed", flush=True)
thread.join()
os._exit(0)
"""


@pytest.mark.parametrize("other", ["closes", "replaces"])
def test_number_that_another_thread_closes_while_a_second_connect_waits(other):
    """connect() returns once the connection is up: it does not wait for ever for news from a dead number."""
    with way() as (shim, tap, slow, _):
        process = shim.popen(PYTHON, "-c", CLOSED_MEANWHILE, slow.address[1], other, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"closed\n"
        slow.open()
        result = shim.finish(process, timeout=20).ok()
    assert result.out == b"ECONNABORTED\n", result.show()


@pytest.mark.slow
@pytest.mark.timeout(2000)
def test_each_call_fails_once():
    """The session works, or the program gets an error. Nothing ever goes in clear."""
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace"
        _, tap = session(trace=trace)
        upgraded(tap, POP3)
        lines = trace.read_text().splitlines()
    # Start at the creation of the TCP socket that the library connects.
    first = next(index for index, line in enumerate(lines) if re.match(r"socket\(AF_INET, SOCK_STREAM\S*SOCK_NONBLOCK", line))
    count, chosen, worked = Counter(), [], 0
    for index, line in enumerate(lines):
        call = line.partition("(")[0]
        count[call] += 1
        if index >= first and call in faults.ERRORS and call not in ("read", "write"):
            chosen.append((call, faults.ERRORS[call][0], count[call]))
    if not faults.is_soak():
        chosen = random.Random(SEED).sample(chosen, SAMPLE)
    for fault in chosen:
        result, tap = session(fault)
        what = f"seed {SEED}: {fault}\n{result.show()}\n{tap.transcript()}"
        assert SECRET not in tap.up and SENDER not in tap.up, what
        assert result.status in (0, 1, -signal.SIGPIPE), what
        assert POP3.words.startswith(tap.server_side.over_tls), what
        worked += tap.server_side.over_tls == POP3.words
    assert worked or not faults.is_soak(), "no session worked"
