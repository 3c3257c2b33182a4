"""Other users of the machine can reach the abstract address of a relay: they get nothing from it, and take nothing from the
program that it serves."""
import os
import re
import signal
import time
from pathlib import Path

import pytest
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP
from support.shim import PYTHON
from support.wait import wait_for

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
# One session for each line of standard input.
SESSIONS = """
import socket, sys
for port in sys.stdin:
    f = socket.create_connection(("localhost", int(port))).makefile("rwb", buffering=0)
    greeting = f.readline()
    f.write(b"a1 LOGOUT\\r\\n")
    print((greeting + f.read()).replace(b"\\r\\n", b"|").decode(), flush=True)
"""
# Silent connections, more than the relay has room for; and requests of each type with more descriptors than one has.
STRANGER = """
import array, os, socket, struct, sys
address = "\\0" + sys.argv[1]
def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(20)
    s.connect(address)
    return s
def ask(kind, body=b"", count=0):
    s = connect()
    message = struct.pack("=IHHII", 0x534c5452, 1, kind, 16 + len(body), 0) + body
    s.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * count))] if count else [])
    answer = s.recv(32768)
    return struct.unpack_from("=i", answer, 24)[0]
silent = [connect() for _ in range(400)]
# TAG_OPTION with a cookie of somebody's: without its descriptor.
option = struct.pack("=HHIQiiII", 20, 0, 24, int(sys.argv[2], 16), 6, 1, 4, 0)
answers = {ask(kind, option, count) for kind in (2, 3, 4) for count in (0, 1, 4)}
answers |= {ask(5)} | {ask(1, b"", count) for count in range(20) for _ in range(10)}
print(sorted(map(os.strerror, answers)), flush=True)
sys.stdin.readline()
"""


def named(pid, prefix):
    """The abstract names with that prefix of the process's sockets."""
    inodes = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split(None, 7)
        if len(fields) == 8 and f"socket:[{fields[6]}]" in inodes and fields[7].startswith("@" + prefix):
            yield fields[7][1:]


def sessions(shim, server):
    """A program that has had one session, and what makes it have another."""
    process = shim.popen(PYTHON, "-c", SESSIONS, stdin=-1)

    def session():
        process.stdin.write(b"%d\n" % server.port)
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"* OK"), process.stderr.read()
    session()
    return process, session


@AS_ROOT
def test_other_users_get_nothing_and_take_nothing(shim):
    shim.private_build()
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        process, session = sessions(shim, server)
        relay, = shim.relays()
        address, = set(named(relay, "retrotls/1 relay "))
        descriptors = len(os.listdir(f"/proc/{relay}/fd"))
        cookie = next(named(process.pid, "retrotls/1 "), "0").split()[-1]
        stranger = shim.popen(PYTHON, "-c", STRANGER, address, cookie, preload=False, user="nobody", group="nogroup",
                              extra_groups=[], stdin=-1)
        told = stranger.stdout.readline().decode()
        # Without the token, without the descriptor, and of what is no message.
        assert re.fullmatch(r"\['Bad message'(, 'Operation not permitted'|, 'Too many open files')+\]\n", told), (
            told, stranger.stderr.read())
        session()
        assert shim.relays() == [relay]
        assert len(os.listdir(f"/proc/{relay}/fd")) <= descriptors + 128, "strangers' connections are counted"
        shim.finish(stranger, b"\n").ok()
        session()
        wait_for(lambda: len(os.listdir(f"/proc/{relay}/fd")) <= descriptors, "all that strangers sent to be closed")
        shim.finish(process).ok()
    assert [line["result"] for line in shim.log_lines()] == 3 * ["tls"]


TCP_CLOSE = 7
# Keeps a session, and for a line of standard input asks of it and opens another.
GOES_ON = """
import socket, sys
def session():
    s = socket.create_connection(("localhost", int(sys.argv[1])))
    print(s.makefile("rb", buffering=0).readline()[:4].decode(), flush=True)
    return s
first = session()
sys.stdin.readline()
print(first.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0], flush=True)  # its state
second = session()
"""
# Listens under the name of a relay that is gone; how often it was called, and what it was told.
PRETENDER = """
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind("\\0" + sys.argv[1])
s.listen(50)
print("listens", flush=True)
sys.stdin.readline()
s.setblocking(False)
told = []
try:
    while True: told.append(s.accept()[0].recv(1000))
except BlockingIOError:
    print(len(told) > 0, any(told))
"""


@AS_ROOT
def test_another_user_under_the_name_of_a_relay_that_is_gone_is_told_nothing(shim):
    """Neither of a connection that is there, nor given the next one."""
    shim.private_build()
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        process = shim.popen(PYTHON, "-c", GOES_ON, server.port, stdin=-1)
        assert process.stdout.readline() == b"* OK\n", process.stderr.read()
        relay, = shim.relays()
        address, = set(named(relay, "retrotls/1 relay "))
        os.kill(relay, signal.SIGKILL)
        wait_for(lambda: not shim.relays(), "the relay to be gone")
        stranger = shim.popen(PYTHON, "-c", PRETENDER, address, preload=False, user="nobody", group="nogroup",
                              extra_groups=[], stdin=-1)
        assert stranger.stdout.readline() == b"listens\n", stranger.stderr.read()
        result = shim.finish(process, b"\n").ok()
        assert result.out == b"%d\n* OK\n" % TCP_CLOSE, result.show()
        assert shim.finish(stranger, b"\n").ok().out == b"True False\n"
    assert [line["result"] for line in shim.log_lines()] == 2 * ["tls"]


# TCP sockets whose close() waits for a peer that does not read. Whoever closes one last waits: the relay, which is stopped
# until all have been sent and closed here.
LINGERER = """
import array, contextlib, os, socket, struct, sys, time
address = "\\0" + sys.argv[1]
listener = socket.create_server(("127.0.0.1", 0))
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
kept, requests = [], []
def lingering():
    s = socket.create_connection(listener.getsockname())
    kept.append(listener.accept()[0])
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 600))
    s.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            s.send(bytes(65536))
    return s.detach()
def send(message, count, before=()):
    numbers = [lingering() for _ in range(count)]
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", numbers))]
    request = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    request.connect(address)
    requests.append(request)
    with contextlib.suppress(BrokenPipeError):
        for each in before:
            request.send(each)
        request.sendmsg([message], rights)
    for number in numbers:
        os.close(number)
option = struct.pack("=IHHII", 0x534c5452, 1, 4, 16, 0)
for message, count, before in ((b"none", 1, []), (option, 1, []), (b"none", 5, []), (b"never read", 1, [b"none"])) * int(sys.argv[2]):
    send(message, count, before)
print("sent", flush=True)
sys.stdin.readline()
with contextlib.suppress(ConnectionRefusedError):
    while sys.argv[3] == "until refused":
        send(b"", 0)
        time.sleep(0.1)
print("refused" if sys.argv[3] == "until refused" else "taken", flush=True)
sys.stdin.readline()
os._exit(0)
"""


@AS_ROOT
@pytest.mark.parametrize("times, until", [(3, "sent"), (24, "until refused")])
def test_sockets_of_strangers_do_not_hold_the_program_up(shim, times, until):
    """close(2) waits for as long as SO_LINGER says, on a socket that a stranger has made so and sent. Once there are more of
    them than the relay has threads to wait in, it takes no more requests, and the program gets another relay."""
    shim.private_build()
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        process, session = sessions(shim, server)
        relay, = shim.relays()
        address, = set(named(relay, "retrotls/1 relay "))
        os.kill(relay, signal.SIGSTOP)
        stranger = shim.popen(PYTHON, "-c", LINGERER, address, times, until, preload=False, user="nobody", group="nogroup",
                              extra_groups=[], stdin=-1)
        assert stranger.stdout.readline() == b"sent\n", stranger.stderr.read()
        os.kill(relay, signal.SIGCONT)
        stranger.stdin.write(b"\n")
        stranger.stdin.flush()
        assert stranger.stdout.readline() == (b"taken\n" if until == "sent" else b"refused\n"), stranger.stderr.read()
        for _ in range(3):
            began = time.monotonic()
            session()
            assert time.monotonic() - began < 10, "it waited for a relay until it gave it up"
        assert relay in shim.relays() and len(shim.relays()) == (1 if until == "sent" else 2)
        shim.finish(stranger, b"\n").ok()
        shim.finish(process).ok()
    assert [line["result"] for line in shim.log_lines()] == 4 * ["tls"]


LOGS = {"a symbolic link": lambda path, target: path.symlink_to(target),
        "a hard link": lambda path, target: os.link(target, path),
        "a folder that is a link": lambda path, target: (path.parent.rmdir(), path.parent.symlink_to(target.parent))}


@AS_ROOT
@pytest.mark.parametrize("how", LOGS)
def test_a_log_in_another_users_folder_leads_nowhere(shim, how):
    """Root's program, and a log in a folder of nobody's, who makes it lead to a file of root's: what would be written there
    is in part the server's choice (CVE-2016-1247)."""
    (shim.folder / "root").mkdir(mode=0o700)
    mailbox = shim.folder / "root" / "log"
    mailbox.write_text("mail\n")
    folder = shim.folder / "nobodys"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    LOGS[how](folder / "log", mailbox)
    if folder.is_symlink():
        os.chown(folder, 65534, 65534, follow_symlinks=False)
    elif how == "a symbolic link":
        os.chown(folder / "log", 65534, 65534, follow_symlinks=False)
    shim.environment["RETROTLS_LOG"] = str(folder / "log")
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        assert b"* OK" in shim.careless("localhost", server.port, IMAP.words).out
    assert mailbox.read_text() == "mail\n"
