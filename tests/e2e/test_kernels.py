"""Kernels from Linux 3.2 to 6.1, as older_kernel simulates them: the shim does without what each lacks, or says that it is
missing. `make kernels` runs the levels, the kills, the twins and clients under each of them."""
import platform

import pytest
import test_kills
from support import certs, protocols
from support.hostile import Hostile
from support.play import honest, plaintext_only, play
from support.protocols import IMAP
from support.shim import PYTHON, UNFILTERED
from support.tap import Tap
from support.twin import ROOT, expected, run

KERNELS = ["3.2", "3.10", "4.4", "4.18", "5.4", "5.10", "5.15", "6.1"]

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the simulator knows x86's system calls alone")


def on(kernels):
    return pytest.mark.parametrize("kernel", [pytest.param(k, marks=[] if k in ("3.2", "3.10") else [pytest.mark.slow]) for k in kernels])


ON_EACH = on(KERNELS)


@pytest.fixture
def old(shim, kernel):
    shim.kernel = kernel
    return shim


ASKS = """
import ctypes, errno, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def tells(what, result):
    print(what, "ok" if result >= 0 else errno.errorcode[ctypes.get_errno()])
def call(what, number, *arguments):
    tells(what, libc.syscall(number, *arguments))
def option(what, level, name):
    try:
        s.getsockopt(level, name, 8)
        print(what, "ok")
    except OSError as e:
        print(what, errno.errorcode[e.errno])
s = socket.socket()
call("seccomp", 317, 99, 0, 0)
call("memfd_create", 319, b"", 0)
call("clone3", 435, None, 0)
tells("no_new_privs", libc.prctl(39, 0, 0, 0, 0))
tells("filters", libc.prctl(22, 2, None, 0, 0))
call("getrandom", 318, ctypes.create_string_buffer(4), 4, 0)
call("statx", 332, 0, b"", 0x1000, 0x100, ctypes.create_string_buffer(256))
call("pidfd_open", 434, os.getpid(), 0)
call("close_range", 436, 1000, 1001, 0)
call("openat2", 437, -100, b"/", ctypes.create_string_buffer(24), 24)
option("SO_PEEK_OFF", socket.SOL_SOCKET, 42)
option("SO_COOKIE", socket.SOL_SOCKET, 57)
option("SO_PEERGROUPS", socket.SOL_SOCKET, 59)
print("tcp_info", len(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 400)))
try:
    open("/proc/thread-self/status").close()
    print("thread-self ok")
except OSError as e:
    print("thread-self", errno.errorcode[e.errno])
print("landlock", libc.syscall(444, None, 0, 1))
print("release", os.uname().release)
"""

# The version that brought each feature (100 * major + minor), by the manual pages and the kernel's lists, and the error before it.
SINCE = {"seccomp": (317, "ENOSYS"), "memfd_create": (317, "ENOSYS"), "clone3": (503, "ENOSYS"), "no_new_privs": (305, "EINVAL"),
         "filters": (305, "EINVAL"), "getrandom": (317, "ENOSYS"), "statx": (411, "ENOSYS"), "pidfd_open": (503, "ENOSYS"), "close_range": (509, "ENOSYS"),
         "openat2": (506, "ENOSYS"), "SO_PEEK_OFF": (304, "ENOPROTOOPT"), "SO_COOKIE": (412, "ENOPROTOOPT"),
         "SO_PEERGROUPS": (413, "ENOPROTOOPT"), "thread-self": (317, "ENOENT")}
TCP_INFO = {"3.2": 104, "3.10": 104, "4.4": 144, "4.18": 200}
LANDLOCK = {"5.15": 1, "6.1": 2}


@ON_EACH
def test_the_simulator_lacks_what_that_kernel_lacks(old, kernel):
    """Otherwise the other tests would prove nothing."""
    out = old.run(PYTHON, "-c", ASKS, env={"LD_PRELOAD": ""}).ok().out.decode()
    told = dict(line.split() for line in out.splitlines())
    major, minor = map(int, kernel.split("."))
    for what, (since, error) in SINCE.items():
        if 100 * major + minor < since:
            assert told[what] == error, (what, out)
        else:
            assert told[what] != error or what == "SO_PEERGROUPS", (what, out)  # which TCP never has
    assert int(told["tcp_info"]) == TCP_INFO.get(kernel, 232), out
    assert int(told["landlock"]) == LANDLOCK.get(kernel, -1), out
    assert told["release"] == f"{kernel}.0-test"


@ON_EACH
@pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
def test_session(old, protocol):
    play(old, protocol, honest(protocol), "secure").upgraded()


@ON_EACH
@pytest.mark.parametrize("server", ["self-signed", "other host", "no TLS"])
def test_refusal(old, server):
    scenario = plaintext_only(IMAP) if server == "no TLS" else honest(IMAP, certs.case(server))
    play(old, IMAP, scenario, "secure").failed("localhost")


@ON_EACH
def test_by_the_command(old):
    with Hostile(honest(IMAP)) as server, Tap(server.address) as tap:
        old.guard(tap.port, "secure", "imap")
        result = old.careless("localhost", tap.port, IMAP.words, command=True).ok()
        tap.wait_closed()
        server.wait_done()
    assert server.over_tls == IMAP.words, result.show()
    tap.saw_only_tls_after(IMAP.preamble)


@ON_EACH
def test_refusal_where_there_is_no_sandbox(old, kernel):
    """Refuses only if the kernel has no system call filters, and the policy does not accept that (test_sandbox)."""
    outcome = play(old, IMAP, honest(IMAP), "secure", "sandbox required")
    if kernel in UNFILTERED:
        outcome.failed("without its sandbox: the kernel has no seccomp filters")
    else:
        outcome.upgraded()


@ON_EACH
def test_relay_that_dies_before_it_has_read_the_request_is_followed_by_another(old):
    """Before Linux 4.1 the kernel does not say what was sent over a connection. But nobody can have used one that no relay took."""
    test_kills.test_relay_that_dies_before_it_has_read_the_request_is_followed_by_another(old)


@ON_EACH
def test_second_relay_does_not_go_on_where_the_first_had_begun(old):
    test_kills.test_second_relay_does_not_go_on_where_the_first_had_begun(old)


@ON_EACH
def test_walls_that_are_missing_are_told(old, kernel):
    old.environment.pop("RETROTLS_SANDBOX", None)
    play(old, IMAP, honest(IMAP), "secure").upgraded()
    warnings = [line for line in old.log().splitlines() if "warning=" in line]
    if kernel in LANDLOCK:
        assert warnings == [], warnings
    else:
        assert len(warnings) == 1 and "no Landlock (Linux 5.13)" in warnings[0], warnings
        assert ("no seccomp filters" in warnings[0]) == (kernel in UNFILTERED), warnings


# The twins that depend on the missing calls: descriptors and epoll sets that are switched, options and sockets that the relay
# has, descriptors that are closed, state that a descriptor itself carries, a relay that is no program's child.
TWINS = ["connect_nonblocking_epoll_edge", "connect_second_after_refusal", "connect_af_unspec_dissolves", "connect_many_threads",
         "connect_longjmp_then_use", "connect_in_vfork_child", "duplicates",
         "connect_makes_no_child_and_no_thread", "duplicate_from_before_connect", "epoll_from_before_connect_level",
         "epoll_two_sets_from_before_connect", "exec_replaces_the_program", "fork_shares_the_connection", "options_of_the_tcp_level",
         "options_set_at_the_socket_level", "reset_behind_data", "connect_in_thread_with_own_descriptors",
         "connect_with_no_descriptor_left", "connect_after_the_main_thread_ended", "end_clean"]


WITH_EPOLL_FROM_BEFORE = {"epoll_from_before_connect_level", "epoll_two_sets_from_before_connect",
                          "connect_in_thread_with_own_descriptors"}


# From 5.9 on, kernels lack nothing that these see: only Landlock, the relay's.
@on([k for k in KERNELS if k not in ("5.10", "5.15", "6.1")])
@pytest.mark.parametrize("name", TWINS)
def test_twin(name, kernel, tmp_path, monkeypatch):
    """A switched descriptor behaves as TCP (test_twin.py). Before Linux 3.8 the kernel does not say what an epoll set
    waits for: connect() refuses a socket that is in one already, rather than lose it."""
    assert (ROOT / f"tests/twin/{name}.c").exists()
    if name == "connect_longjmp_then_use" and kernel in ("3.2", "3.10", "4.4"):
        pytest.skip("it waits in a child for its parent's socket to be connecting, which no child sees before Linux 4.15 "
                    "(shim/preload/guard/replaced.h)")
    monkeypatch.setenv("RETROTLS_KERNEL", kernel)
    tmp_path.chmod(0o755)
    for each in "plain", "switched":
        (tmp_path / each).mkdir(mode=0o755)
    plain = run(name, tmp_path / "plain").check()
    switched = run(name, tmp_path / "switched", switched=True)
    if kernel == "3.2" and name in WITH_EPOLL_FROM_BEFORE:
        assert any(line.startswith("connect(") and line.endswith("ENETUNREACH") for line in switched.lines), switched.show()
        assert "has it in an epoll set already" in switched.log, switched.show()
        return
    assert switched.lines == expected(name, plain.lines), switched.show()
    switched.check()
