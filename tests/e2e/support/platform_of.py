"""The platform on which a test runs its programs. If RETROTLS_RECORD is set (make roots, make kernels), the results of each
platform's tests go into tests/platforms.json, and from there into the README."""
import os
import platform
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

from .shim import ROOT

sys.path.insert(0, str(ROOT / "tests"))
import platforms  # noqa: E402

RECORDS = "RETROTLS_RECORD" in os.environ
# The tests that `make kernels` runs under each simulated kernel.
UNDER_A_KERNEL = {"test_levels.py": "levels", "test_kills.py": "kills", "test_twin.py": "twins", "test_clients.py": "clients"}


def root(request, folder, what):
    """Notes that this test covers `what` in the Debian root in `folder`."""
    _note(request.node, of_root(folder), what)


def note(request, fields, what):
    """Notes that this test covers `what`; `fields` are the distribution and the C library."""
    _note(request.node, fields, what)


def of_root(folder):
    """A Debian root's distribution and C library."""
    release = dict(line.partition("=")[::2] for line in (Path(folder) / "etc/os-release").read_text().splitlines() if "=" in line)
    name, version = (" ".join(shlex.split(release.get(field, ""))) for field in ("NAME", "VERSION_ID"))
    version_of = subprocess.run(["dpkg-query", f"--admindir={Path(folder) / 'var/lib/dpkg'}", "-W", "-f", "${Version}\n", "libc6"],
                                check=True, stdout=subprocess.PIPE, text=True).stdout.split("-")[0]
    return {"distribution": f"{name.removesuffix(' GNU/Linux')} {version}".strip(), "libc": f"glibc {version_of}"}


def _note(item, fields, what):
    kernel = os.environ.get("RETROTLS_KERNEL")
    item.user_properties.append(("platform", {
        **fields, "kernel": f"{kernel}, simulated" if kernel else ".".join(platform.release().split(".")[:2]),
        "architecture": platform.machine(), "what": what}))


class Recorder:
    """A pytest plugin that counts the results of the tests that noted their platform."""

    def __init__(self):
        self.outcomes = {}

    def pytest_runtest_setup(self, item):
        what = UNDER_A_KERNEL.get(item.path.name)
        if what and "RETROTLS_KERNEL" in os.environ:
            _note(item, of_root("/"), what)

    def pytest_runtest_logreport(self, report):
        if report.when != "call" and report.passed:
            return
        for name, value in report.user_properties:
            if name == "platform":
                self.outcomes.setdefault(tuple(sorted(value.items())), Counter())[report.outcome] += 1

    def pytest_sessionfinish(self, session):
        if hasattr(session.config, "workerinput"):
            return  # a worker of pytest-xdist: the controller gets all reports
        for fields, outcomes in self.outcomes.items():
            platforms.record(**dict(fields), result=", ".join(
                f"{outcomes[each]} {each}" for each in ("passed", "skipped", "failed") if outcomes[each]))
