"""Runs a twin program (tests/twin) on plain TCP or on a descriptor switched by the library, and tells the
transcript; knows the differences by nature that its opening comment declares."""
import functools
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import certs, i386
from .twin_peer import Peer

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "tests" / "twin"
BUILD = Path(os.environ.get("RETROTLS_BUILD", ROOT / "build"))
# Folders of the programs and the library, by what both were built for.
VARIANTS = {"native": ("twin", "."), "32 bit": ("twin-32", "lib32"), "64-bit time": ("twin-time64", "lib32"), "musl": ("twin-musl", "musl"),
            "sanitizers": ("twin-asan", "asan")}
TRANSCRIPT_SIZE = 1 << 20  # twin.c
TIMEOUT = 60


def names():
    """The behaviours, by name."""
    return sorted(source.stem for source in SOURCES.glob("*.c") if source.stem != "twin")


# They poll a connection that is not switched yet, because neither read() nor write() has been called: a server that waits
# for TLS from the first byte says nothing to that.
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
        """Asserts that the program came to its end by itself."""
        assert not self.peer.errors, f"{self.peer.errors}\n{self.show()}"
        assert "ERROR: AddressSanitizer" not in self.err and "runtime error" not in self.err, self.show()
        assert self.status == 0, f"ended with {self.status}\n{self.show()}"
        assert self.lines, "the program said nothing"
        return self

    def show(self):
        return "\n".join(self.lines) + f"\nstderr: {self.err}\nlog: {self.log}"


def run(name, folder, switched=False, variant="native"):
    """Runs the program `name`, with the library where `switched`."""
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
            environment["ASAN_OPTIONS"] = "detect_leaks=0"  # what the program leaves to exit() is its own
            if switched:  # the runtime must come first
                environment["LD_PRELOAD"] = f"{_runtime('libasan.so')}:{_runtime('libubsan.so')}:{environment['LD_PRELOAD']}"
        words = [str(BUILD / programs / name)]
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
    """A library of gcc's, as LD_PRELOAD wants it."""
    path = subprocess.run(["gcc", f"-print-file-name={name}"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return Path(path.strip()).resolve()


def _shim(folder, peer, library):
    policy = folder / "policy"
    policy.write_text("".join(
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
    """The transcript that a switched run must have, given that of the plain run: the same, but for the differences
    by nature that the opening comment names, each of which must occur. A line that is not to be there is
    "(nothing)"."""
    comment = SOURCES.joinpath(f"{name}.c").read_text().partition("*/")[0]
    lines = list(lines)
    for plain, switched in re.findall(r"^ \*\s+plain:\s+(.*)\n \*\s+switched:\s+(.*)$", comment, re.M):
        assert plain in lines, f"{name}: no line of the plain run is: {plain}"
        lines = [switched if line == plain else line for line in lines]
    return [line for line in lines if line != "(nothing)"]
