"""Programs without a guarded connection: with the library, their output stays the same to the last byte. The library is
loaded by LD_PRELOAD, and by /etc/ld.so.preload, which loads it into every program of a machine."""
import difflib
import os
import platform
import pwd
import shutil
import tempfile
from pathlib import Path

import pytest
from support import bystanders, loopback, namespaces
from support.hostile import Hostile
from support.own_root import with_ld_so_preload
from support.raw_call import RAW_CALL
from support.servers.server import UNPACKED, user_for
from support.shim import PYTHON, ROOT

NGINX, POSTGRES = UNPACKED / "nginx", UNPACKED / "postgresql"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def as_user(user):
    """The words that run a command as an ordinary user. If we are one, they only drop the capabilities that the namespace gave us."""
    drop = ["setpriv", "--inh-caps=-all", "--ambient-caps=-all"]
    return [*drop, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"] if os.geteuid() == 0 else drop


class Runner:
    def __init__(self, shim, user):
        self.shim, self.user = shim, user
        self.address = loopback.own_address()
        shim.private_build()  # which every user may read
        shim.policy("")  # the rules that apply without a policy: each mail port is guarded
        shim.policy_file.chmod(0o644)

    def run(self, script, way, **variables):
        """Runs a job. Returns its exit status and all its output, as lines."""
        job, etc = self.shim.folder / "job", self.shim.folder / "etc"
        for folder in job, etc:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        os.chown(job, self.user.pw_uid, self.user.pw_gid)
        text = f"grep -c libretrotls.so /proc/self/maps > loaded\n{script}"
        prefix = with_ld_so_preload(etc, self.shim.library) if way == "ld.so.preload" else []
        if self.user.pw_uid != os.geteuid() or prefix:
            prefix += as_user(self.user)
        result = self.shim.run(*prefix, "sh", "-c", text, cwd=job, preload=way == "LD_PRELOAD",
                               env={**variables, "LANG": "C", "ADDRESS": self.address, "SOURCE": str(ROOT),
                                    "RETROTLS_LOG": str(job / "retrotls.log")})
        assert (int((job / "loaded").read_text()) > 0) == (way != "plain"), result.show()
        assert not (job / "retrotls.log").exists(), (job / "retrotls.log").read_text()
        return [f"exit {result.status}", *result.out.decode().splitlines(), "---", *result.err.decode().splitlines()]


JOBS = {"compile": bystanders.COMPILE, "shell scripts": bystanders.SHELL, "apt's http method": bystanders.APT,
        "nginx under load": bystanders.NGINX_UNDER_LOAD, "PostgreSQL": bystanders.DATABASE}
SLOW = "nginx under load", "PostgreSQL"
# What the output must contain. Otherwise two failures would look like no difference.
EXPECTED = {"compile": "compiled", "shell scripts": "few descriptors", "apt's http method": "201 URI Done",
            "nginx under load": "Failed requests:        0", "PostgreSQL": "server stopped"}


@pytest.fixture(scope="module")
def tree():
    """A copy of PostgreSQL that its user may read."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        version, = (POSTGRES / "usr/lib/postgresql").iterdir()
        lib, share = f"lib/postgresql/{version.name}", f"share/postgresql/{version.name}"
        for source, target in ((lib, lib), (share, share), (f"lib/{platform.machine()}-linux-gnu", f"{lib}/libs")):
            shutil.copytree(POSTGRES / "usr" / source, Path(folder, target),
                            ignore=shutil.ignore_patterns("bitcode", "llvmjit*", "man"))
        yield Path(folder, lib)


@pytest.mark.parametrize("job", [pytest.param(job, marks=pytest.mark.slow if job in SLOW else []) for job in JOBS])
def test_no_difference(shim, tree, job):
    """One test runs the job in each way, so that the outputs come from the same moment."""
    runner = Runner(shim, user_for("nobody") if job == "PostgreSQL" else pwd.getpwuid(os.geteuid()))
    ways = ["plain", "LD_PRELOAD", *(["ld.so.preload"] if namespaces.possible("mount") else [])]
    outcomes = {way: runner.run(JOBS[job], way, NGINX_TREE=str(NGINX), POSTGRES=str(tree)) for way in ways}
    assert EXPECTED[job] in "\n".join(outcomes["plain"]), outcomes["plain"]
    for way in ways[1:]:
        difference = "\n".join(difflib.unified_diff(outcomes["plain"], outcomes[way], "plain", way, lineterm=""))
        assert not difference, difference
    assert runner.shim.relays() == []


CONNECTS = """
import os, socket, sys
port, user = map(int, sys.argv[1:])
if user:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
with socket.create_connection(("127.0.0.1", port)) as s:
    print(s.recv(100).decode())
"""
STRANGER = 54321


@pytest.fixture
def plain_server():
    with Hostile(lambda s: (s.send(b"hello"), s.shut())) as server:
        yield server


@pytest.mark.parametrize("how", [pytest.param("by itself", marks=needs_root), pytest.param("by another", marks=needs_root),
                                 "from the start"])
def test_home_is_that_of_another_user(shim, plain_server, how):
    """Root starts a daemon, which becomes another user. HOME is still root's, and the daemon may be unable to see whether it
    has a policy. That policy would not be this user's, so it is no reason to stop a connection that nobody guards."""
    home = shim.folder / "home"
    home.mkdir()
    home.chmod(0o700)
    if os.geteuid() != 0:
        home = "/root"
    shim.private_build()
    environment = {"RETROTLS_POLICY": "", "HOME": str(home), "RETROTLS_LOG": "stderr"}
    words = [PYTHON, "-c", CONNECTS, plain_server.address[1], STRANGER if how == "by itself" else 0]
    if how == "by another":
        words = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", *words]
    result = shim.run(*words, env=environment).ok()
    assert (result.out, result.err) == (b"hello\n", b""), result.show()


def connects_under_policy_of_root(shim, server, port, program):
    """The policy is in root's home, and has a rule for `port`."""
    home = shim.folder / "home"
    (home / ".config/retrotls").mkdir(parents=True)
    home.chmod(0o700)
    (home / ".config/retrotls/policy").write_text(f"match port {port}\n level secure\n")
    shim.private_build()
    return shim.run(PYTHON, "-c", program, server.address[1], STRANGER,
                    env={"RETROTLS_POLICY": "", "HOME": str(home), "RETROTLS_LOG": "stderr"})


@needs_root
@pytest.mark.parametrize("guarded", [True, False])
def test_policy_of_root_stays_in_force_for_another_user(shim, plain_server, guarded):
    """The library reads it before the program becomes the other user."""
    result = connects_under_policy_of_root(shim, plain_server, plain_server.address[1] if guarded else 1, CONNECTS)
    assert (result.status == 0 and b"hello" in result.out) != guarded, result.show()


@needs_root
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers of the system calls must be known")
def test_policy_of_root_is_not_lost_by_becoming_another_user(shim, plain_server):
    """It was there when the program started, and can no longer be read. A connection that it may guard must fail."""
    program = RAW_CALL + CONNECTS
    for by_libc, by_itself in (("os.setgroups([])", "raw_call(116, 0, 0)"), ("os.setgid(user)", "raw_call(119, user, user, user)"),
                               ("os.setuid(user)", "raw_call(117, user, user, user)")):
        assert by_libc in program
        program = program.replace(by_libc, by_itself)
    result = connects_under_policy_of_root(shim, plain_server, 1, program)
    assert result.status != 0 and b"hello" not in result.out, result.show()
    assert f"{shim.folder}/home/.config/retrotls/policy: ".encode() in result.err, result.show()


@pytest.mark.skipif(not namespaces.possible("mount"), reason="no mount namespace may be made here; LD_PRELOAD is tried")
def test_ld_so_preload_was_tried():
    """If this is skipped, /etc/ld.so.preload was not tried."""
