"""The contenders: a program in plaintext, with its own TLS, under retrotls, behind stunnel, behind socat.

We start a contender once for a server. For each run it then says which load client to run, where that connects to, and its
environment. `helpers()` are the processes that serve the run besides the program itself."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from support import certs, loopback
from support.wait import wait_for


class Build:
    """Where the build is."""
    folder = Path("build")

    @classmethod
    def program(cls, name):
        return str(cls.folder / "bench" / name)


class Target:
    """A server: its port for STARTTLS, its port for TLS from the first byte (0: none), and the protocol's name."""

    def __init__(self, address, port, implicit=0, protocol="imap"):
        self.address, self.port, self.implicit, self.protocol = address, port, implicit, protocol


class Contender:
    name = ""
    does_tls = False  # whether the program itself does TLS

    def __init__(self, target):
        self.target = target
        self.address, self.port = target.address, target.port
        self.folder = Path(tempfile.mkdtemp(prefix="retrotls-bench-"))

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        pass

    def stop(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self):
        return {}

    def helpers(self):
        return []

    def client(self):
        return Build.program("load-native" if self.does_tls else "load")


class Plain(Contender):
    name = "plain"


class Native(Contender):
    name = "native"
    does_tls = True


class Shim(Contender):
    name = "retrotls"

    def start(self):
        policy = self.folder / "policy"
        policy.write_text(f"match port {self.port}\n    protocol {self.target.protocol}\n    level secure\n"
                          f"    name localhost\n    ca-file {certs.authority().pem}\n    log none\n")
        policy.chmod(0o600)
        self._before = set(relays())

    def environment(self):
        return {"LD_PRELOAD": str(Build.folder / "libretrotls.so"), "RETROTLS_POLICY": str(self.folder / "policy")}

    def helpers(self):
        return [pid for pid in relays() if pid not in self._before]


def relays():
    """All relays of this build."""
    found = []
    path = str((Build.folder / "retrotls-relay").resolve())
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{entry}/exe") == path:
                    found.append(int(entry))
    return found


class Proxy(Contender):
    """A process that listens in plaintext and speaks TLS to the server."""

    def start(self):
        self.address, self.port = loopback.own_address(), 10143
        with open(self.folder / "output", "wb") as output:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=subprocess.STDOUT, cwd=self.folder, start_new_session=True)
        wait_for(self._listens, f"{self.name} to listen")

    def _listens(self):
        """Asks the kernel, not the proxy: the proxy would pass a connection on to the server."""
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended: {(self.folder / 'output').read_text()}")
        packed = socket.inet_aton(self.address)[::-1].hex().upper()
        return f" {packed}:{self.port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()

    def stop(self):
        if hasattr(self, "process"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        super().stop()

    def helpers(self):
        return [self.process.pid, *children(self.process.pid)]


class Stunnel(Proxy):
    name = "stunnel"

    def command(self):
        file = self.folder / "stunnel.conf"
        file.write_text(f"foreground = yes\nsyslog = no\ndebug = 3\npid =\n[bench]\nclient = yes\n"
                        f"accept = {self.address}:{self.port}\nconnect = {self.target.address}:{self.target.port}\n"
                        f"protocol = {self.target.protocol}\nCAfile = {certs.authority().pem}\nverifyChain = yes\n"
                        "checkHost = localhost\n")
        return ["/usr/bin/stunnel4", str(file)]


class Socat(Proxy):
    """socat has no STARTTLS, so it connects to the port that speaks TLS from the first byte."""
    name = "socat"

    def command(self):
        return ["/usr/bin/socat", f"TCP-LISTEN:{self.port},bind={self.address},reuseaddr,fork,backlog=1024,nodelay",
                f"OPENSSL:{self.target.address}:{self.target.implicit},cafile={certs.authority().pem},"
                "commonname=localhost,nodelay"]


def children(pid):
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def cpu_seconds(pid):
    """CPU time of a process and all its threads, including those that have ended (clock_getcpuclockid(3))."""
    with contextlib.suppress(OSError):
        return time.clock_gettime((~pid << 3) | 2)
    return 0.0


def private_memory(pid):
    """Private bytes of a process (proc_pid_smaps(5))."""
    total = 0
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1]) * 1024
    return total


class BenchServer:
    """The bench server (server.c)."""

    def __init__(self, address=None):
        self.address = address or loopback.own_address()

    def __enter__(self):
        certificate = certs.case("good")
        self.process = subprocess.Popen(
            [Build.program("server"), certificate.pem, certificate.key, self.address, "10143", "10993", "11143"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError("the bench server did not start")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    @property
    def target(self):
        return Target(self.address, 10143, 10993)

    @property
    def without_tickets(self):
        return Target(self.address, 11143)
