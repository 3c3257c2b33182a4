"""Runs programs under the shim, with a policy that the test writes, and shows what hangs where one does."""
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
# An architecture whose build and programs are tried under qemu (tests/ports/enter).
PORT = os.environ.get("RETROTLS_PORT")
BUILD = Path(os.environ.get("RETROTLS_BUILD", ROOT / "build/ports" / PORT if PORT else ROOT / "build"))
LIBRARY = BUILD / "libretrotls.so"
COMMAND = BUILD / "retrotls"
RELAY = BUILD / "retrotls-relay"
# What the build's relay was made with.
SANITIZED = next((name for name in (b"__asan_init", b"__tsan_init")
                  if RELAY.exists() and name in RELAY.read_bytes()), None)
PROGRAMS = (BUILD if PORT else ROOT / "build") / "e2e"
PYTHON = "/usr/bin/python3"
TIMEOUT = 60  # seconds; a run that takes longer hangs


@dataclass
class Result:
    """How a program ended. Output as bytes."""
    status: int
    out: bytes
    err: bytes
    log: str = ""
    lines: list = field(default_factory=list)  # the log's lines, each a dict of its fields

    def ok(self):
        """Asserts success, showing everything otherwise."""
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
        self.hosts = {}  # name: [addresses], what the resolver answers
        self.environment = {}  # more variables for the programs
        self.library, self.command, self.relay = LIBRARY, COMMAND, RELAY
        self.kernel = os.environ.get("RETROTLS_KERNEL")  # a profile of older_kernel's, under which all programs run

    def private_build(self):
        """Copies library, command and relay, so that the test knows its relays from others' and may break them."""
        self.build = self.folder / "build"
        self.build.mkdir()
        for each in (LIBRARY, COMMAND, RELAY):
            shutil.copy(each, self.build)
        if os.geteuid() != 0:  # a relay that is shut in shows what it runs from to root alone
            self.environment["RETROTLS_SANDBOX"] = "off"
        self.library, self.command, self.relay = (self.build / f.name for f in (LIBRARY, COMMAND, RELAY))

        if SANITIZED:
            # libcrypto is built without TSan, which thus sees what it reads by memcmp(3), but not the atomic flag by
            # which it knows that another thread has done with it (x509v3_cache_extensions()). Races of ours are told,
            # but in what libcrypto calls.
            suppressions = self.folder / "suppressions"
            suppressions.write_text("race:libcrypto.so.3\n")
            self.stand_in(["/usr/bin/env", f"TSAN_OPTIONS=halt_on_error=1:suppressions={suppressions}",
                           "ASAN_OPTIONS=quarantine_size_mb=8", "UBSAN_OPTIONS=print_stacktrace=1"],
                          self.folder / "sanitizer")
        if SANITIZED == b"__asan_init":  # what leaks is found by ptrace(2)
            self.environment["RETROTLS_SANDBOX"] = "off"

    def stand_in(self, words, errors="/dev/null"):
        """Puts a script in the relay's place, which runs it by `words`; needs private_build(). Standard error goes to
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
        """What the sanitizer that the relay was built with has to say; needs private_build()."""
        report = self.folder / "sanitizer"
        return report.read_text(errors="replace") if report.exists() else ""

    def relays(self):
        """Pids of the relays that this test's programs started; needs private_build()."""
        return relays(self.relay)

    def monitors(self):
        """{pid of the worker: pid of the monitor} of the same."""
        return monitors(self.relay)

    def policy(self, text):
        """Writes the policy; lines as in a policy file."""
        self.policy_file.write_text(text)
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
        """Starts a program in a session of its own; `command` runs it through `retrotls` instead of LD_PRELOAD."""
        words = [str(word) for word in arguments]
        if command:
            words = [str(self.command), *words]
        if self.kernel and preload:
            words = [str(PROGRAMS / "older_kernel"), f"linux-{self.kernel}", "--", *words]
        options = {"cwd": self.folder, "start_new_session": True, "stdin": subprocess.DEVNULL,
                   "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        options["env"] = {**self.variables(command, preload), **options.pop("env", {})}
        if self.library == BUILD / "lib32/libretrotls.so":
            if not i386.EXECUTED and (command or words[0] == "strace"):
                import pytest  # which `make demo` has not
                pytest.skip(i386.NEEDS_THE_KERNEL)
            words, options["env"] = i386.emulated(words, options["env"])
        return subprocess.Popen(words, **options)

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
        """What came of each connection: warnings are left out."""
        return [fields(line) for line in self.log().splitlines() if "result=" in line]


def fields(line):
    """The key=value fields of a log line; a value with spaces is quoted."""
    return {key: quoted if value.startswith('"') else value
            for key, value, quoted in re.findall(r'([a-z][a-z0-9-]*)=("([^"]*)"|\S*)', line)}


def processes():
    """{pid: (parent, session, command line)} of all processes that one may see."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (entry / "stat").read_text().rpartition(") ")[2].split()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found[int(entry.name)] = (int(stat[1]), int(stat[3]), command)
    return found


def relays(relay=None):
    """Pids of all relays that run from the file `relay` (the build's): of each its worker, which has the connections, or
    its monitor where the worker has ended."""
    found = _running(relay)
    return [pid for pid in found if pid not in found.values()]


def monitors(relay=None):
    """{pid of a relay's worker: pid of its monitor}."""
    found = _running(relay)
    return {pid: parent for pid, parent in found.items() if parent in found}


def _running(relay):
    """{pid: parent} of all processes that run from that file."""
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


