"""retrotls doctor of processes that run: whether they are guarded, and what is in the clear now."""
import contextlib
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from support.raw_call import RAW_CALL
from support.shim import COMMAND, LIBRARY, PYTHON

GUARDED, IN_THE_CLEAR, USAGE, SUPERVISED, REFUSED, MISSING = 0, 1, 2, 3, 126, 127
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs another user, or a control group")

# A program with an open connection; "raw": made by a system call of its own, which the library does not see.
PROGRAM = RAW_CALL + """
import ctypes, socket, struct, sys
host, port, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
s = socket.socket()
if how == "raw":
    address = struct.pack("=HH4s8x", 2, socket.htons(port), socket.inet_aton(host))
    if raw_call(42, s.fileno(), address, 16):
        sys.exit("connect")
elif how == "libc":
    s.connect((host, port))
    s.recv(1000)
print("open", flush=True)
sys.stdin.read()
"""


def doctor(*words, **options):
    result = subprocess.run([COMMAND, "doctor", *map(str, words)], capture_output=True, text=True, check=False, **options)
    return result.returncode, result.stdout + result.stderr


@contextlib.contextmanager
def running(shim, port, how="libc", **options):
    process = shim.popen(PYTHON, "-c", PROGRAM, "127.0.0.1", port, how, stdin=-1, **options)
    try:
        assert process.stdout.readline() == b"open\n", process.stderr.read()
        yield process
    finally:
        shim.finish(process, b"\n")


@pytest.fixture
def port():
    """Of a server that says nothing of interest."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_guarded_process_with_its_library_policy_and_connection(shim, dovecot):
    shim.hosts = {"mail.example.org": [dovecot.address]}
    shim.guard(dovecot.ports["imap"])
    code = PROGRAM.replace("s.connect((host, port))", "s = socket.create_connection((host, port))")
    process = shim.popen(PYTHON, "-c", code, "mail.example.org", dovecot.ports["imap"], "libc", stdin=-1)
    assert process.stdout.readline() == b"open\n", process.stderr.read()
    status, words = doctor("--pid", process.pid)
    shim.finish(process, b"\n").ok()
    assert status == GUARDED, words
    assert re.match(rf"{process.pid} /usr/bin/python3[.0-9]* \(\w+\)\n  It is guarded by the library\.\n", words), words
    assert re.search(rf"^  Library +{LIBRARY.resolve()}$", words, re.M) and str(shim.policy_file) in words
    assert re.search(rf"^  TLS +mail.example.org:{dovecot.ports['imap']}, TLSv1", words, re.M), words
    assert "In the clear" not in words


def test_process_without_the_library_and_its_connection_in_the_clear(shim, port):
    shim.guard(port)
    with running(shim, port, how="idle", preload=False) as idle, running(shim, port, how="raw", preload=False) as process:
        status, words = doctor("--pid", process.pid)
        assert status == IN_THE_CLEAR and "It is not guarded." in words
        assert re.search(rf"In the clear +127\.0\.0\.1:{port}, unless the program does TLS\s+itself;", words), words
        assert "secure" in words
        status, words = doctor("--pid", idle.pid)
        assert status == IN_THE_CLEAR and "none to a mail server now" in words, words


def test_connection_that_the_library_did_not_see(shim, port):
    shim.guard(port)
    with running(shim, port, how="raw") as process:
        status, words = doctor("--pid", process.pid)
    assert status == IN_THE_CLEAR and "It is guarded by the library." in words and "In the clear" in words, words


def test_what_the_policy_leaves_alone_is_no_fault(shim, port):
    shim.policy("level none\n")
    with running(shim, port, how="raw", preload=False) as process:
        status, words = doctor("--pid", process.pid)
    assert status == GUARDED and "the policy leaves it alone" in words and "In the clear" not in words, words


def test_accepted_connections_are_not_the_programs_own(shim, port):
    """A mail server's clients may speak what they like."""
    code = "import socket\ns = socket.create_server(('127.0.0.1', 0))\nprint(s.getsockname()[1], flush=True)\n" \
           "c = s.accept()\nprint('open', flush=True)\nimport sys; sys.stdin.read()"
    process = shim.popen(PYTHON, "-c", code, stdin=-1)
    own = int(process.stdout.readline())
    with socket.create_connection(("127.0.0.1", own)) as client:
        shim.policy(f"match port {client.getsockname()[1]}\n    protocol imap\n")
        assert process.stdout.readline() == b"open\n"
        status, words = doctor("--pid", process.pid)
    shim.finish(process).ok()
    assert status == GUARDED and "none to a mail server now" in words, words


@root_only
@pytest.mark.root
def test_service_has_all_its_processes(shim, port):
    """In a control group, as systemd makes one for each unit."""
    base = Path("/sys/fs/cgroup/unified" if Path("/sys/fs/cgroup/unified/cgroup.procs").exists() else "/sys/fs/cgroup")
    if not (base / "cgroup.procs").exists():
        base = Path("/sys/fs/cgroup/systemd")
    name = f"retrotls-test-{os.getpid()}"
    group = base / f"{name}.service"
    inner = group / "inner"
    shim.guard(port)
    inner.mkdir(parents=True)
    try:
        with running(shim, port, how="idle") as first, running(shim, port, how="raw", preload=False) as second:
            (group / "cgroup.procs").write_text(str(first.pid))
            (inner / "cgroup.procs").write_text(str(second.pid))
            for word in name, f"{name}.service":
                status, words = doctor("--service", word)
                assert status == IN_THE_CLEAR, words
                assert re.search(rf"^{first.pid} ", words, re.M) and re.search(rf"^{second.pid} ", words, re.M), words
            second.send_signal(signal.SIGKILL)
            second.wait()
            assert doctor("--service", name)[0] == GUARDED
    finally:
        inner.rmdir()
        group.rmdir()
    status, words = doctor("--service", name)
    assert status == MISSING and "no process of a service" in words


@root_only
@pytest.mark.root
def test_another_users_process_is_refused_with_the_remedy(shim, port):
    with running(shim, port, how="idle", preload=False) as process:
        status, words = doctor("--pid", process.pid, user=65534, env={"PATH": "/usr/bin:/bin", "HOME": "/"})
    assert status == REFUSED and "root may look at other users' processes" in " ".join(words.split()), words


@pytest.mark.parametrize("words, status, said", [
    (["--pid", 4194305], MISSING, "no such process"), (["--pid", "x"], USAGE, "no process number"),
    (["--pid", 0], USAGE, "no process number"), (["--service", "no-such-unit"], MISSING, "no process of a service"),
    (["--service", "../x"], USAGE, "no name of a service"), (["--pid", 1, "sh"], USAGE, "at a time"),
    (["--pid", 1, "--service", "x"], USAGE, "at a time"), (["-p", "/dev/null", "--pid", 1], USAGE, "has its policy")])
def test_wrong_words(words, status, said):
    seen, text = doctor(*words)
    assert seen == status and said in " ".join(text.split()), text
