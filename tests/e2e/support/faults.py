"""Makes system calls of the program (with the library in it) or of the relay fail, by strace(1).

The program is run by strace alone, the relay by a strace of its own that stands in its place, so that a call fails in
one of the two. What is counted are the calls of one thread: `when=N` is the N-th of each.
"""
import os
import re
from collections import Counter
from dataclasses import dataclass

from .shim import PROGRAMS

# What each call may really fail with. Not here: close(2), munmap(2) and shutdown(2), which do their work whatever they
# return, and what no kernel does: brk(2) never returns ENOMEM itself, EAGAIN where data is there would have an edge told
# twice.
ERRORS = {
    "accept4": ("ECONNABORTED", "EMFILE", "EINTR", "ENOMEM"), "bind": ("EADDRINUSE", "ENOMEM"),
    "clone": ("EAGAIN", "ENOMEM"), "clone3": ("EAGAIN", "ENOMEM"), "connect": ("EAGAIN", "ENOMEM", "EINTR"),
    "dup": ("EMFILE",), "dup2": ("EBUSY", "EINTR"), "dup3": ("EBUSY", "EINTR"),
    "epoll_create1": ("EMFILE", "ENOMEM"), "epoll_ctl": ("ENOMEM", "ENOSPC"), "epoll_pwait": ("EINTR",),
    "epoll_wait": ("EINTR",), "eventfd2": ("EMFILE", "ENOMEM"), "fcntl": ("EMFILE", "EINTR"), "fstat": ("ENOMEM",),
    "getpeername": ("ENOBUFS",), "getrandom": ("EINTR", "ENOSYS"), "getsockname": ("ENOBUFS",),
    "getsockopt": ("ENOMEM",), "ioctl": ("ENOMEM",), "landlock_create_ruleset": ("ENOSYS", "EOPNOTSUPP", "ENOMEM"),
    "landlock_add_rule": ("ENOMEM",), "landlock_restrict_self": ("E2BIG", "ENOMEM"), "listen": ("EADDRINUSE",),
    "mmap": ("ENOMEM", "EAGAIN"), "mprotect": ("ENOMEM",), "newfstatat": ("ENOMEM", "EACCES"),
    "openat": ("EMFILE", "ENFILE", "ENOMEM", "EACCES", "EINTR"), "pidfd_open": ("EMFILE", "ENOSYS"),
    "poll": ("EINTR", "ENOMEM"), "ppoll": ("EINTR", "ENOMEM"), "prctl": ("EINVAL",), "prlimit64": ("EPERM",),
    "pread64": ("EIO",), "read": ("EINTR", "EIO"), "readlink": ("ENOMEM",), "readlinkat": ("ENOMEM",),
    "recvfrom": ("EINTR", "ENOMEM"), "recvmsg": ("EINTR", "ENOMEM", "EMFILE"), "seccomp": ("ENOSYS", "ENOMEM"),
    "sendmsg": ("ETOOMANYREFS", "EPIPE", "EINTR", "ENOMEM", "ENOBUFS"), "sendto": ("EPIPE", "EINTR", "ENOMEM"),
    "setsockopt": ("ENOMEM", "ENOPROTOOPT"), "socket": ("EMFILE", "ENFILE", "ENOMEM"),
    "socketpair": ("EMFILE", "ENFILE", "ENOMEM"), "statx": ("ENOMEM",), "timerfd_create": ("EMFILE",),
    "timerfd_settime": ("EINVAL",), "wait4": ("EINTR",), "write": ("EPIPE", "EINTR", "ENOSPC"),
    "writev": ("EPIPE", "EINTR", "ENOMEM"),
}


@dataclass(frozen=True)
class Fault:
    who: str  # program, relay
    call: str
    error: str
    number: int  # which of the calls, from 1

    def __str__(self):
        return f"{self.who}: {self.call} number {self.number} fails with {self.error}"

    def words(self):
        return ["-e", f"inject={self.call}:error={self.error}:when={self.number}"]


def prepare(shim, fault=None, trace=None):
    """Puts strace in the relay's place, for a shim with a private build; returns the words that run the program.
    `trace` is a folder for records of what each thread called."""
    def words(who):
        wanted = fault.words() if fault and fault.who == who else []
        calls = [fault.call] if wanted else []
        if trace:
            return ["strace", *(["-ff", "-D"] if who == "relay" else []), "-qq", "-o", str(trace / who)]
        if wanted:
            return ["strace", *(["-f", "-D"] if who == "relay" else []), "-qq", "-o", str(shim.folder / f"calls-{who}"),
                    "-e", f"trace={','.join(calls)}", *wanted]
        return []

    relay = words("relay")
    if relay:
        real = shim.build / "traced" / "retrotls-relay"
        real.parent.mkdir()
        (shim.build / "retrotls-relay").rename(real)
        (shim.build / "retrotls-relay").write_text(f"#!/bin/sh\nexec /usr/bin/{' '.join(relay)} {real}\n")
        (shim.build / "retrotls-relay").chmod(0o755)
        shim.relay = real
    program = words("program")
    if program:
        program += ["-E", f"LD_PRELOAD={shim.variables()['LD_PRELOAD']}"]
    return [*program, str(PROGRAMS / "careless")]


# A write to an eventfd: one that does not block takes a number at once, or says EAGAIN (eventfd(2)).
EVENT = r'"\1\0\0\0\0\0\0\0", 8'
# Until then it is the loader that calls, not yet the library: without it there is no shim at all.
LOADED = re.compile(r"munmap\(")


def possible(folder):
    """All faults of a session by the records in `folder`."""
    faults = set()
    for record in folder.iterdir():
        who = record.name.partition(".")[0]
        counts = Counter()
        loaded, server = who == "relay", None
        for line in record.read_text(errors="replace").splitlines():
            call, _, arguments = line.partition("(")
            counts[call] += 1
            # Without its words, or if it did not send them, the program itself would wait for ever.
            own = (call, arguments[:2]) == ("read", "0,") or (who == "program" and call in ("write", "sendto"))
            own = own or EVENT in arguments
            if loaded and call in ERRORS and not own:
                faults |= {Fault(who, call, error, counts[call]) for error in ERRORS[call]}
            if (who, call) == ("relay", "sendto"):
                server = server or arguments.partition(",")[0]  # the first that it speaks to
                if not arguments.startswith(f"{server},"):  # to the program: EPIPE means that it reads no more
                    faults.discard(Fault(who, call, "EPIPE", counts[call]))
            loaded = loaded or bool(LOADED.match(line))
    return sorted(faults, key=lambda f: (f.who, f.call, f.number, f.error))


def is_soak():
    return os.environ.get("RETROTLS_SOAK") == "1"
