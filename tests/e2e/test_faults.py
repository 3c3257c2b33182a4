"""Each system call that library and relay make for a session fails once, in turn: the session works, or the program
gets an error. Never does a word of it cross the network in clear, and never does anything hang."""
import re
import shutil

import pytest
from support import protocols
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP, SECRET, SENDER
from support.shim import PROGRAMS
from support.tap import Tap

# Left out: shutdown and write, by which the test's client itself ends its session and without which its server waits.
# What fails, how, and the how many-th time that a thread makes the call: some in the loader or the program itself,
# which then ends, some in the library, some in the relay.
FAULTS = [
    ("accept4", "EMFILE", 1), ("accept4", "ECONNABORTED", 1), ("bind", "ENOMEM", 1), ("bind", "ENOMEM", 2),
    ("clone", "EAGAIN", 1), ("clone", "EAGAIN", 2), ("clone", "ENOMEM", 1), ("connect", "EAGAIN", 1),
    ("connect", "ECONNREFUSED", 2), ("dup3", "EBUSY", 1), ("dup3", "EMFILE", 2), ("epoll_create1", "EMFILE", 1),
    ("epoll_ctl", "ENOMEM", 1), ("epoll_ctl", "ENOSPC", 2), ("epoll_wait", "EINTR", 1), ("eventfd2", "ENFILE", 1),
    ("execve", "EACCES", 1), ("fcntl", "EMFILE", 1), ("fcntl", "EMFILE", 2), ("getpeername", "ENOTCONN", 1),
    ("getrandom", "ENOSYS", 1), ("getsockname", "ENOBUFS", 1), ("getsockopt", "ENOBUFS", 1),
    ("getsockopt", "ENOBUFS", 2), ("getsockopt", "ENOBUFS", 3), ("landlock_add_rule", "ENOMEM", 1),
    ("landlock_create_ruleset", "EMFILE", 2), ("landlock_restrict_self", "E2BIG", 1), ("listen", "EADDRINUSE", 1),
    ("madvise", "EAGAIN", 1), ("mmap", "ENOMEM", 12), ("mmap", "ENOMEM", 20), ("mprotect", "ENOMEM", 6),
    ("openat", "EMFILE", 4), ("openat", "EMFILE", 8), ("openat", "EMFILE", 9), ("pidfd_open", "EMFILE", 1),
    ("poll", "EINTR", 1), ("poll", "ENOMEM", 1), ("prctl", "EINVAL", 1), ("recvfrom", "EINTR", 1),
    ("recvfrom", "ECONNRESET", 2), ("recvmsg", "EINTR", 1), ("recvmsg", "ENOMEM", 1), ("rt_sigprocmask", "EINVAL", 1),
    ("seccomp", "EINVAL", 1), ("sendmsg", "ETOOMANYREFS", 1), ("sendmsg", "EPIPE", 1),
    ("sendto", "EPIPE", 2), ("setsockopt", "ENOBUFS", 1), ("setsockopt", "ENOBUFS", 2), ("socket", "EMFILE", 1),
    ("socket", "EMFILE", 2), ("socketpair", "ENFILE", 1),
]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("call,error,when", FAULTS, ids=lambda v: str(v))
def test_one_call_fails(shim, call, error, when):
    with Hostile(honest(IMAP)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "imap")
        trace = shim.folder / "trace"
        # It ends when the relay has ended too. A call that is not made here is not injected: no harm.
        result = shim.run("strace", "-f", "-o", trace, "-e", f"trace={call}",
                          "-e", f"inject={call}:error={error}:when={when}", "-E", f"LD_PRELOAD={shim.library}",
                          PROGRAMS / "careless", "localhost", tap.port, stdin=IMAP.words, preload=False)
        shown = f"{result.show()}\npath:\n{tap.transcript()}\ntrace:\n{trace.read_text()[-3000:]}"
        for secret in (SECRET, SENDER):
            assert not tap.up or secret not in tap.clear_up(), shown
        if server.over_tls:
            assert IMAP.words.startswith(server.over_tls), shown
        if re.match(IMAP.upgraded, result.out) and server.over_tls == IMAP.words:
            return
        told = result.err not in (b"", b"read: end of stream\n") or result.status != 0
        assert told or re.fullmatch(protocols.IMAP.failure, result.out) or not result.out, shown
