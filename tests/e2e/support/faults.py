"""Makes one thing fail, once, in the program (with the library in it), in its relay, or in the process that becomes the
relay: a system call, by strace(1); an allocation, or a read or write that moves a single byte, by faulty.so.

The program runs under a strace that follows no children, and the relay under its own strace, which stands in for it. So a
call fails in only one of them. The process that becomes the relay lives too short for that: there strace follows all
processes, and the call of that number fails in each thread. strace counts the calls of one thread: `when=N` is the N-th of
each. faulty.so counts those of the whole process.
"""
import os
import struct
from collections import Counter
from dataclasses import dataclass

from .shim import PROGRAMS

# The errors that each call may really return. close(2) and munmap(2) are not here: they do their work whatever they
# return. Nor is what no kernel does: brk(2) itself never returns ENOMEM; fcntl(2) is interrupted only while it waits for a
# lock; after an EAGAIN with data waiting, epoll would have to report an edge twice.
ERRORS = {
    "accept4": ("ECONNABORTED", "EMFILE", "EINTR", "ENOMEM"), "bind": ("EADDRINUSE", "ENOMEM"),
    "chdir": ("ENOMEM", "EACCES"), "clone": ("EAGAIN", "ENOMEM"), "clone3": ("EAGAIN", "ENOMEM"),
    "connect": ("EAGAIN", "ENOMEM", "EINTR"),
    "dup": ("EMFILE",), "dup2": ("EBUSY", "EINTR"), "dup3": ("EBUSY", "EINTR"),
    "epoll_create1": ("EMFILE", "ENOMEM"), "epoll_ctl": ("ENOMEM", "ENOSPC"), "epoll_pwait": ("EINTR",),
    "epoll_wait": ("EINTR",), "eventfd2": ("EMFILE", "ENOMEM"),
    "execve": ("EACCES", "ENOENT", "ENOMEM", "E2BIG"), "fcntl": ("EMFILE",), "fstat": ("ENOMEM",),
    "getpeername": ("ENOBUFS",), "getrandom": ("EINTR", "ENOSYS"), "getsockname": ("ENOBUFS",),
    "getsockopt": ("ENOMEM",), "ioctl": ("ENOMEM",), "landlock_create_ruleset": ("ENOSYS", "EOPNOTSUPP", "ENOMEM"),
    "landlock_add_rule": ("ENOMEM",), "landlock_restrict_self": ("E2BIG", "ENOMEM"), "listen": ("EADDRINUSE",),
    "mmap": ("ENOMEM", "EAGAIN"), "mprotect": ("ENOMEM",), "newfstatat": ("ENOMEM", "EACCES"),
    "openat": ("EMFILE", "ENFILE", "ENOMEM", "EACCES", "EINTR"), "pidfd_open": ("EMFILE", "ENOSYS"),
    "poll": ("EINTR", "ENOMEM"), "ppoll": ("EINTR", "ENOMEM"), "prctl": ("EINVAL",), "prlimit64": ("EPERM",),
    "pread64": ("EIO",), "read": ("EINTR", "EIO"), "readlink": ("ENOMEM",), "readlinkat": ("ENOMEM",),
    "recvfrom": ("EINTR", "ENOMEM"), "recvmsg": ("EINTR", "ENOMEM", "EMFILE"), "seccomp": ("ENOSYS", "ENOMEM"),
    "setsid": ("EPERM",), "shutdown": ("ENOTCONN",),
    "sendmsg": ("ETOOMANYREFS", "EPIPE", "EINTR", "ENOMEM", "ENOBUFS"), "sendto": ("EPIPE", "EINTR", "ENOMEM"),
    "setsockopt": ("ENOMEM", "ENOPROTOOPT"), "socket": ("EMFILE", "ENFILE", "ENOMEM"),
    "socketpair": ("EMFILE", "ENFILE", "ENOMEM"), "statx": ("ENOMEM",), "timerfd_create": ("EMFILE",),
    "timerfd_settime": ("EINVAL",), "wait4": ("EINTR",), "write": ("EPIPE", "EINTR", "ENOSPC"),
    "writev": ("EPIPE", "EINTR", "ENOMEM"),
}


@dataclass(frozen=True)
class Fault:
    who: str  # program, start (what becomes the relay), relay
    call: str
    error: str  # "": by faulty.so
    number: int  # which of the calls fails, from 1

    def __str__(self):
        return f"{self.who}: {self.call} number {self.number} " + (f"fails with {self.error}" if self.error else "")

    def words(self):
        only = ["-P", "/dev/null"] if (self.who, self.call) == ("start", "openat") else []  # the loader opens files too
        return [*only, "-e", f"trace={self.call}", "-e", f"inject={self.call}:error={self.error}:when={self.number}"]


# What faulty.so can make fail, in the order of its counts.
OWN = ("malloc", "recv", "send", "read")


def _tracer(who, shim, fault, trace):
    """The words that run `who` under strace; empty if it runs without."""
    if trace and who == "program":
        words = ["-o", str(trace / "program.0")]
    elif trace:
        words = ["-ff", "-o", str(trace / who)]
    elif fault and fault.error and fault.who == who:
        words = ["-o", str(shim.folder / f"calls-{who}"), *fault.words()]
    else:
        return []
    return ["/usr/bin/strace", "-qq", *words, *{"relay": ["-f", "-D"], "start": ["-f"], "program": []}[who]]


def _faulty(who, folder, fault):
    """The environment variable that says what faulty.so does."""
    wanted = f"{fault.call} {fault.number}" if fault and not fault.error and fault.who == who else "none 0"
    return f"FAULTY={wanted} {folder / ('counts-' + who)}"


def prepare(shim, fault=None, trace=None, follow=False):
    """Prepares a shim with a private build; returns the words that run the program.
    `trace` is a folder for records of each thread's calls; with `follow`, of the process that becomes the relay."""
    counts = trace or shim.folder
    own = bool(trace) or bool(fault and not fault.error)
    in_place = [] if follow else _tracer("relay", shim, fault, trace)
    if own and not follow and (trace or fault.who == "relay"):
        in_place += ["/usr/bin/env", f"LD_PRELOAD={PROGRAMS / 'faulty.so'}", f"'{_faulty('relay', counts, fault)}'"]
    if in_place:
        shim.stand_in(in_place)
    words = _tracer("start", shim, fault, trace if follow else None)
    words = words or _tracer("program", shim, fault, None if follow else trace)
    variables = [f"LD_PRELOAD={shim.variables()['LD_PRELOAD']}"]
    if own and not follow and (trace or fault.who == "program"):
        variables = [f"{variables[0]}:{PROGRAMS / 'faulty.so'}", _faulty("program", counts, fault)]
    words += [word for each in variables for word in ("-E", each)] if words else ["/usr/bin/env", *variables]
    return [*words, str(PROGRAMS / "careless")]


# A write to an eventfd. We do not make it fail: a non-blocking one succeeds at once or returns EAGAIN (eventfd(2)).
EVENT = r'"\1\0\0\0\0\0\0\0", 8'
# The careless client ends by listing its descriptors. That is not part of the session.
END = "/descriptors"


def _read_records(folder, who):
    """For each thread of `who`, [(call, its arguments, its number among the thread's calls of that name)]."""
    for record in sorted(folder.glob(f"{who}.*")):
        counts, calls = Counter(), []
        for line in record.read_text(errors="replace").splitlines():
            call, _, arguments = line.partition("(")
            counts[call] += 1
            calls.append((call, arguments, counts[call]))
        yield calls


def _since(calls, condition):
    """The calls after the last one that meets the condition; empty if none does."""
    found = [index for index, call in enumerate(calls) if condition(*call)]
    return calls[found[-1] + 1:] if found else []


def _made(call, number, who):
    return {Fault(who, call, error, number) for error in ERRORS.get(call, ())}


def _of_program(calls):
    """Leaves out reads of the program's standard input and its writes: if they failed, the program itself would wait for
    ever. Leaves out all calls up to the first munmap(2): the loader makes those, and without it there is no shim."""
    found = set()
    calls = _since(calls, lambda call, arguments, _: call == "execve" and "careless" in arguments)
    loaded = False
    for call, arguments, number in calls:
        if END in arguments:
            break
        if loaded and not ((call, arguments[:2]) == ("read", "0,") or call in ("write", "sendto")):
            found |= _made(call, number, "program")
        loaded = loaded or call == "munmap"
    return found


def _of_relay(calls):
    found, server = set(), None
    for call, arguments, number in calls:
        if EVENT not in arguments:
            found |= _made(call, number, "relay")
        if call == "sendto":
            server = server or arguments.partition(",")[0]  # the relay speaks to the server first
            if not arguments.startswith(f"{server},"):  # to the program: EPIPE means that the program reads no more
                found.discard(Fault("relay", call, "EPIPE", number))
    return found


def _of_start(calls):
    found = set()
    for call, arguments, number in calls:
        found |= _made(call, number, "start")
        if call == "execve":
            return found
    return set()  # a thread


def possible(folder):
    """All faults that can happen in the session recorded in `folder`."""
    faults = set()
    for calls in _read_records(folder, "program"):
        faults |= _of_program(calls)
    for calls in _read_records(folder, "relay"):
        faults |= _of_relay(_since(calls, lambda call, arguments, _: call == "execve") or calls)
    for calls in _read_records(folder, "start"):
        if not any(call == "execve" and "careless" in arguments for call, arguments, _ in calls):
            faults |= _of_start(calls)
    for who in ("program", "relay"):
        counts = struct.unpack(f"={len(OWN)}Q", (folder / f"counts-{who}").read_bytes())
        faults |= {Fault(who, call, "", number + 1) for call, count in zip(OWN, counts) for number in range(count)
                   if who == "relay" or call in ("malloc", "read")}  # the program's own recv and send do not matter
    return sorted(faults, key=lambda f: (f.who, f.call, f.number, f.error))


def is_soak():
    return os.environ.get("RETROTLS_SOAK") == "1"
