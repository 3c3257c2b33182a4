"""Other users of the machine can reach a relay's abstract address. They get nothing from the relay, and take nothing from
the program that it serves."""
import contextlib
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
# One session per line of standard input.
SESSIONS = """
import socket, sys
for port in sys.stdin:
    f = socket.create_connection(("localhost", int(port))).makefile("rwb", buffering=0)
    greeting = f.readline()
    f.write(b"a1 LOGOUT\\r\\n")
    print((greeting + f.read()).replace(b"\\r\\n", b"|").decode(), flush=True)
"""
# More silent connections than the relay has room for, and requests of each type with more descriptors than they need.
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
    """The abstract names of the process's sockets that begin with `prefix`. A descriptor or a process that ends while we look
    has none."""
    inodes = set()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                inodes.add(os.readlink(link))
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split(None, 7)
        if len(fields) == 8 and f"socket:[{fields[6]}]" in inodes and fields[7].startswith("@" + prefix):
            yield fields[7][1:]


def sessions(shim, server):
    """A program that has had one session, and a function that starts another session."""
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
        # The errors for requests without the token, without the descriptor, and for what is not a message.
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
# Keeps a session open. On a line of standard input, asks for its TCP_INFO and opens another session.
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
# Listens under the name of a relay that is gone. Prints whether anyone connected, and whether they sent anything.
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
    """The stranger learns nothing about an existing connection, and does not get the next one."""
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


# TCP sockets whose close() waits for a peer that does not read. The last one to close a socket has to wait. That is the relay:
# it is stopped until we have sent and closed all of them.
LINGERING = """
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
"""
LINGERER = LINGERING + """
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
    """A stranger sends sockets with SO_LINGER set, so that close(2) waits that long. Once there are more of them than threads
    of the relay that can wait, the relay takes no more requests, and the program gets another relay."""
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


# Asks for its connection's TCP_INFO again and again, and prints the longest time that an answer took.
ASKS = """
import socket, sys, time
s = socket.create_connection(("localhost", int(sys.argv[1])))
print(s.makefile("rb", buffering=0).readline()[:4].decode(), flush=True)
sys.stdin.readline()
print("asks", flush=True)
longest, end = 0, time.monotonic() + 5
while time.monotonic() < end:
    begin = time.monotonic()
    try:
        s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except OSError:
        break  # the relay takes no more requests
    longest = max(longest, time.monotonic() - begin)
print(longest, flush=True)
"""
# More requests than fit in the queue for the threads, which are all stuck.
CROWD = LINGERING + """
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
plain, lingers = map(int, sys.argv[2:])
try:
    for i in range(plain + lingers):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(address)
        numbers = [lingering()] if i >= plain else []
        s.sendmsg([b"none"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", numbers))] if numbers else [])
        for number in numbers:
            os.close(number)
        requests.append(s)
except (ConnectionRefusedError, BrokenPipeError):
    pass
print("sent", flush=True)
sys.stdin.readline()
"""


@AS_ROOT
def test_a_crowd_of_strangers_before_stuck_threads_does_not_hold_the_program_up(shim):
    shim.private_build()
    nobody = {"preload": False, "user": "nobody", "group": "nogroup", "extra_groups": [], "stdin": -1}
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        program = shim.popen(PYTHON, "-c", ASKS, server.port, stdin=-1)
        assert program.stdout.readline() == b"* OK\n", program.stderr.read()
        relay, = shim.relays()
        address, = set(named(relay, "retrotls/1 relay "))
        os.kill(relay, signal.SIGSTOP)
        stuck = shim.popen(PYTHON, "-c", LINGERER, address, 10, "sent", **nobody)
        assert stuck.stdout.readline() == b"sent\n", stuck.stderr.read()
        os.kill(relay, signal.SIGCONT)
        program.stdin.write(b"\n")
        program.stdin.flush()
        assert program.stdout.readline() == b"asks\n"
        crowd = shim.popen(PYTHON, "-c", CROWD, address, 600, 0, **nobody)
        longest = float(program.stdout.readline())
        shim.finish(program).ok()
        shim.finish(crowd, b"\n").ok()
        stuck.kill()
        stuck.communicate()
    assert longest < 1.5, "half of STRANGERS_PATIENCE"


def is_asleep(process):
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


@AS_ROOT
@pytest.mark.parametrize("lingering", [0, 200])
def test_a_relay_that_strangers_have_blocked_lets_go_of_the_program(shim, lingering):
    """The program's request, which carries its end of the connection, is queued behind more of strangers' than the relay
    takes. The last of these may carry sockets whose close(2) waits. At the server the connection ends with the program."""
    shim.private_build()
    nobody = {"preload": False, "user": "nobody", "group": "nogroup", "extra_groups": [], "stdin": -1}
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        program = shim.popen(PYTHON, "-c", ASKS, server.port, stdin=-1)
        assert program.stdout.readline() == b"* OK\n", program.stderr.read()
        relay, = shim.relays()
        address, = set(named(relay, "retrotls/1 relay "))
        os.kill(relay, signal.SIGSTOP)
        strangers = [shim.popen(PYTHON, "-c", LINGERER, address, 10, "sent", **nobody)]
        assert strangers[0].stdout.readline() == b"sent\n", strangers[0].stderr.read()
        strangers.append(shim.popen(PYTHON, "-c", CROWD, address, 800, lingering, **nobody))
        assert strangers[1].stdout.readline() == b"sent\n", strangers[1].stderr.read()
        program.stdin.write(b"\n")
        program.stdin.flush()
        assert program.stdout.readline() == b"asks\n"
        wait_for(lambda: is_asleep(program), "the program's request")
        os.kill(relay, signal.SIGCONT)
        assert float(program.stdout.readline()) < 1.5
        shim.finish(program).ok()
        server.wait_done()
        for each in strangers:
            each.kill()
            each.communicate()


LOGS = {"a symbolic link": lambda path, target: path.symlink_to(target),
        "a hard link": lambda path, target: os.link(target, path),
        "a folder that is a link": lambda path, target: (path.parent.rmdir(), path.parent.symlink_to(target.parent))}


@AS_ROOT
@pytest.mark.parametrize("how", LOGS)
def test_a_log_in_another_users_folder_leads_nowhere(shim, how):
    """A program of root has its log in a folder of the user nobody, who makes it lead to one of root's files. The server
    chooses part of what would be written there (CVE-2016-1247)."""
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
