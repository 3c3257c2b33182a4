"""A bed for whole test suites: a network in which every TCP connection to an ephemeral port of this machine is one to a
guarded TLS server, and suites that know nothing of it run as they are.

The test is in a network namespace of its own. The kernel diverts (TPROXY) each SYN for which somebody listens to
programs/tls_front.c, which takes the TLS off and goes on to whom it was meant for; where nobody listens, connect() is
refused as ever. The policy has a rule for each of the ports.
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
NOT_TCP = ["*VSOCK*"]  # of which a virtual machine may have what does not work
RULE = ["-t", "mangle", "PREROUTING", "-p", "tcp", "--syn", "--dport", f"{PORTS[0]}:{PORTS[-1]}",
        "-m", "mark", "!", "--mark", "1", "-m", "socket", "--nowildcard", "-j", "TPROXY", "--on-port"]
TABLES = {4: "iptables", 6: "ip6tables"}


def _table(family, action, port, **options):
    return subprocess.run([TABLES[family], *RULE[:2], action, *RULE[2:], str(port)], capture_output=True,
                          env={**os.environ, "PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "XTABLES_LOCKFILE": "/dev/null"}, **options)


def missing():
    """Why there can be no bed here; None where there can."""
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
    """To be made inside of the namespace."""

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
        """Runs a suite; the bed is all that it is told of."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            environment = {**(self.shim.variables() if guarded else {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}),
                           "HOME": folder, "TMPDIR": folder, "TEMP": folder}
            with self.diverting() if guarded else contextlib.nullcontext():
                return subprocess.run([str(word) for word in words], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                      timeout=timeout)

    def cpython(self, module, guarded, match=(), timeout=900):
        """Runs a module of CPython's own tests: {case: "passed", "skipped", or how it failed}, and its output. One that
        hangs ends the run; the others are run again without it."""
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
