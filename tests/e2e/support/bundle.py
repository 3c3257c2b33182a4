"""The archive of `make bundle`, built before the tests."""
import os
import subprocess
from functools import cache

import pytest

from .shim import ROOT

LINKED = ("libretrotls.so", "retrotls", "retrotls-relay", "retrotls-check", "retrotls-supervise")


def current():
    """The newest archive, or None if the build is newer than it."""
    archives = sorted((ROOT / "build").glob("retrotls-*.tar.xz"), key=lambda path: path.stat().st_mtime)
    newest = max((ROOT / "build" / each).stat().st_mtime for each in LINKED)
    return archives[-1] if archives and archives[-1].stat().st_mtime >= newest else None


@cache
def archive():
    """The current archive. Builds it only if no tests run in parallel: that takes a minute on both cores."""
    if not current() and "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("no bundle of this build is there, and tests that run side by side do not make it: "
                    "`make bundle` first (`make check` does, as a step of its own: see there whether it failed)", pytrace=False)
    if not current():
        subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "bundle"], cwd=ROOT, check=True)
    return current()
