"""Gives a test its own namespaces, so that it can change the network or mounts. Works as root, and as an ordinary user if
the kernel allows user namespaces; the user keeps his name there."""
import functools
import os
import subprocess
import sys

import pytest

_INSIDE = "RETROTLS_TEST_INSIDE"


def command(*kinds):
    """The words to put before a command to give it namespaces of these kinds ("mount", "net", "pid")."""
    users = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    return ["unshare", *users, *(f"--{kind}" for kind in kinds)]


@functools.cache
def possible(*kinds):
    probe = ["sh", "-c", "mount -t tmpfs tmpfs /mnt"] if "mount" in kinds else ["true"]
    more = ["--fork"] if "pid" in kinds else []
    return subprocess.run([*command(*kinds), *more, *probe], capture_output=True).returncode == 0


def needed(*kinds):
    """A mark: runs the test in its own process, which has the namespaces."""
    def mark(test):
        skip = pytest.mark.skipif(not possible(*kinds), reason="this kernel gives an ordinary user no namespaces: run the "
                                                               "tests as root for this one")
        return skip(pytest.mark.namespaces(*kinds)(test))
    return mark


def inside():
    """True in the run inside the namespaces. pytest sets up the fixtures outside them as well."""
    return _INSIDE in os.environ


def run_inside(item):
    """Runs the test again in the namespaces that its mark names. False if it has no mark, or if this is that run."""
    mark = item.get_closest_marker("namespaces")
    if not mark or inside():
        return False
    done = subprocess.run([*command(*mark.args), sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider",
                           item.nodeid], cwd=item.config.rootpath, env={**os.environ, _INSIDE: "1"},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout
    return True
