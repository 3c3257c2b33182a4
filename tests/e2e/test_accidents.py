"""What happens to a machine while connections are open: the server vanishes silently, the log's disk is full, the clock
jumps, the policy is replaced, or the system's roots change."""
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from support import certs, namespaces, path, protocols
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP, SMTP
from support.shim import PROGRAMS, PYTHON
from support.wait import wait_for

# ---- the server vanishes ----

SILENCE = """
import errno, socket, sys
address, port, way = sys.argv[1:]
s = socket.create_connection((address, int(port)))
f = s.makefile("rb", buffering=0)
print(f.readline(), flush=True)
s.sendall(b"NOOP\\r\\n")
reply = f.readline()
if reply != b"250 ok\\r\\n":
    sys.exit(f"NOOP: {reply!r}")
if way == "keepalive":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
        s.setsockopt(socket.IPPROTO_TCP, name, 1)
else:
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 400)
print("up", flush=True)
sys.stdin.readline()
def name(what):
    try:
        return what()
    except OSError as error:
        return errno.errorcode[error.errno]
def waits_for_an_error():
    poll = __import__("select").poll()
    poll.register(s, 0)
    poll.poll()
    return errno.errorcode[s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)]
if way != "keepalive":
    s.sendall(b"NOOP\\r\\n")
print(name(waits_for_an_error if way == "SO_ERROR" else lambda: s.recv(100)), name(lambda: s.recv(100)))
"""


def silence(shim, way, guarded):
    """Returns what the program sees when the server stops answering. The program has set a limit: keepalive or TCP_USER_TIMEOUT."""
    def scenario(s):
        if guarded:
            protocols.upgrade(s, SMTP, certs.case("good"))
        else:
            s.send(SMTP.greeting)
        while True:
            s.line()
            s.send(b"250 ok\r\n")

    road = path.Path()
    with Hostile(scenario, host=path.HERE) as server:
        if guarded:
            shim.guard(server.port, "secure", "smtp", "name localhost")
        process = shim.popen(PYTHON, "-c", SILENCE, path.FAR, server.port, way, stdin=-1, preload=guarded)
        greeting = process.stdout.readline()
        assert b"220 mail.example.org ESMTP" in greeting, (greeting, shim.finish(process).show())
        assert process.stdout.readline() == b"up\n"
        road.cut()
        said = shim.finish(process, b"\n").ok().out.decode().split()
        for connection in server.connections:
            connection.close()
        if guarded:
            wait_for(lambda: not shim.relays(), "the relay to end")
    road.close()
    return said


@path.needed
@pytest.mark.parametrize("way", ["keepalive", "user timeout", "SO_ERROR"])
def test_server_that_vanishes(shim, way):
    """The program gets the error that TCP itself would give: within the time it set, and once."""
    shim.private_build()
    assert silence(shim, way, True) == silence(shim, way, False) == ["ETIMEDOUT", "b''"]


# ---- the log's disk is full ----

@pytest.mark.parametrize("log", ["/dev/full", "stderr"])
def test_log_that_cannot_be_written(shim, log):
    shim.environment["RETROTLS_LOG"] = log
    with Hostile(honest(IMAP)) as server, open("/dev/full", "wb") as full:
        shim.guard(server.port, "secure", "imap")
        result = shim.run(PROGRAMS / "careless", "localhost", server.port, stdin=IMAP.words,
                          **({"stderr": full} if log == "stderr" else {}))
    assert re.match(IMAP.upgraded, result.out) and server.over_tls == IMAP.words and result.status == 0, result.show()


FILL = """
mount -t tmpfs -o size=8k none "$1"
cat /dev/zero > "$1/fill" 2>/dev/null
printf '' > "$1/log"
disk=$1
shift
"$@"
status=$?
test -s "$RETROTLS_LOG" && echo "the log was written" >&2
umount -l "$disk"
exit $status
"""


@namespaces.needed("mount")
def test_disk_of_the_log_is_full(shim):
    disk = shim.folder / "disk"
    disk.mkdir()
    shim.environment["RETROTLS_LOG"] = str(disk / "log")
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        result = shim.run("sh", "-c", FILL, "sh", disk, "env", f"LD_PRELOAD={shim.library}",
                          PROGRAMS / "careless", "localhost", server.port, stdin=IMAP.words, preload=False).ok()
    assert re.match(IMAP.upgraded, result.out) and server.over_tls == IMAP.words, result.show()
    assert result.err == b"read: end of stream\n", result.show()


@pytest.mark.parametrize("relay", ["there", "missing"])
def test_program_whose_files_must_not_grow(shim, relay):
    """RLIMIT_FSIZE: log lines are lost, but SIGXFSZ kills neither the relay, which writes the log, nor the program, in which
    the library logs what fails before there is a relay."""
    shim.private_build()
    if relay == "missing":
        shim.relay.unlink()
    with Hostile(honest(SMTP)) as server:
        shim.guard(server.port, "secure", "smtp")
        shim.log_file.write_text("full\n")
        result = shim.run("prlimit", "--fsize=1", PROGRAMS / "careless", "localhost", server.port, stdin=SMTP.words)
    assert (server.over_tls == SMTP.words) == (relay == "there"), result.show()
    assert result.status == (0 if relay == "there" else 1) and result.log == "full\n", result.show()


# ---- the clock jumps ----

# Each input line is a port. Connects to it, then prints its greeting line and the first connection's answer to a NOOP.
IN_TURN = """
import socket, sys
all = []
for port in sys.stdin:
    s = socket.create_connection(("localhost", int(port)))
    f = s.makefile("rwb", buffering=0)
    greeting = f.readline()
    all.append((s, f))
    s, f = all[0]
    s.sendall(b"NOOP\\r\\n")
    print((greeting + f.readline()).replace(b"\\r\\n", b"|").decode(), flush=True)
"""
YEARS = 365 * 24 * 3600


def answering(s):
    protocols.upgrade(s, SMTP, certs.case("good"))
    while True:
        s.line()
        s.send(b"250 still there\r\n")


def turn(process, port):
    process.stdin.write(b"%d\n" % port)
    process.stdin.flush()
    return process.stdout.readline().decode()


def with_clock(shim):
    """Puts the relay's wall clock under the test's control. Returns the file that holds the clock's error in seconds."""
    shim.private_build()
    clock = shim.folder / "clock"
    clock.write_bytes(struct.pack("=q", 0))
    shim.stand_in(["/usr/bin/env", f"LD_PRELOAD={PROGRAMS / 'clock.so'}", f"CLOCK={clock}"])
    return clock


def jump(clock, seconds):
    with open(clock, "r+b") as file:
        file.write(struct.pack("=q", seconds))


def test_certificates_are_checked_by_the_clock_as_it_is(shim):
    """Holds even if the TLS session could be resumed. Open connections go on."""
    clock = with_clock(shim)
    with Hostile(answering) as server:
        shim.guard(server.port, "secure", "smtp")
        process = shim.popen(PYTHON, "-c", IN_TURN, stdin=-1)
        said = []
        for wrong in (0, 100 * YEARS, -30 * YEARS, 0):
            jump(clock, wrong)
            said.append(turn(process, server.port))
        shim.finish(process).ok()
    good = "220 mail.example.org ESMTP|250 still there|\n"
    assert said[0] == said[3] == good, said
    for line, why in (said[1], "has expired"), (said[2], "is not valid yet"):
        assert re.fullmatch(rf"421 4\.7\.0 retrotls: certificate of localhost {why}.*\|250 still there\|\n", line), said


@pytest.mark.parametrize("wrong", [-YEARS, YEARS])
def test_timeouts_are_none_of_the_wall_clocks(shim, wrong):
    clock = with_clock(shim)

    def scenario(s):
        jump(clock, wrong)  # while the relay waits for the greeting
        s.silence()
    with Hostile(answering) as good, Hostile(scenario) as silent:
        shim.policy(f"protocol smtp\nca-file {certs.authority().pem}\nmatch port {good.port}\n    level secure\n"
                    f"match port {silent.port}\n    level secure\n    greeting-timeout 2\n    timeout 2\n")
        process = shim.popen(PYTHON, "-c", IN_TURN, stdin=-1)
        assert turn(process, good.port).startswith("220 ")
        said = turn(process, silent.port)
        result = shim.finish(process).ok()
    assert said.startswith("421 4.7.0 retrotls: ") and said.endswith("|250 still there|\n"), said
    assert int(result.lines[1]["ms"]) >= 2000, result.show()


# ---- the policy is replaced ----

def test_policy_that_is_replaced(shim):
    """A running program keeps the policy that it started with. The next program gets the new one."""
    with Hostile(answering) as server:
        shim.guard(server.port, "secure", "smtp")
        process = shim.popen(PYTHON, "-c", IN_TURN, stdin=-1)
        good = "220 mail.example.org ESMTP|250 still there|\n"
        assert turn(process, server.port) == good
        shim.guard(server.port, "secure", "smtp", "name another.example.org")
        assert turn(process, server.port) == good
        again = shim.run(PYTHON, "-c", IN_TURN, stdin=b"%d\n" % server.port)
        assert b"421 4.7.0 retrotls: certificate of localhost is not for another.example.org" in again.out, again.show()
        assert turn(process, server.port) == good
        shim.finish(process).ok()


# ---- the system's roots change ----

ROOTS = "/etc/ssl/certs"


@namespaces.needed("mount")
def test_root_that_the_system_takes_away_is_trusted_no_longer(shim):
    """update-ca-certificates(8) may remove a root while a program runs for days. The program's next connection must fail."""
    subprocess.run(["mount", "-t", "tmpfs", "none", ROOTS], check=True)
    hashed = subprocess.check_output(["openssl", "x509", "-hash", "-noout", "-in", certs.authority().pem], text=True).strip()
    root = Path(ROOTS, f"{hashed}.0")
    shutil.copy(certs.authority().pem, root)
    with Hostile(answering) as server:
        shim.policy(f"match port {server.port}\n    protocol smtp\n")
        process = shim.popen(PYTHON, "-c", IN_TURN, stdin=subprocess.PIPE)
        assert turn(process, server.port) == "220 mail.example.org ESMTP|250 still there|\n", process.stderr.read()
        root.unlink()
        assert "421 4.7.0 retrotls: certificate of localhost" in turn(process, server.port)
        shutil.copy(certs.authority().pem, root)
        assert turn(process, server.port) == "220 mail.example.org ESMTP|250 still there|\n"
        process.kill()
        shim.finish(process)
