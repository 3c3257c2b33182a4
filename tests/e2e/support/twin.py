"""Runs a twin program (tests/twin) on plain TCP or on a descriptor switched by the library, and returns its transcript.
Knows the inherent differences that the program's opening comment declares."""
import functools
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import certs, i386
from .shim import UNFILTERED
from .twin_peer import Peer

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "tests" / "twin"
BUILD = Path(os.environ.get("RETROTLS_BUILD", ROOT / "build"))
# Folders of the programs and of the library, by what both were built for.
VARIANTS = {"native": ("twin", "."), "32 bit": ("twin-32", "lib32"), "64-bit time": ("twin-time64", "lib32"), "musl": ("twin-musl", "musl"),
            "sanitizers": ("twin-asan", "asan"), "supervised": ("twin", ".")}
TRANSCRIPT_SIZE = 1 << 20  # twin.c
SHARED = {"twin", "twin_words"}  # of all programs
TIMEOUT = 60


def names():
    """The behaviours, by name."""
    return sorted(source.stem for source in SOURCES.glob("*.c") if source.stem not in SHARED)


@functools.lru_cache(maxsize=None)
def time64_calls():
    """Words in the source of programs that a 64-bit time_t changes: calls, and headers with such calls (twin.mk)."""
    return re.search(r"^TWIN_TIME64_CALLS = ((?:.*\\\n)*.*)", (SOURCES / "twin.mk").read_text(), re.M)[1].replace("\\\n", " ").split()


@functools.lru_cache(maxsize=None)
def time64_names():
    """The programs that are built with a 64-bit time_t, too."""
    word = re.compile("|".join(rf"\b{re.escape(each)}\b" for each in time64_calls()))
    return {name for name in names() if word.search((SOURCES / f"{name}.c").read_text())}


# These poll a connection that is not switched yet, because they have called neither read() nor write(). So they need a
# server that greets first: one that waits for TLS from the first byte would say nothing.
AWAIT_THE_GREETING = {"late_received_over_a_unix_socket"}


@dataclass
class Run:
    """How a program ended, and what it said."""
    lines: list
    status: int
    err: str
    peer: Peer
    log: str = ""

    @property
    def skipped(self):
        return self.status == 77

    def check(self):
        """Asserts that the program ran to its end."""
        assert not self.peer.errors, f"{self.peer.errors}\n{self.show()}"
        assert "ERROR: AddressSanitizer" not in self.err and "runtime error" not in self.err, self.show()
        assert self.status == 0, f"ended with {self.status}\n{self.show()}"
        assert self.lines, "the program said nothing"
        return self

    def show(self):
        return "\n".join(self.lines) + f"\nstderr: {self.err}\nlog: {self.log}"


def run(name, folder, switched=False, variant="native"):
    """Runs the program `name`; with the library if `switched`."""
    folder = Path(folder)
    programs, library = VARIANTS[variant]
    folder.chmod(0o755)  # programs that drop their privileges write here too
    transcript = folder / "transcript"
    transcript.write_bytes(bytes(TRANSCRIPT_SIZE))
    transcript.chmod(0o666)
    with Peer(certs.case("good") if switched else None, name in AWAIT_THE_GREETING) as peer:
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), "LANG": "C.UTF-8",
                       "TWIN_TRANSCRIPT": str(transcript), **peer.environment()}
        if switched:
            environment |= _shim(folder, peer, BUILD / library / "libretrotls.so")
        if variant == "sanitizers":
            environment["ASAN_OPTIONS"] = "detect_leaks=0"  # the program itself may leave memory to exit()
            if switched:  # the runtime must come first
                environment["LD_PRELOAD"] = f"{_runtime('libasan.so')}:{_runtime('libubsan.so')}:{environment['LD_PRELOAD']}"
        words = [str(BUILD / programs / name)]
        if switched and variant == "supervised":
            del environment["LD_PRELOAD"]
            environment["TWIN_SUPERVISED"] = "1"
            words = [str(BUILD / "retrotls"), "--supervise", *words]
        if library == "lib32":
            words, environment = i386.emulated(words, environment)
            if not i386.EXECUTED:
                environment["TWIN_EMULATOR"] = i386.QEMU
        kernel = os.environ.get("RETROTLS_KERNEL")
        older = [str(ROOT / "build/e2e/older_kernel"), f"linux-{kernel}", "--"] if kernel else []
        process = subprocess.Popen([*older, *words], env=environment, cwd=folder, start_new_session=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            err += f"\nkilled after {TIMEOUT} s".encode()
        log = folder / "log"
        lines = _lines(transcript)
        if out:
            lines.append(f"stdout: {out!r}")
        return Run(lines, process.returncode, err.decode(errors="replace"), peer,
                   log.read_text(errors="replace") if log.exists() else "")


@functools.lru_cache(maxsize=None)
def _runtime(name):
    """The path of one of gcc's libraries, for LD_PRELOAD."""
    path = subprocess.run(["gcc", f"-print-file-name={name}"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return Path(path.strip()).resolve()


def _shim(folder, peer, library):
    policy = folder / "policy"
    policy.write_text("sandbox optional\n" * (os.environ.get("RETROTLS_KERNEL") in UNFILTERED) + "".join(
        f"match port {port}\n    protocol pop3\n    level secure\n"
        f"{'' if peer.starttls else f'    tls implicit{chr(10)}    connect-to {port}{chr(10)}'}"
        f"    name localhost\n    ca-file {certs.authority().pem}\n" for port in peer.ports))
    policy.chmod(0o644)
    log = folder / "log"
    log.touch()
    log.chmod(0o666)
    return {"LD_PRELOAD": str(library.resolve()), "RETROTLS_POLICY": str(policy), "RETROTLS_LOG": str(log)}


def _lines(transcript):
    data = transcript.read_bytes()
    used = int.from_bytes(data[:4], "little")
    return data[4:4 + used].decode("latin-1").splitlines()


def expected(name, lines):
    """The transcript that a switched run must have, given that of the plain run: the same except for the inherent
    differences that the opening comment declares. Each of them must occur. "(nothing)" stands for a line that must not be
    there."""
    comment = SOURCES.joinpath(f"{name}.c").read_text().partition("*/")[0]
    lines = list(lines)
    for plain, switched in re.findall(r"^ \*\s+plain:\s+(.*)\n \*\s+switched:\s+(.*)$", comment, re.M):
        assert plain in lines, f"{name}: no line of the plain run is: {plain}"
        lines = [switched if line == plain else line for line in lines]
    return [line for line in lines if line != "(nothing)"]
