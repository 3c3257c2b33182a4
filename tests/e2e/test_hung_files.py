"""A policy names a file on a file system that does not answer (an NFS server that is down). Connections that
need the file are refused, with a message that names it. All others of the same program go on as usual."""
import contextlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from support import certs
from support.hanging import HangingFiles, possible
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP
from support.shim import PYTHON
from support.wait import wait_for

pytestmark = pytest.mark.skipif(not possible(), reason="only root may mount a file system that hangs, where /dev/fuse is")

# Each input line is a port. A thread connects to it, and prints the port, the greeting and the seconds it took.
PROGRAM = """
import json, socket, sys, threading, time
def talk(port):
    begin = time.monotonic()
    try:
        with socket.create_connection(("localhost", port)) as s:
            s.settimeout(60)
            greeting = s.makefile("rb").readline().decode()
    except OSError as error:
        greeting = str(error)
    print(json.dumps([port, greeting, time.monotonic() - begin]), flush=True)
for line in sys.stdin:
    threading.Thread(target=talk, args=(int(line),)).start()
"""
START = [PYTHON, "-c", PROGRAM]
LOGS_BY_POLICY = ["/usr/bin/env", "RETROTLS_LOG=", *START]  # empty: one that is missing comes back
OTHERS = 20
QUICK = 5  # seconds, on a loaded machine; waiting for the file takes twice that
LOG_QUICK = 1.9  # seconds, less than the wait for a log


class Program:
    """A program. Its connections to `needs` need what hangs, those to `other` do not."""

    def __init__(self, shim, *servers, start=START):
        self.shim, self.needs, self.all, self.other = shim, servers[0], servers[:-1], servers[-1]
        self.process = shim.popen(*start, stdin=subprocess.PIPE)
        self.early = []  # answers of those that hung, which came while others went on

    def connect(self, server, count=1):
        for _ in range(count):
            self.process.stdin.write(b"%d\n" % server.port)
        self.process.stdin.flush()

    def read(self, count=1):
        """[(port, greeting, seconds)]"""
        early, self.early = self.early[:count], self.early[count:]
        return early + [json.loads(self.process.stdout.readline()) for _ in range(count - len(early))]

    def others_go_on(self, limit=QUICK):
        for _ in range(OTHERS):
            self.connect(self.other)
            port, greeting, seconds = json.loads(self.process.stdout.readline())
            while port != self.other.port:
                self.early.append([port, greeting, seconds])
                port, greeting, seconds = json.loads(self.process.stdout.readline())
            assert greeting.startswith("* OK"), f"{greeting} {seconds}\n{self.shim.log()}"
            assert seconds < limit, f"it waited {seconds} s"

    def monitor(self):
        pid, = self.shim.monitors().values()
        return pid

    def threads(self):
        return len(os.listdir(f"/proc/{self.monitor()}/task"))

    def end(self):
        return self.shim.finish(self.process, timeout=15).ok()


@pytest.fixture
def hanging(shim):
    with contextlib.ExitStack() as stack:
        def make(files):
            return stack.enter_context(HangingFiles(shim.folder / "hangs", files))
        yield make


@pytest.fixture
def program(shim):
    """Makes a Program. Each list in `rules` has lines for the rule of one server whose connections need what hangs."""
    with contextlib.ExitStack() as stack:
        def make(*rules, start=START):
            shim.private_build()
            servers, text = [stack.enter_context(Hostile(honest(IMAP))) for _ in range(len(rules) + 1)], ""
            for server, lines in zip(servers, [*rules, []]):
                lines = list(lines)
                if not any(line.startswith("ca-") for line in lines):
                    lines.append(f"ca-file {certs.authority().pem}")
                text += f"match port {server.port}\n    protocol imap\n    level secure\n" + "".join(f"    {line}\n" for line in lines)
            shim.policy(text)
            return Program(shim, *servers, start=start)
        yield make


def root():
    return Path(certs.authority().pem).read_bytes()


def hash_of(pem):
    return subprocess.run(["openssl", "x509", "-noout", "-hash", "-in", pem], check=True, capture_output=True,
                          text=True).stdout.strip()


@pytest.mark.parametrize("operation", ["state", "open", "read"])
def test_a_file_that_hangs_costs_those_who_need_it(shim, hanging, program, operation):
    files = hanging({"ca.pem": root()})
    path = files / "ca.pem"
    p = program([f"ca-file {path}"])
    p.others_go_on()
    files.hang(operation)
    p.connect(p.needs)
    files.wait_hanging()
    p.others_go_on()
    (port, greeting, seconds), = p.read()
    assert port == p.needs.port and seconds > QUICK
    assert greeting == (f"* BYE retrotls: no TLS with localhost: its setting 'ca-file {path}' cannot be used: its file system "
                        "does not answer; fix it in the policy\r\n")
    p.others_go_on()
    # By now the file is known to hang, and nobody waits for it again. Once it answers, connections work again.
    p.connect(p.needs)
    (port, again, seconds), = p.read()
    assert again == greeting and seconds < QUICK
    files.answer()
    refused = 2

    def is_good():
        nonlocal refused
        p.connect(p.needs)
        good = p.read()[0][1].startswith("* OK")
        refused += not good  # the monitor may not have read the answer yet
        return good
    wait_for(is_good, "the file to be of use again")
    p.end()
    assert shim.log().count("does not answer") == refused


def test_each_file_that_a_policy_names(shim, hanging, program):
    good = certs.issued("client.example.org")
    key = shim.folder / "client.key"
    key.touch(0o600)
    key.write_bytes(Path(good.key).read_bytes())
    files = hanging({"crl.pem": Path(certs.case("revoked").crl).read_bytes(), "client.pem": Path(good.pem).read_bytes(),
                     "client.key": key.read_bytes()})
    named = {"crl-file": files / "crl.pem", "client-cert": files / "client.pem", "client-key": files / "client.key",
             "ca-dir": files.folder}
    rules = {setting: [f"{setting} {path}"] for setting, path in named.items()}
    rules["client-cert"].append(f"client-key {key}")
    rules["client-key"].append(f"client-cert {good.pem}")
    p = program(*rules.values())
    p.others_go_on()
    files.hang("lookup", "state", "open", "read")
    for server in p.all:
        p.connect(server)
    files.wait_hanging()
    p.others_go_on()
    told = {port: greeting for port, greeting, _ in p.read(len(named))}
    for server, (setting, path) in zip(p.all, named.items()):
        assert f"'{setting} {path}' cannot be used: its file system does not answer" in told[server.port]
    p.end()


def test_many_at_once_hold_one_opener(hanging, program):
    files = hanging({"ca.pem": root()})
    p = program([f"ca-file {files / 'ca.pem'}"])
    p.others_go_on()
    files.hang("open")
    p.connect(p.needs, 60)
    files.wait_hanging()
    p.others_go_on()
    assert p.threads() <= 3  # the main thread, the one that hangs, and the one that serves the others
    assert all("does not answer" in greeting for _, greeting, _ in p.read(60))
    p.others_go_on()
    assert p.threads() <= 3
    p.end()


def test_more_files_that_hang_than_a_policy_usually_names(shim, hanging, program):
    """Another file, which answers, is still opened."""
    count, good = 20, shim.folder / "good.pem"
    good.write_bytes(root())
    files = hanging({f"{i}.pem": root() for i in range(count)})
    p = program(*([f"ca-file {files / f'{i}.pem'}"] for i in range(count)), [f"ca-file {good}"])
    p.others_go_on()
    files.hang("open")
    for server in p.all[:count]:
        p.connect(server)
    wait_for(lambda: len(files.waiting) == count, "all of them to hang")
    p.connect(p.all[count])
    (port, greeting, seconds), = p.read()
    assert port == p.all[count].port and greeting.startswith("* OK") and seconds < QUICK, greeting
    assert all("does not answer" in greeting for _, greeting, _ in p.read(count))
    p.end()


@pytest.mark.parametrize("operation", ["open", "write", "flush"])
def test_a_log_that_hangs_costs_a_moment_once(hanging, program, operation):
    """The line goes to syslog, and the connection goes on, as safe as before."""
    files = hanging({"log": b""})
    p = program([f"log {files / 'log'}"], start=LOGS_BY_POLICY)
    p.connect(p.needs)
    assert p.read()[0][1].startswith("* OK")
    assert bytes(files.contents[0]).count(b"result=tls") == 1
    files.hang(operation)
    p.connect(p.needs)
    files.wait_hanging()
    p.others_go_on()
    (_, greeting, seconds), = p.read()
    assert greeting.startswith("* OK") and seconds < 2 * QUICK
    p.connect(p.needs, OTHERS)
    assert all(greeting.startswith("* OK") and seconds < LOG_QUICK for _, greeting, seconds in p.read(OTHERS))
    p.end()


def test_standard_error_in_a_file_that_hangs(shim, hanging, program):
    files = hanging({"errors": b""})
    p = program(["log stderr"], start=["/bin/sh", "-c", 'exec "$@" 2>> "$0"', files / "errors", *LOGS_BY_POLICY])
    p.others_go_on()
    files.hang("write", "flush")
    p.connect(p.needs)
    files.wait_hanging()
    p.others_go_on()
    (_, greeting, _), = p.read()
    assert greeting.startswith("* OK")
    p.others_go_on()
    files.answer()  # closing it waits as well
    p.end()


def has_ended(pid):
    """True for a zombie too: its parent may hang and be unable to collect it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_nothing_stays_of_a_program_that_ends_meanwhile(shim, hanging, program):
    """Nothing can kill the thread that hangs. But it must not hold up the program's connections, or a reader of its output."""
    files = hanging({"ca.pem": root()})
    p = program([f"ca-file {files / 'ca.pem'}", "log stderr"], start=LOGS_BY_POLICY)
    p.others_go_on()
    worker, = shim.relays()
    files.hang("open")
    p.connect(p.needs)
    files.wait_hanging()
    p.process.kill()
    p.process.communicate(timeout=30)  # reads standard error to its end; the relay has it open too
    wait_for(lambda: has_ended(worker), "the worker to end", timeout=30)
    files.answer()
    wait_for(lambda: not shim.relays(), "the monitor to end")


def test_no_opener_before_one_is_needed(shim):
    shim.private_build()
    with Hostile(honest(IMAP)) as server:
        shim.policy(f"match port {server.port}\n    protocol imap\n    level encrypt\n    log none\n")
        p = Program(shim, server, server, start=LOGS_BY_POLICY)
        p.others_go_on()
        assert p.threads() == 1
        p.end()


def test_who_has_a_folder_of_roots_that_hangs_later(hanging, program):
    """The folder answers, but a file in it does not. The message says so, and nobody else waits."""
    name = hash_of(certs.authority().pem) + ".0"
    files = hanging({name: root()})
    p = program([f"ca-dir {files.folder}"])
    p.others_go_on()
    files.hang("open")
    p.connect(p.needs)
    files.wait_hanging()
    p.others_go_on()
    (_, greeting, _), = p.read()
    assert greeting.startswith("* BYE retrotls: certificate of localhost cannot be checked, because a file system "
                               "with trusted certificates does not answer: ")
    files.answer()
    p.end()


@pytest.mark.parametrize("operation", ["lookup", "read"])
def test_what_hangs_before_the_program_reads_its_policy(hanging, program, operation):
    """Only the relay's monitor opens it, so the program itself does not wait."""
    settings = ["ca-file", "crl-file", "client-cert", "log"]
    files = hanging({setting: root() for setting in settings})
    p = program(*([f"{setting} {files / setting}"] for setting in settings), start=LOGS_BY_POLICY)
    files.hang(operation)
    p.others_go_on()
    for server in p.all:
        p.connect(server)
    told = {port: greeting for port, greeting, _ in p.read(len(settings))}
    for server, setting in zip(p.all, settings):
        if setting == "log":
            assert told[server.port].startswith("* OK")
        else:
            assert f"'{setting} {files / setting}' cannot be used: its file system does not answer" in told[server.port] or \
                f"'client-key {files / setting}' cannot be used: its file system does not answer" in told[server.port], told
    p.others_go_on()
    files.answer()
    p.end()


def test_retrotls_itself_does_not_hang(shim, hanging):
    """A child process opens the file. It may be left over, but does not hold up a reader of the output."""
    files = hanging({"ca.pem": root()})
    with Hostile(honest(IMAP)) as server:
        shim.policy(f"match port {server.port}\n    protocol imap\n    ca-file {files / 'ca.pem'}\n")
        files.hang("open")
        commands = [["lint"], ["explain", "localhost", server.port], ["check", f"localhost:{server.port}"], ["true"]]
        running = [shim.popen(shim.command, *each, stdin=subprocess.PIPE, preload=False) for each in commands]
        for command, result in zip(commands, [shim.finish(each) for each in running]):
            if command == ["true"]:
                assert result.ok()
            else:
                assert result.status != 0 and f"'{files / 'ca.pem'}' cannot be read: its file system does not answer" in \
                    (result.out + result.err).decode(), result.show()
    files.answer()
