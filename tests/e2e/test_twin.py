"""The twin tests: one program per behaviour of a TCP socket (tests/twin), run on plain TCP without the library and on a
switched descriptor with it. Both must print the same, except for the inherent differences that the program's comment
declares."""
import os
import platform
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import i386, twin

# Cases that do not depend on the library: a glibc program cannot run under a musl library, and musl itself reads sendmsg()'s
# message; AddressSanitizer does not follow the unwinding of a cancelled thread.
NOT_WITH = {"musl": {"exec_of_a_plain_program", "late_inherited_by_a_plain_program", "program_fetchmail", "read_bad_memory"},
            "64-bit time": {"read_bad_memory"},  # glibc reads recvmsg()'s message
            "sanitizers": {"connect_cancelled"}}

# Under a supervisor, which sees fewer calls than the library does, some things differ: what recv(2) says of a sender, what
# MSG_TRUNC does, which error a write after a reset gets, that sendmsg(2) accepts an address, that MSG_FASTOPEN connects.
# Others go better: a program without descriptors connects all the same, and there is no child.
NOT_WITH["supervised"] = {
    "recv_truncate", "recvfrom_address", "recvmsg_fields", "connect_nonblocking_refused_select", "reset_while_writing", "sendto_address",
    "sendto_fastopen", "sendto_fastopen_nonblocking", "connect_with_no_descriptor_left",
    "connect_as_init_of_a_namespace", "connect_longjmp"}
# `make check` runs these alone; `make soak` runs them all.
SUPERVISED = {
    "connect_af_unspec_dissolves", "connect_after_fork", "connect_after_refusal_on_the_same_socket", "connect_called_off_by_shutdown",
    "connect_in_thread_with_own_descriptors", "connect_interrupted_waits_again", "connect_longjmp_then_use", "connect_many_threads",
    "connect_nonblocking_epoll_edge", "connect_nonblocking_refused_epoll", "connect_restarted", "connect_second_after_success",
    "connect_send_timeout", "connect_wrong_addresses", "duplicate_from_before_connect_nonblocking", "epoll_two_sets_from_before_connect",
    "exec_replaces_the_program", "mark", "options_of_the_tcp_level", "options_set_before_connect", "unsent_bytes", "what_it_is"}

# `make kernels`. Cases that we refuse on kernels before the given one, with these words in the log (tests/README.md); with no
# words if the server refuses the connection.
KERNEL = tuple(map(int, (os.environ.get("RETROTLS_KERNEL") or "99.0").split(".")))
REFUSED_BEFORE = [
    ((3, 8), "has it in an epoll set already",
     {"connect_in_thread_with_own_descriptors", "connect_refused_slowly", "epoll_from_before_connect_edge", "epoll_from_before_connect_level",
      "epoll_from_before_connect_oneshot", "epoll_many_sets", "epoll_nested_and_exclusive", "epoll_two_sets_from_before_connect"}),
    ((3, 8), "", {"epoll_refused_from_before_connect"}),
    ((4, 1), "was used before retrotls saw it",
     {"late_inherited_and_read", "late_inherited_and_written", "late_inherited_by_a_plain_program", "late_inherited_keeps_its_state",
      "late_received_over_a_unix_socket"})]
# Kernels that the programs need: on plain TCP too, or for a forked child to find the connection (replaced.h).
NEEDS = {"connect_after_closing_everything": (5, 9), "send_zero_copy": (4, 14), "connect_longjmp_then_use": (4, 15)}


def cases():
    for name in twin.names():
        for variant in twin.VARIANTS:
            if name in NOT_WITH.get(variant, ()) or variant == "64-bit time" and name not in twin.time64_names():
                continue
            if variant == "supervised" and name not in SUPERVISED and "RETROTLS_SOAK" not in os.environ:
                continue
            native = variant == "native"
            yield pytest.param(name, variant, id=name if native else f"{name}, {variant}",
                               marks=[] if native else [pytest.mark.slow])


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="other builds are made on x86-64 alone")
def test_what_is_not_built_with_a_64_bit_time_would_be_the_same_program():
    """What they share is built with it in any case, so that its own calls do not count."""
    others = sorted(set(twin.names()) - twin.time64_names())
    told = subprocess.run(["nm", "-uA", "twin.o", "twin_words.o", *others], cwd=twin.BUILD / "twin-32", check=True, stdout=subprocess.PIPE, text=True).stdout
    called = {(line.partition(":")[0], line.split()[-1].partition("@")[0].removesuffix("64")) for line in told.splitlines()}
    own = {call for file, call in called if file in ("twin.o", "twin_words.o")}
    assert others and own
    assert [each for each in sorted(called) if each[1] in set(twin.time64_calls()) - own] == []


@pytest.fixture
def folder():
    """A folder that programs without privileges can reach. At the end, a relay may still be writing its log there."""
    with tempfile.TemporaryDirectory(prefix="retrotls-twin-", ignore_cleanup_errors=True) as path:
        Path(path).chmod(0o755)
        yield Path(path)


@pytest.mark.parametrize("name, variant", cases())
def test_switched_descriptor_behaves_as_tcp(name, variant, folder):
    if variant in ("32 bit", "64-bit time", "musl") and platform.machine() != "x86_64":
        pytest.skip("other builds are made on x86-64 alone")
    if twin.VARIANTS[variant][1] == "lib32" and (differs := i386.altered_by_qemu(name)):
        pytest.skip(differs)
    if KERNEL < NEEDS.get(name, KERNEL):
        pytest.skip(f"needs Linux {'.'.join(map(str, NEEDS[name]))}")
    folders = [folder / "plain", folder / "switched"]
    for each in folders:
        each.mkdir()
    with ThreadPoolExecutor(2) as pool:
        plain, switched = pool.map(lambda each: twin.run(name, each, each.name == "switched", variant), folders)
    for before, words, names in REFUSED_BEFORE:
        if KERNEL < before and name in names:
            assert switched.lines != twin.expected(name, plain.lines), f"Linux {KERNEL} does it, too"
            assert words in switched.log, switched.show()
            assert not any(session.began and not b"\x16\x03\x01".startswith(session.began[:3]) for session in switched.peer.sessions), \
                switched.show()
            return
    if plain.skipped:
        pytest.skip(plain.lines[-1])
    plain.check()
    assert switched.lines == twin.expected(name, plain.lines), switched.show()
    switched.check()
    for session in switched.peer.sessions:
        assert b"\x16\x03\x01".startswith(session.began[:3]), f"sent in clear: {session.began!r}"
