"""retrotls status shows live connections."""
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from support import certs
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP
from support.shim import COMMAND, PYTHON
from support.wait import wait_for

HOST = "mail.example.org"
USAGE = 2
# Opens a session, and keeps it until its input ends.
PROGRAM = """
import imaplib, sys
c = imaplib.IMAP4(sys.argv[1], int(sys.argv[2]))
c.noop()
print("open", flush=True)
sys.stdin.read()
"""
KEYS = {"user", "program", "pid", "server", "address", "port", "protocol", "state", "level", "version", "cipher", "up",
        "down", "milliseconds"}
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs a network namespace and another user")


@contextlib.contextmanager
def session(shim, host, port):
    """Yields the process of a program with an open connection."""
    process = shim.popen(PYTHON, "-c", PROGRAM, host, port, stdin=-1)
    try:
        assert process.stdout.readline() == b"open\n", process.stderr.read()
        yield process
    finally:
        shim.finish(process, b"\n")


@pytest.fixture
def mail(shim, dovecot):
    """A session with dovecot."""
    shim.hosts = {HOST: [dovecot.address]}
    shim.guard(dovecot.ports["imap"])
    with session(shim, HOST, dovecot.ports["imap"]) as process:
        yield process


def status(*arguments, **options):
    """Other connections of this user come and go meanwhile; tests look only at their own. Relays of other tests may be
    stopped, so exit status 1 is as good as 0 here."""
    return subprocess.run([COMMAND, "status", *arguments], capture_output=True, text=True, timeout=60,
                          env={"LANG": "C", "TERM": "xterm"}, **options)


# Both of these leave out a relay that did not answer in time, so use them with wait_for().
def connections(pid):
    result = status("--json")
    assert result.returncode in (0, 1), result
    return [c for c in json.loads(result.stdout) if c["pid"] == pid]


def row(pid):
    """The titles and the line of that process."""
    result = status()
    assert result.returncode in (0, 1), result
    titles, *lines = result.stdout.splitlines()
    lines = [line for line in lines if str(pid) in line.split()[:3]]
    assert len(lines) <= 1, result
    return lines and (titles, *lines)


def test_json(mail, dovecot):
    found, = wait_for(lambda: connections(mail.pid), "the connection")
    assert set(found) == KEYS
    assert found["program"].startswith("/usr/bin/python3")
    assert (found["server"], found["address"], found["port"]) == (HOST, dovecot.address, dovecot.ports["imap"])
    assert (found["protocol"], found["state"], found["level"]) == ("imap", "tls", "secure")
    assert found["version"] == "TLSv1.3" and found["cipher"].startswith("TLS_")
    assert found["up"] > 10 and found["down"] > 10 and 0 <= found["milliseconds"] < 600000


def test_a_connection_that_ended_is_gone(shim, dovecot):
    shim.hosts = {HOST: [dovecot.address]}
    shim.guard(dovecot.ports["imap"])
    with session(shim, HOST, dovecot.ports["imap"]) as process:
        assert len(wait_for(lambda: connections(process.pid), "the connection")) == 1
    wait_for(lambda: not connections(process.pid), "the connection to go")


def test_table(mail, dovecot):
    titles, line = wait_for(lambda: row(mail.pid), "the connection")
    users = ["USER"] if titles.startswith("USER") else []  # if another test has a connection as another user
    assert titles.split() == [*users, "PROGRAM", "PID", "SERVER", "PROTO", "LEVEL", "TLS", "CIPHER", "UP", "DOWN", "AGE"]
    words = line.split()[len(users):]
    assert words[0].startswith("python3") and words[2] == f"{HOST}:{dovecot.ports['imap']}"
    assert words[3:6] == ["imap", "secure", "TLSv1.3"] and re.fullmatch(r"\d+", words[7])


def test_one_that_is_still_negotiating(shim):
    """A server that never greets."""
    with Hostile(lambda s: s.silence()) as server:
        shim.guard(server.port, "secure", "imap", "greeting-timeout 50s")
        process = shim.popen(PYTHON, "-c", PROGRAM, "localhost", server.port, stdin=-1)
        try:
            found, = wait_for(lambda: connections(process.pid), "the connection")
            assert found["state"] == "negotiating" and found["version"] is None and found["cipher"] is None
        finally:
            process.kill()
            shim.finish(process)


def test_one_that_was_refused(shim):
    with Hostile(honest(IMAP, certs.case("expired"))) as server:
        shim.guard(server.port)
        code = "import socket, sys\ns = socket.create_connection(('localhost', int(sys.argv[1])))\n" \
               "print(s.recv(1000)[:5], flush=True)\nsys.stdin.read()\n"
        process = shim.popen(PYTHON, "-c", code, server.port, stdin=-1)
        try:
            assert process.stdout.readline() == b"b'* BYE'\n"
            wait_for(lambda: [c["state"] for c in connections(process.pid)] == ["refused"], "the refusal")
        finally:
            shim.finish(process, b"\n")


class Terminal:
    """The command on a terminal, with a person at it."""

    def __init__(self, columns, lines, *arguments):
        self.main, self.side = pty.openpty()
        fcntl.ioctl(self.side, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.before = termios.tcgetattr(self.side)
        self.out = ""
        self.process = subprocess.Popen([COMMAND, "status", *arguments], stdin=self.side, stdout=self.side,
                                        stderr=self.side, env={"LANG": "C", "TERM": "xterm"}, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.main)
        os.close(self.side)

    def read_until(self, holds, what):
        deadline = time.monotonic() + 60
        while not holds(self.out):
            assert time.monotonic() < deadline, f"waited for {what}, got {self.out!r}"
            if select.select([self.main], [], [], 0.2)[0]:
                self.out += os.read(self.main, 65536).decode("ascii").replace("\r\n", "\n")

    def screens(self):
        """The screens drawn so far, without the last one, which may be incomplete."""
        return self.out.split("\033[H\033[J")[1:-1]

    def type(self, keys):
        os.write(self.main, keys)


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_table_fits_the_terminal(mail, columns):
    with Terminal(columns, 24) as terminal:
        terminal.read_until(lambda out: "python3" in out, "the table")
        assert terminal.process.wait(60) in (0, 1)
    lines = terminal.out.splitlines()
    assert all(len(line) <= columns for line in lines), terminal.out
    shown = ["USER", "PROGRAM", "PID", "SERVER", "PROTO", "LEVEL", "TLS", "CIPHER", "UP", "DOWN", "AGE"]
    if columns == 200:
        assert lines[0].split() in (shown, shown[1:])
    else:
        assert {"PROGRAM", "SERVER", "TLS"} <= set(lines[0].split()) <= set(shown)
        assert columns > 40 or "CIPHER" not in lines[0]


@pytest.mark.parametrize("end", [b"q", b"\x03", signal.SIGTERM])
def test_watch(mail, end):
    with Terminal(80, 20, "--watch") as terminal:
        terminal.read_until(lambda _: len(terminal.screens()) >= 3, "three screens")
        if isinstance(end, bytes):
            terminal.type(end)
        else:
            terminal.process.send_signal(end)
        assert terminal.process.wait(60) == 0
        terminal.read_until(lambda out: out.endswith("\033[?25h\033[?1049l"), "the old screen")
        assert termios.tcgetattr(terminal.side) == terminal.before
    assert terminal.out.startswith("\033[?1049h\033[?25l")
    for screen in terminal.screens():
        assert len(screen.splitlines()) < 20 and all(len(line) <= 80 for line in screen.splitlines())
        assert screen.startswith(("PROGRAM", "USER"))


def test_watch_of_more_than_fit(shim, dovecot):
    """The last line of the screen stays free: output there would scroll away the first line."""
    shim.guard(dovecot.ports["imap"], "encrypt")
    code = ("import imaplib, sys\nmany = [imaplib.IMAP4(sys.argv[1], int(sys.argv[2])) for _ in range(12)]\n"
            "print('open', flush=True)\nsys.stdin.read()\n")
    process = shim.popen(PYTHON, "-c", code, dovecot.address, dovecot.ports["imap"], stdin=-1)
    try:
        assert process.stdout.readline() == b"open\n", process.stderr.read()
        with Terminal(80, 10, "--watch") as terminal:
            terminal.read_until(lambda _: len(terminal.screens()) >= 2, "two screens")
        for screen in terminal.screens():
            assert len(screen.splitlines()) == 9 and re.search(r"^and \d+ more$", screen, re.M), screen
    finally:
        shim.finish(process, b"\n")


def test_watch_in_tmux(mail, tmp_path):
    """In a real terminal, the previous contents come back at the end."""
    def tmux(*arguments):
        command = ["tmux", "-S", tmp_path / "tmux", "-f", "/dev/null", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60,
                              env={"PATH": os.environ["PATH"], "LANG": "C", "TERM": "xterm", "SHELL": "/bin/sh"}).stdout

    def shows(*words):
        return lambda: all(word in tmux("capture-pane", "-p") for word in words)

    tmux("new-session", "-d", "-x", "70", "-y", "24",
         f"echo before; {COMMAND} status --watch; echo status $?; read answer")
    try:
        wait_for(shows("PROGRAM", "python3", str(mail.pid)), "the table", 60)
        assert "before" not in tmux("capture-pane", "-p")
        tmux("send-keys", "q")
        wait_for(shows("before", "status 0"), "the end", 60)
        assert "PROGRAM" not in tmux("capture-pane", "-p")
    finally:
        tmux("kill-server")


def test_watch_as_json(mail):
    process = subprocess.Popen([COMMAND, "status", "--watch", "--json"], stdout=subprocess.PIPE, text=True)
    try:
        shown = []
        while len(shown) < 2:
            shown += [c["state"] for c in json.loads(process.stdout.readline()) if c["pid"] == mail.pid]
        assert shown == ["tls"] * 2
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.stdout.close()


# Listens under a relay's name as user argv[1], then runs `retrotls status` as user argv[2]. Prints whether anything was asked.
PRETENDER = """
import os, socket, subprocess, sys
listeners = []
for number in range(int(sys.argv[4])):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.bind(b"\\0retrotls/1 relay %032x" % number)
    os.seteuid(int(sys.argv[1]))
    s.listen(5)
    os.seteuid(0)
    listeners.append(s)
result = subprocess.run([sys.argv[3], "status"], capture_output=True, text=True, timeout=60, user=int(sys.argv[2]))
c, _ = listeners[0].accept()
print("asked" if c.recv(1000) else "left alone", result.returncode)
print(result.stdout, result.stderr)
"""


def pretend(listener, user, count=1):
    return subprocess.run(["unshare", "--net", PYTHON, "-c", PRETENDER, str(listener), str(user), COMMAND, str(count)],
                          capture_output=True, text=True, timeout=60).stdout


@root_only
@pytest.mark.parametrize("listener", [0, 65534])
def test_another_users_listener_is_not_asked(listener):
    out = pretend(listener, 12345)
    assert out.startswith("left alone 0\nNo connections.\n"), out


@root_only
@pytest.mark.parametrize("listener, user", [(0, 0), (12345, 12345), (65534, 0)])
def test_relay_that_does_not_answer(listener, user):
    out = pretend(listener, user)
    assert out.startswith("asked 1\nNo connections.\n") and "1 of the relays did not answer completely" in out, out


@root_only
def test_many_that_do_not_answer_take_no_longer_than_one():
    """Asked one after another, they would take longer than pretend() waits."""
    assert "100 of the relays did not answer completely" in pretend(65534, 0, 100)


@root_only
def test_root_is_shown_everybodys(shim, dovecot):
    shim.hosts = {HOST: [dovecot.address]}
    shim.guard(dovecot.ports["imap"])
    shim.policy_file.chmod(0o644)
    shim.environment["RETROTLS_LOG"] = "none"
    process = shim.popen(PYTHON, "-c", PROGRAM, HOST, dovecot.ports["imap"], stdin=-1, user="news", group="news",
                         extra_groups=[])
    try:
        assert process.stdout.readline() == b"open\n", process.stderr.read()
        found, = wait_for(lambda: connections(process.pid), "the connection")
        assert found["user"] == "news" and found["state"] == "tls"
        titles, line = wait_for(lambda: row(process.pid), "the connection")
        assert titles.split()[0] == "USER" and line.split()[0] == "news"
        of_another = status(user=65534, group=65534, extra_groups=[]).stdout
        assert str(process.pid) not in of_another
    finally:
        shim.finish(process, b"\n")


@pytest.mark.parametrize("arguments, words", [(["--nope"], "unknown option '--nope'"), (["x"], "unexpected argument 'x'"),
                                              (["--watch"], "--watch needs a terminal")])
def test_usage_errors(arguments, words):
    result = status(*arguments)
    assert result.returncode == USAGE and words in result.stderr


def test_help():
    result = status("--help")
    assert result.returncode == 0 and result.stdout.startswith("Usage: retrotls status")
