"""Load: many sessions one after another and at once, much data both ways, slow sides. With small numbers, or with the full
ones if RETROTLS_SOAK=1 (`make soak`)."""
import os
import random
import re
from pathlib import Path

import pytest
from support import certs, duplex, faults, protocols
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP, SMTP
from support.shim import PYTHON, SANITIZED
from support.wait import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600 if faults.is_soak() else 120)]
SOAK = faults.is_soak()
SESSIONS = 10_000 if SOAK else 200
AT_ONCE = 1_000 if SOAK else 100
BULK = 1 << 30 if SOAK else 16 << 20
PATIENCE = 3000 if SOAK else 100  # seconds
SLACK = 40 if SANITIZED else 1  # a sanitizer keeps shadow memory, and freed memory
SEED = int(os.environ.get("RETROTLS_SEED") or random.randrange(1 << 32))

CONNECT = """
import resource, socket, sys, threading
port = int(sys.argv[1])
def connect():
    s = socket.create_connection(("localhost", port))
    return s, s.makefile("rb", buffering=0)
def told(what):
    print(what, flush=True)
    sys.stdin.readline()
"""


def usage(pid):
    """Memory in KiB, current and peak, and the number of descriptors."""
    status = Path(f"/proc/{pid}/status").read_text()
    return *(int(re.search(rf"{name}:\s*(\d+) kB", status).group(1)) for name in ("VmRSS", "VmHWM")), \
        len(os.listdir(f"/proc/{pid}/fd"))


def go_on(process, expected):
    """Asserts that the program has printed `expected`; it now waits for a line."""
    line = process.stdout.readline()
    assert line == expected, (line, process.poll())


def let(process):
    process.stdin.write(b"\n")
    process.stdin.flush()


def test_sessions_one_after_the_other_leave_nothing(shim):
    code = CONNECT + """
def sessions(count):
    for _ in range(count):
        s, f = connect()
        assert f.readline().startswith(b"* OK")
        s.sendall(b"a1 LOGIN test secret\\r\\na2 LOGOUT\\r\\n")
        assert f.read().endswith(b"a2 OK bye\\r\\n")
        f.close()
        s.close()
count = int(sys.argv[2])
sessions(count // 4)
told("warm")
sessions(count - count // 4)
told("done")
"""
    shim.private_build()
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        process = shim.popen(PYTHON, "-c", code, server.port, SESSIONS, stdin=-1)
        go_on(process, b"warm\n")
        relay, = shim.relays()
        program_warm = usage(process.pid)
        quiet = usage(relay)[2]
        relay_warm = usage(relay)
        let(process)
        go_on(process, b"done\n")
        assert shim.relays() == [relay], "another relay came"
        program, served = usage(process.pid), usage(relay)
        wait_for(lambda: usage(relay)[2] <= quiet, lambda: f"descriptors of the relay: {quiet}, now {usage(relay)[2]}")
        result = shim.finish(process, b"\n").ok()
        print(f"{SESSIONS} sessions: program {program_warm} -> {program}, relay {relay_warm} -> {served}")
        assert program[2] == program_warm[2] and program[0] - program_warm[0] < 1024, (program_warm, program)
        assert served[0] - relay_warm[0] < 2048 * SLACK, (relay_warm, served)
        assert [line["result"] for line in result.lines] == ["tls"] * SESSIONS
        wait_for(lambda: not shim.relays(), "the relay to end")


def echo(s):
    """A server that repeats each line."""
    protocols.upgrade(s, SMTP, certs.case("good"))
    while True:
        s.send(b"250 " + s.line() + b"\r\n")


def test_many_connections_at_once(shim):
    code = CONNECT + """
count = int(sys.argv[2])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
all = [connect() for _ in range(count)]
for s, f in all: assert f.readline().startswith(b"220 ")
told("open")
for round in range(3):
    for number, (s, f) in enumerate(all): s.sendall(b"NOOP %d.%d\\r\\n" % (round, number))
    for number, (s, f) in enumerate(all): assert f.readline() == b"250 NOOP %d.%d\\r\\n" % (round, number)
for s, f in all:
    f.close()
    s.close()
print("done")
"""
    shim.private_build()
    with Hostile(echo) as server:
        shim.guard(server.port, "secure", "smtp")
        process = shim.popen(PYTHON, "-c", code, server.port, AT_ONCE, stdin=-1)
        go_on(process, b"open\n")
        relay, = shim.relays()
        now, peak, descriptors = usage(relay)
        result = shim.finish(process, b"\n", PATIENCE).ok()
        assert result.out == b"done\n", result.show()
        print(f"{AT_ONCE} connections: relay {now} KiB, peak {peak} KiB, {descriptors} descriptors")
        assert peak < ((32 << 10) + AT_ONCE * 160) * SLACK, f"{peak} KiB for {AT_ONCE} connections"
        server.wait_done()
        wait_for(lambda: not shim.relays(), "the relay to end")


SLOW = CONNECT + """
size = int(sys.argv[2])
slow, slow_file = connect()
slow_file.readline()
other, other_file = connect()
other_file.readline()
def pings(count):
    for number in range(count):
        other.sendall(b"NOOP %d\\r\\n" % number)
        assert other_file.readline() == b"250 NOOP %d\\r\\n" % number
"""
SLOW_READER = SLOW + """
slow.sendall(b"FLOOD\\r\\n")
pings(300)
told("pinged")
came = 0
while came < size:
    came += len(slow.recv(65536))
print(came)
"""
SLOW_SERVER = SLOW + """
slow.sendall(b"WAIT\\r\\n")
slow.setblocking(False)
sent = 0
for _ in range(30):  # it takes more each time that the relay came to run
    try:
        while sent < size:
            sent += slow.send(bytes(min(65536, size - sent)))
    except BlockingIOError:
        pass
    pings(10)
assert sent < size, "the relay took it all"
told("pinged")
slow.setblocking(True)
slow.sendall(bytes(size - sent))
slow.shutdown(socket.SHUT_WR)
print(int(slow_file.readline()))
"""


@pytest.mark.parametrize("slow", ["reader", "server"])
def test_a_slow_side_costs_no_memory_and_holds_up_no_other(shim, slow):
    size = 48 << 20
    waits, sent = [], [0]

    def scenario(s):
        protocols.upgrade(s, SMTP, certs.case("good"))
        while True:
            line = s.line()
            if line == b"FLOOD":
                for _ in range(size >> 16):
                    s.send(bytes(1 << 16))
                    sent[0] += 1 << 16
            elif line == b"WAIT":
                wait_for(lambda: waits, "the program to have pinged", PATIENCE)
                came = len(s.buffer)
                while data := s.socket.recv(65536):
                    came += len(data)
                s.send(b"%d\r\n" % came)
                return s.shut()
            else:
                s.send(b"250 " + line + b"\r\n")
    shim.private_build()
    with Hostile(scenario) as server:
        shim.guard(server.port, "secure", "smtp")
        process = shim.popen(PYTHON, "-c", SLOW_READER if slow == "reader" else SLOW_SERVER, server.port, size, stdin=-1)
        go_on(process, b"pinged\n")
        relay, = shim.relays()
        peak, crossed = usage(relay)[1], sent[0]
        waits.append(True)
        result = shim.finish(process, b"\n").ok()
        assert result.out == b"%d\n" % size, result.show()
        print(f"slow {slow}: relay's peak {peak} KiB")
        assert peak < (24 << 10) * SLACK, f"{peak} KiB"
        assert crossed < size, "what the program did not read was taken all the same"


@pytest.mark.parametrize("first", ["program", "server"])
def test_every_byte_both_ways_at_once(shim, first):
    """One side ends its direction first; the other goes on."""
    code = CONNECT + f"""
sys.path.insert(0, {str(Path(__file__).parent)!r})
from support import duplex
s, f = connect()
f.readline()
s.sendall(b"GO\\r\\n")
assert f.readline() == b"250 go\\r\\n"
print(duplex.exchange(s, int(sys.argv[2]), int(sys.argv[3]), lambda: s.shutdown(socket.SHUT_WR), {first == "program"}))
"""
    rng = random.Random(SEED)
    up, down = (rng.randint(BULK * 3 // 4, BULK) for _ in range(2))
    came = []

    def scenario(s):
        protocols.upgrade(s, SMTP, certs.case("good"))
        while (line := s.line()) != b"GO":
            assert re.fullmatch(SMTP.ask, line), line  # the relay's own question: does this server speak the protocol?
            s.send(b"250 " + line + b"\r\n")
        s.send(b"250 go\r\n")
        came.append(duplex.exchange(s.socket, down, SEED + 1, s.shut, first == "server"))
    shim.private_build()
    with Hostile(scenario) as server:
        shim.guard(server.port, "secure", "smtp")
        result = shim.python(code, server.port, up, SEED, timeout=PATIENCE)
        server.wait_done(PATIENCE)
    assert came == [duplex.digest(up, SEED)], f"seed {SEED}: the server got {came}\n{result.show()}"
    assert result.ok().out.decode().strip() == duplex.digest(down, SEED + 1), f"seed {SEED}: {result.show()}"
