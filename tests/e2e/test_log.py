"""The log: its fields are those that libretrotls(7) documents, in that order, no matter who writes the line. The commands
shown there find in a real journal what they promise."""
import functools
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from support import certs, namespaces, protocols, tables
from support.hostile import Hostile
from support.play import honest, plaintext_only
from support.protocols import IMAP, POP3, SMTP, serve
from support.shim import PROGRAMS, ROOT, fields
from support.tap import Tap
from support.wait import wait_for

JOURNALD = "/lib/systemd/systemd-journald"
MANUAL = (ROOT / "man/libretrotls.7").read_text().partition(".Sh LOG\n")[2].partition(".Sh ")[0]
DOCUMENTED = [name for line in re.findall(r"^\.It Li (.*)$", MANUAL, re.M) for name in line.split(" , ")]
ALWAYS = {"result", "program", "pid", "server", "address", "port", "protocol", "level", "ms", "rule"}
OF_TLS = {"version", "cipher", "resumed", "tls", "verified"}
VALUES = {
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "result": "tls|plaintext|failed|unguarded", "program": "/.+", "pid": r"\d+",
    "server": ".+", "address": r"[0-9a-f.:]+", "port": r"\d+", "protocol": "|".join(["auto", *tables.PROTOCOLS]),
    "level": "none|may|encrypt|secure|fingerprint", "testing": "yes", "version": r"TLSv1\.[23]", "cipher": "[A-Z0-9_-]+",
    "resumed": "yes|no", "tls": "starttls|implicit", "via": r"\d+", "verified": ".*", "ms": r"\d+", "rule": ".+", "error": ".+", "reason": ".+",
    "discarded": r"\d+",
}


# Only fields, with a blank between them.
WELL_FORMED = r'([a-z]+=("[^"]*"|[^" ]+)( |$))+'


def session(shim, server, protocol=IMAP):
    return shim.careless("localhost", server.port, protocol.words)


def upgraded(shim):
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port)
        session(shim, server)


def by_fingerprint(shim):
    with Hostile(honest(IMAP, certs.case("self-signed"))) as server:
        shim.guard(server.port, "fingerprint", "imap", f"fingerprint {certs.case('self-signed').sha256}")
        session(shim, server)


def fallen_back(shim):
    with Hostile(plaintext_only(SMTP)) as server:
        shim.guard(server.port, "may", "smtp")
        session(shim, server, SMTP)


def on_another_port(shim):
    def immediate(s):
        s.tls(certs.case("good"))
        s.send(IMAP.greeting)
        serve(s, IMAP)
    with Hostile(plaintext_only(IMAP)) as server, Hostile(immediate) as other:
        shim.guard(server.port, "secure", "imap", f"implicit-port {other.port}")
        session(shim, server)


def refused(shim):
    with Hostile(honest(POP3, certs.case("expired"))) as server:
        shim.guard(server.port, "secure", "pop3")
        session(shim, server, POP3)


def bad_but_only_tested(shim):
    with Hostile(honest(IMAP, certs.case("expired"))) as server:
        shim.guard(server.port, "secure", "imap", "testing yes")
        session(shim, server)


def plain_but_only_tested(shim):
    with Hostile(plaintext_only(IMAP)) as server:
        shim.guard(server.port, "secure", "imap", "testing yes")
        session(shim, server)


def without_relay(shim):
    """The library writes this one itself."""
    shim.private_build()
    shim.relay.unlink()
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap", "testing yes")
        session(shim, server)


def policy_in_error(shim):
    with Hostile(honest(IMAP)) as server:
        shim.policy(f"match port {server.port}\n    levle secure\n")
        session(shim, server)


def refused_when_the_program_had_gone(shim):
    code = f"import socket; s = socket.create_connection(('localhost', PORT)); s.sendall({POP3.words!r})"
    ended = threading.Event()

    def scenario(s):
        ended.wait()
        honest(POP3, certs.case("expired"))(s)
    with Hostile(scenario) as server:
        shim.guard(server.port, "secure", "pop3")
        shim.python(code.replace("PORT", str(server.port)))
        ended.set()
        server.wait_done()
        wait_for(shim.log, "a line in the log")


# The fields that must be in the line besides ALWAYS.
SCENARIOS = {
    upgraded: ("tls", OF_TLS), by_fingerprint: ("tls", OF_TLS), fallen_back: ("plaintext", {"error"}),
    on_another_port: ("tls", OF_TLS | {"via"}), refused: ("failed", {"error"}), bad_but_only_tested: ("tls", OF_TLS | {"testing", "error"}),
    plain_but_only_tested: ("plaintext", {"testing", "error"}), without_relay: ("failed", {"testing", "error"}),
    policy_in_error: ("failed", {"error"}), refused_when_the_program_had_gone: ("failed", {"error", "discarded"}),
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.__name__)
def test_fields_are_those_documented(shim, scenario):
    shim.hosts = {"localhost": ["127.0.0.1"]}  # one address, since each address tried gets its own line
    scenario(shim)
    result, more = SCENARIOS[scenario]
    line, = shim.log().splitlines()
    found = fields(line)
    assert found["result"] == result, line
    assert set(found) == ALWAYS | more | {"time"}, line
    assert list(found) == [name for name in DOCUMENTED if name in found], line
    for name, value in found.items():
        assert re.fullmatch(VALUES[name], value), (name, value)
    assert re.fullmatch(WELL_FORMED, line), line


# The policy of a connection to port 143 that stays as it is, and the reason.
UNGUARDED = {"loopback": ("", "loopback, and no block of the policy names it"),
             "level none": ("match port 143\n    level none\n", "level none, {policy}:1")}


@namespaces.needed("net")
@pytest.mark.parametrize("case", UNGUARDED)
def test_mail_in_plaintext_is_never_silent(shim, case):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    words, reason = UNGUARDED[case]
    shim.policy(words)
    reason = reason.format(policy=shim.policy_file)
    shim.hosts = {"localhost": ["127.0.0.1"]}
    session = PROGRAMS / "careless", "localhost", 143
    with Hostile(plaintext_only(IMAP)) as server, Tap(server.address, port=143):
        shim.run(*session, stdin=IMAP.words)
    line, = shim.log().splitlines()
    found = fields(line)
    assert set(found) == ALWAYS | {"time", "reason"} and re.fullmatch(WELL_FORMED, line), line
    assert list(found) == [name for name in DOCUMENTED if name in found], line
    assert all(re.fullmatch(VALUES[name], value) for name, value in found.items()), line
    assert (found["result"], found["level"], found["protocol"], found["server"]) == ("unguarded", "none", "imap", "localhost")
    assert found["reason"] == reason, line
    shim.log_file.unlink()
    shim.environment["RETROTLS_LOG"] = "stderr"
    with Hostile(plaintext_only(IMAP)) as server, Tap(server.address, port=143):
        told = shim.run(*session, stdin=IMAP.words).err.decode()
    assert f"retrotls: localhost:143 imap not guarded: {reason}\n" in told, told
    refused = shim.run(*session, stdin=IMAP.words)  # no connection, so no line
    assert "not guarded" not in refused.err.decode(), refused.show()


@pytest.mark.parametrize("writer", ["relay", "library"])
def test_name_of_a_program_forges_no_line(shim, writer):
    shim.private_build()
    shim.hosts = {"localhost": ["127.0.0.1"]}
    if writer == "library":
        shim.relay.unlink()
    program = shim.folder / 'x" result=tls\nresult=tls y="\\\x7f\u00e9'
    shutil.copy(PROGRAMS / "careless", program)
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port)
        shim.run(program, "localhost", server.port, stdin=IMAP.words)
    line, = shim.log().splitlines()
    assert fields(line)["program"] == f"{shim.folder}/x? result=tls?result=tls y=?????", line
    assert re.fullmatch(WELL_FORMED, line)


def test_resumed_session_is_told(shim):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # shared by all connections
    context.load_cert_chain(certs.case("good").pem, certs.case("good").key)

    def handshake(s, certificate):
        s.raw = socket.socket(fileno=os.dup(s.socket.fileno()))
        s.socket = context.wrap_socket(s.socket, server_side=True)
        s.encrypted = True

    def scenario(s):
        s.tls = functools.partial(handshake, s)
        honest(SMTP)(s)
    code = """
import smtplib, sys
for _ in range(2):
    with smtplib.SMTP("localhost", int(sys.argv[1])) as c: c.noop()
"""
    with Hostile(scenario) as server:
        shim.guard(server.port, "secure", "smtp")
        assert [line["resumed"] for line in shim.python(code, server.port).ok().lines] == ["no", "yes"]


def test_every_documented_field_is_met(shim):
    emitted = ALWAYS | {"time", "reason"}.union(*(more for _, more in SCENARIOS.values()))
    assert sorted(emitted) == sorted(DOCUMENTED)
    assert re.findall(r"has one field,\n\.Li (\w+)", MANUAL) == ["warning"]
    shim.environment["RETROTLS_SANDBOX"] = "off"
    upgraded(shim)
    assert [list(fields(line)) for line in shim.log().splitlines() if "result=" not in line] == [["time", "warning"]]


# ---- where the line goes

OWN_DEV = """
mount -t tmpfs none /dev
for each in null:3 urandom:9 full:7; do mknod -m 666 "/dev/${each%:*}" c 1 "${each#*:}"; done
ln -s "$1/logger" /dev/log
shift
exec "$@"
"""


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="a /dev of its own needs root")
@pytest.mark.parametrize("log", ["/nonexistent/log", "/dev/full"])
@pytest.mark.parametrize("relay", ["there", "missing"])
def test_what_a_file_cannot_take_goes_to_syslog(shim, relay, log):
    """The policy of a whole machine may name a log file that not every user can write to. A fallback to plaintext must not go
    unseen."""
    shim.private_build()
    if relay == "missing":  # the library writes the line
        shim.relay.unlink()
    shim.environment["RETROTLS_LOG"] = log
    logger = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    logger.bind(str(shim.folder / "logger"))
    logger.settimeout(20)
    with logger, Hostile(honest(IMAP)) as server:
        shim.guard(server.port)
        shim.run("unshare", "--mount", "sh", "-ec", OWN_DEV, "sh", shim.folder, PROGRAMS / "careless", "localhost",
                 server.port, stdin=IMAP.words)
        line = logger.recv(4096).decode()
    assert re.search(rf"retrotls\[\d+\]: result={'tls' if relay == 'there' else 'failed'} program=", line), line
    assert ("error=" in line) == (relay == "missing"), line


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="a /dev of its own needs root")
def test_nobody_waits_for_syslog_and_its_line_is_not_lost(shim):
    """The relay's worker hands the line over, and the session goes on. What was handed over is written even if the worker is
    killed right then."""
    shim.private_build()
    shim.environment["RETROTLS_LOG"] = "syslog"
    stopped = {}  # pid of the worker: pid of the monitor

    def scenario(s):
        s.send(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n")
        tag = s.line().split(b" ")[0]
        stopped.update(shim.monitors())
        for monitor in stopped.values():
            os.kill(monitor, signal.SIGSTOP)
        s.send(tag + b" OK begin\r\n")
        s.tls(certs.case("good"))
        protocols.serve(s, IMAP)
    logger = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    logger.bind(str(shim.folder / "logger"))
    with logger, Hostile(scenario) as server:
        shim.guard(server.port, "encrypt")
        try:
            shim.run("unshare", "--mount", "sh", "-ec", OWN_DEV, "sh", shim.folder, PROGRAMS / "careless", "localhost",
                     server.port, stdin=IMAP.words).ok()
            (worker, monitor), = stopped.items()
            with pytest.raises(BlockingIOError):
                logger.recv(4096, socket.MSG_DONTWAIT)
            os.kill(worker, signal.SIGKILL)
            wait_for(lambda: Path(f"/proc/{worker}/stat").read_text().rpartition(") ")[2][0] == "Z", "the worker to end")
        finally:
            for each in stopped.values():
                os.kill(each, signal.SIGCONT)
        logger.settimeout(20)
        line = logger.recv(4096).decode()
    assert re.search(r"retrotls\[\d+\]: result=tls program=", line), line


def test_log_and_policy_by_relative_paths(shim):
    """They are relative to the folder in which the program starts, with LD_PRELOAD as with `retrotls`."""
    shim.environment |= {"RETROTLS_LOG": "own.log", "RETROTLS_POLICY": "policy"}
    upgraded(shim)
    line, = (shim.folder / "own.log").read_text().splitlines()
    assert fields(line)["result"] == "tls" and fields(line)["rule"] == f"{shim.policy_file}:1", line


# ---- a real journal

# Runs "$@" with its own journald, in a mount namespace with its own /dev and /run.
WITH_JOURNAL = """
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log/journal
mount -t tmpfs none /dev
for each in null:3 urandom:9 kmsg:3; do mknod -m 666 "/dev/${each%:*}" c 1 "${each#*:}"; done
ln -s /run/systemd/journal/dev-log /dev/log
JOURNALD & journald=$!
until [ -S /run/systemd/journal/dev-log ]; do kill -0 $journald && sleep 0.05; done
trap 'kill $journald; wait $journald || true' EXIT
"$@"
"""


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists(JOURNALD),
                    reason="a journal of its own needs root and systemd-journald; the fields are compared without")
def test_commands_shown_find_it_in_the_journal(shim):
    plaintext, errors = commands = re.findall(r"^\.Dl (journalctl .*)$", MANUAL, re.M)
    assert all(command in (ROOT / "README.md").read_text() for command in commands)
    shim.environment["RETROTLS_LOG"] = "syslog"
    careless = PROGRAMS / "careless"
    with Hostile(honest(IMAP)) as good, Hostile(plaintext_only(IMAP)) as plain, \
            Hostile(honest(IMAP, certs.case("expired"))) as expired, Hostile(plaintext_only(IMAP)) as tested:
        servers = {"good": good, "plain": plain, "expired": expired, "tested": tested}
        shim.policy(f"protocol imap\nca-file {certs.authority().pem}\n"
                    f"match port {good.port} {expired.port}\n    level secure\n"
                    f"match port {plain.port}\n    level may\n"
                    f"match port {tested.port}\n    testing yes\n")
        (shim.folder / "words").write_bytes(IMAP.words)
        script = "".join(f"LD_PRELOAD=$LIBRARY {careless} localhost {server.port} < words > out.{name} || true\n"
                         for name, server in servers.items())
        # Wait for one line per connection.
        script += "until [ $(journalctl -q -t retrotls | grep -c result=) -ge 4 ]; do sleep 0.05; done\n"
        script += "".join(f"{command} -q -o cat > found.{number}\n" for number, command in enumerate(commands))
        script += "journalctl -q -t retrotls -p warning -o cat > found.warning\n"
        shim.run("unshare", "--mount", "sh", "-c", WITH_JOURNAL.replace("JOURNALD", JOURNALD), "sh", "sh", "-ec", script,
                 preload=False, env={"LIBRARY": str(shim.library)}).ok()
    found = {name: [fields(line) for line in (shim.folder / f"found.{name}").read_text().splitlines()]
             for name in ("0", "1", "warning")}
    assert [line["port"] for line in found["0"]] == [str(plain.port), str(tested.port)], (plaintext, found)
    assert [line["port"] for line in found["1"]] == [str(each.port) for each in (plain, expired, tested)], (errors, found)
    assert found["warning"] == found["1"]


NO_STDERR = """
import os, socket, sys
os.close(2)
for port in sys.argv[1:]:
    s = socket.create_connection(("localhost", int(port)))  # the first one is descriptor 2
    got = s.recv(4096)
    s.sendall(os.environb[b"WORDS"])
    while piece := s.recv(4096):
        got += piece
    os.write(1, got)
    globals()[port] = s
"""


def test_connection_at_the_number_of_standard_error_gets_no_log_lines(shim):
    """The program has closed its standard error, so log lines would become part of its session."""
    shim.environment["RETROTLS_LOG"] = "stderr"
    with Hostile(honest(POP3)) as server:
        shim.guard(server.port, "secure", "pop3")
        result = shim.python(NO_STDERR, server.port, server.port, env={"WORDS": POP3.words.decode()}).ok()
    assert server.over_tls == 2 * POP3.words, result.show()
