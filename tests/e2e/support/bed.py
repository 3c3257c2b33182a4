"""A bed for whole test suites: a network in which every TCP connection to an ephemeral port of this machine goes to a
guarded TLS server. The suites know nothing of it and run unchanged.

The test has its own network namespace. If somebody listens on the target port, the kernel diverts (TPROXY) the SYN to
programs/tls_front.c, which takes off the TLS and connects to the target. If nobody listens, connect() is refused as
usual. The policy has rules for all of the ports.
"""
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

from . import certs, namespaces
from .shim import PROGRAMS, PYTHON, Shim

PORTS = range(20000, 21000)
HANGS = 60  # seconds that one case may take
NOT_TCP = ["*VSOCK*"]  # may not work in a virtual machine
RULE = ["-t", "mangle", "PREROUTING", "-p", "tcp", "--syn", "--dport", f"{PORTS[0]}:{PORTS[-1]}",
        "-m", "mark", "!", "--mark", "1", "-m", "socket", "--nowildcard", "-j", "TPROXY", "--on-port"]
TABLES = {4: "iptables", 6: "ip6tables"}


def _table(family, action, port, **options):
    return subprocess.run([TABLES[family], *RULE[:2], action, *RULE[2:], str(port)], capture_output=True,
                          env={**os.environ, "PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "XTABLES_LOCKFILE": "/dev/null"}, **options)


def missing():
    """Why this machine cannot have a bed, or None if it can."""
    if not namespaces.possible("net"):
        return "this kernel gives an ordinary user no namespaces: run the tests as root for this one"
    if not shutil.which("iptables", path="/usr/sbin:/sbin"):
        return "iptables is not installed"
    probe = subprocess.run([*namespaces.command("net"), "/usr/sbin/iptables", *RULE[:2], "-A", *RULE[2:], "1"], capture_output=True,
                           text=True, env={**os.environ, "XTABLES_LOCKFILE": "/dev/null"})
    return None if probe.returncode == 0 else f"this kernel diverts no connections (TPROXY): {probe.stderr.strip()}"


def has_cpython_tests():
    return subprocess.run([PYTHON, "-c", "import test.test_socket"], capture_output=True).returncode == 0


class Bed:
    """Create it inside the namespace."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="retrotls-bed-"))
        self.folder.chmod(0o755)
        self.shim = Shim(self.folder)
        assert namespaces.inside(), "the machine's own network is not ours to change"
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(f"{PORTS[0]} {PORTS[-1]}")
        certificate = certs.case("good")
        ports = list(PORTS)
        self.shim.policy("".join(
            f"match port {' '.join(map(str, ports[i:i + 100]))}\n    tls implicit\n    level fingerprint\n"
            f"    fingerprint {certificate.sha256}\n" for i in range(0, len(ports), 100)))
        with open(self.folder / "front", "w") as errors:
            self.front = subprocess.Popen([PROGRAMS / "tls_front", certificate.pem, certificate.key], stdout=subprocess.PIPE,
                                          stderr=errors, text=True)
        self.front_ports = dict(zip(TABLES, self.front.stdout.readline().split()))

    def close(self):
        self.front.kill()
        self.front.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def seen_in_clear(self):
        """What reached a guarded port without TLS."""
        return (self.folder / "front").read_text()

    @contextlib.contextmanager
    def diverting(self):
        for family, port in self.front_ports.items():
            added = _table(family, "-A", port, text=True)
            assert added.returncode == 0, added.stderr
        try:
            yield
        finally:
            for family, port in self.front_ports.items():
                _table(family, "-D", port)

    def run(self, words, guarded, timeout):
        """Runs a suite with little but the bed's environment."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            environment = {**(self.shim.variables() if guarded else {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}),
                           "HOME": folder, "TMPDIR": folder, "TEMP": folder}
            with self.diverting() if guarded else contextlib.nullcontext():
                return subprocess.run([str(word) for word in words], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                      timeout=timeout)

    def cpython(self, module, guarded, match=(), timeout=900):
        """Runs a module of CPython's own tests. Returns {case: "passed", "skipped", or how it failed}, and the output. A case
        that hangs ends the run; we then run the others again without it."""
        result = self.folder / "result.xml"
        hung = {}
        while True:
            result.unlink(missing_ok=True)
            done = self.run([PYTHON, "-m", "test", "-v", "--junit-xml", result, "--timeout", str(HANGS), "-u", "network",
                             *(word for pattern in match for word in ("-m", pattern)),
                             *(word for pattern in [*NOT_TCP, *hung] for word in ("-i", pattern)), module], guarded, timeout)
            if result.exists():
                return {**dict(_cases(result)), **hung}, done.stdout
            last = re.findall(r"^\w+ \(([\w.]+)\) \.\.\.[^\n]*(?:\n(?!\w+ \([\w.]+\) \.\.\.)[^\n]*)*?Timeout \(", done.stdout, re.M)
            if not last or last[-1] in hung:
                return hung, done.stdout
            hung[last[-1]] = f"failed: did not end in {HANGS} s"


def _cases(result):
    for case in xml.parse(result).getroot().iter("testcase"):
        bad = [child for child in case if child.tag in ("failure", "error")]
        yield case.get("name"), (("failed: " + " ".join((bad[0].text or bad[0].get("message") or "").split())[-400:]) if bad else
                                 "skipped" if case.get("result") == "skipped" or case.find("skipped") is not None else "passed")
