"""Runs programs under the shim, with a policy that the test writes. If a program hangs, shows what it is doing."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from . import i386

ROOT = Path(__file__).resolve().parents[3]
# An architecture whose build and programs we test under qemu (tests/ports/enter).
PORT = os.environ.get("RETROTLS_PORT")
BUILD = Path(os.environ.get("RETROTLS_BUILD", ROOT / "build/ports" / PORT if PORT else ROOT / "build"))
LIBRARY = BUILD / "libretrotls.so"
COMMAND = BUILD / "retrotls"
RELAY = BUILD / "retrotls-relay"
# The sanitizer that the build's relay uses, if any.
SANITIZED = next((name for name in (b"__asan_init", b"__tsan_init")
                  if RELAY.exists() and name in RELAY.read_bytes()), None)
PROGRAMS = (BUILD if PORT else ROOT / "build") / "e2e"
PYTHON = "/usr/bin/python3"
TIMEOUT = 60  # seconds; a run that takes longer counts as hanging
UNFILTERED = ("3.2",)  # profiles of older_kernel without seccomp filters (new in Linux 3.5)


@dataclass
class Result:
    """How a program ended. Output as bytes."""
    status: int
    out: bytes
    err: bytes
    log: str = ""
    lines: list = field(default_factory=list)  # the log's result lines, each a dict of its fields

    def ok(self):
        """Asserts success; shows everything on failure."""
        assert self.status == 0, f"exit {self.status}\n{self.show()}"
        return self

    def show(self):
        return f"out: {self.out.decode(errors='replace')}\nerr: {self.err.decode(errors='replace')}\nlog: {self.log}"


class Hangs(AssertionError):
    """A program did not end in time."""


class Shim:
    """One test's shim: its policy, its log, its names."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.policy_file = self.folder / "policy"
        self.log_file = self.folder / "log"
        self.hosts = {}  # name: [addresses], the resolver's answers
        self.environment = {}  # more variables for the programs
        self.library, self.command, self.relay = LIBRARY, COMMAND, RELAY
        self.kernel = os.environ.get("RETROTLS_KERNEL")  # the profile of older_kernel under which all programs run
        self.lacks = []  # what else that kernel lacks (older_kernel)

    def private_build(self):
        """Copies library, command and relay, so that the test can tell its relays from those of others, and may break them."""
        self.build = self.folder / "build"
        self.build.mkdir()
        for each in (LIBRARY, COMMAND, RELAY):
            shutil.copy(each, self.build)
        if os.geteuid() != 0:  # only root can see the executable of a sandboxed relay
            self.environment["RETROTLS_SANDBOX"] = "off"
        self.library, self.command, self.relay = (self.build / f.name for f in (LIBRARY, COMMAND, RELAY))

        if SANITIZED:
            # libcrypto is built without TSan. So TSan sees what libcrypto reads by memcmp(3), but not the atomic flag that
            # says that another thread has finished with it (x509v3_cache_extensions()). TSan still reports our own races,
            # except in functions that libcrypto calls.
            suppressions = self.folder / "suppressions"
            suppressions.write_text("race:libcrypto.so.3\n")
            self.stand_in(["/usr/bin/env", f"TSAN_OPTIONS=halt_on_error=1:suppressions={suppressions}",
                           "ASAN_OPTIONS=quarantine_size_mb=8", "UBSAN_OPTIONS=print_stacktrace=1"],
                          self.folder / "sanitizer")
        if SANITIZED == b"__asan_init":  # LeakSanitizer needs ptrace(2)
            self.environment["RETROTLS_SANDBOX"] = "off"

    def stand_in(self, words, errors="/dev/null"):
        """Replaces the relay by a script that runs it with `words` before it; needs private_build(). Standard error goes to
        the file `errors`."""
        real = self.build / f"in-place-{self.relay.parent.name}" / "retrotls-relay"
        real.parent.mkdir()
        place = self.build / "retrotls-relay"
        place.rename(real)
        place.write_text(f"#!/bin/sh\nexec {' '.join(map(str, words))} {real} 2>>{errors}\n")
        place.chmod(0o755)
        if self.relay == place:
            self.relay = real

    def sanitizer(self):
        """The report of the relay's sanitizer; needs private_build()."""
        report = self.folder / "sanitizer"
        return report.read_text(errors="replace") if report.exists() else ""

    def relays(self):
        """Pids of the relays that this test's programs started; needs private_build()."""
        return relays(self.relay)

    def monitors(self):
        """{pid of the worker: pid of the monitor} of these relays."""
        return monitors(self.relay)

    def policy(self, text):
        """Writes the policy; `text` is in the format of a policy file. On a platform without system call filters (such as
        qemu-user), makes the sandbox optional."""
        self.policy_file.write_text("sandbox optional\n" * bool(PORT or self.kernel in UNFILTERED) + text)
        self.policy_file.chmod(0o600)

    def guard(self, port, level="secure", protocol="imap", *more, ca=None):
        """The common policy: one rule for one port, trusting the tests' root."""
        from . import certs
        lines = [f"match port {port}", f"    protocol {protocol}", f"    level {level}",
                 f"    ca-file {ca or certs.authority().pem}", *(f"    {line}" for line in more)]
        self.policy("\n".join(lines) + "\n")

    def variables(self, command=False, preload=True):
        """The environment of a program under the shim."""
        clients = f"{BUILD}/clients:" if PORT else ""
        environment = {"PATH": f"{clients}/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8",
                       "LOGNAME": "tester", "USER": "tester", "TERM": "xterm", "RETROTLS_POLICY": str(self.policy_file),
                       "RETROTLS_LOG": str(self.log_file), **self.environment}
        libraries = [str(self.library)] if preload and not command else []
        if self.hosts:
            environment["RETROTLS_TEST_HOSTS"] = ";".join(f"{n}={','.join(a)}" for n, a in self.hosts.items())
        if self.hosts or "RETROTLS_TEST_HOSTS_FILE" in environment:
            libraries.append(str(PROGRAMS / "resolver.so"))
        if libraries:
            environment["LD_PRELOAD"] = ":".join(libraries)
        return environment

    def popen(self, *arguments, command=False, preload=True, **options):
        """Starts a program in its own session; with `command`, through `retrotls` instead of LD_PRELOAD."""
        words = [str(word) for word in arguments]
        if command:
            words = [str(self.command), *words]
        lacks = [*self.lacks, *([f"linux-{self.kernel}"] if self.kernel else [])]
        if lacks and preload:
            words = [str(PROGRAMS / "older_kernel"), *lacks, "--", *words]
        options = {"cwd": self.folder, "start_new_session": True, "stdin": subprocess.DEVNULL,
                   "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        options["env"] = {**self.variables(command, preload), **options.pop("env", {})}
        if self.library == BUILD / "lib32/libretrotls.so":
            if not i386.EXECUTED and (command or words[0] == "strace"):
                import pytest  # `make demo` does not have it
                pytest.skip(i386.NEEDS_THE_KERNEL)
            words, options["env"] = i386.emulated(words, options["env"])
        words, options["env"] = self.placed(words, options["env"])
        return subprocess.Popen(words, **options)

    def placed(self, words, environment):
        """The command line and environment to run these where this shim's programs run. A subclass may choose another root."""
        return words, environment

    def run(self, *arguments, stdin=b"", timeout=TIMEOUT, **options):
        """Runs a program to its end, and to the end of its output."""
        process = self.popen(*arguments, stdin=subprocess.PIPE, **options)
        return self.finish(process, stdin, timeout)

    def python(self, code, *arguments, **options):
        """Runs a Python program under the shim."""
        return self.run(PYTHON, "-c", code, *arguments, **options)

    def careless(self, host, port, words, *more, **options):
        """Runs the careless client: it sends `words` whatever the greeting says."""
        return self.run(PROGRAMS / "careless", host, port, *more, stdin=words, **options)

    def finish(self, process, stdin=b"", timeout=TIMEOUT):
        try:
            out, err = process.communicate(stdin or None, timeout)
        except subprocess.TimeoutExpired:
            what = dump(process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise Hangs(f"{process.args} did not end in {timeout} s\n{what}\n"
                        f"{Result(-1, out, err, self.log()).show()}") from None
        return Result(process.returncode, out, err, self.log(), self.log_lines())

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_lines(self):
        """The fields of each connection's result line, without warnings."""
        return [fields(line) for line in self.log().splitlines() if "result=" in line]


def fields(line):
    """The key=value fields of a log line; a value with spaces is quoted."""
    return {key: quoted if value.startswith('"') else value
            for key, value, quoted in re.findall(r'([a-z][a-z0-9-]*)=("([^"]*)"|\S*)', line)}


def processes():
    """{pid: (parent, session, command line)} of all processes that we may see."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (entry / "stat").read_text().rpartition(") ")[2].split()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found[int(entry.name)] = (int(stat[1]), int(stat[3]), command)
    return found


def relays(relay=None):
    """Pids of all relays that run from the file `relay` (default: the build's). For each relay, the pid of its worker, which
    has the connections, or of its monitor if the worker has ended."""
    found = _running(relay)
    return [pid for pid in found if pid not in found.values()]


def monitors(relay=None):
    """{pid of a relay's worker: pid of its monitor}."""
    found = _running(relay)
    return {pid: parent for pid, parent in found.items() if parent in found}


def _running(relay):
    """{pid: parent} of all processes that run from the file `relay`."""
    found = {}
    for pid, (parent, _, _) in processes().items():
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)") == str((relay or RELAY).resolve()):
                found[pid] = parent
    return found


def dump(pid):
    """What a process, its descendants and all relays are doing."""
    lines = []
    everyone, family = processes(), {pid}
    for each, (parent, session, command) in sorted(everyone.items()):
        if each not in family and parent not in family and session != pid and "retrotls-relay" not in command:
            continue
        family.add(each)
        lines.append(f"-- {each} (parent {parent}): {command}")
        for task in sorted(Path(f"/proc/{each}/task").glob("*")):
            with contextlib.suppress(OSError):
                lines.append(f"   task {task.name}: {(task / 'wchan').read_text()} "
                             f"syscall {(task / 'syscall').read_text().strip()}")
        for fd in sorted(Path(f"/proc/{each}/fd").glob("*"), key=lambda f: int(f.name)):
            with contextlib.suppress(OSError):
                lines.append(f"   fd {fd.name} -> {os.readlink(fd)}")
    return "\n".join(lines)


