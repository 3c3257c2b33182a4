"""The twin tests: one program per behaviour of a TCP socket (tests/twin), run on plain TCP without the library and on
a switched descriptor with it. Both must say the same, but for what the program's comment declares different by
nature."""
import platform
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import i386, twin

# What is no question of the library's: a glibc program cannot run under a musl library, and musl itself looks into
# sendmsg()'s message; AddressSanitizer does not follow a cancelled thread's unwinding.
NOT_WITH = {"musl": {"exec_of_a_plain_program", "late_inherited_by_a_plain_program", "program_fetchmail", "read_bad_memory"},
            "64-bit time": {"read_bad_memory"},  # glibc looks into recvmsg()'s message
            "sanitizers": {"connect_cancelled"}}


def cases():
    for name in twin.names():
        for variant in twin.VARIANTS:
            if name in NOT_WITH.get(variant, ()):
                continue
            native = variant == "native"
            yield pytest.param(name, variant, id=name if native else f"{name}, {variant}",
                               marks=[] if native else [pytest.mark.slow])


@pytest.fixture
def folder():
    """One that programs which dropped their privileges can reach; a relay may still be writing its log at the end."""
    with tempfile.TemporaryDirectory(prefix="retrotls-twin-", ignore_cleanup_errors=True) as path:
        Path(path).chmod(0o755)
        yield Path(path)


@pytest.mark.parametrize("name, variant", cases())
def test_switched_descriptor_behaves_as_tcp(name, variant, folder):
    if variant in ("32 bit", "64-bit time", "musl") and platform.machine() != "x86_64":
        pytest.skip("other builds are made on x86-64 alone")
    if twin.VARIANTS[variant][1] == "lib32" and (differs := i386.altered_by_qemu(name)):
        pytest.skip(differs)
    folders = [folder / "plain", folder / "switched"]
    for each in folders:
        each.mkdir()
    with ThreadPoolExecutor(2) as pool:
        plain, switched = pool.map(lambda each: twin.run(name, each, each.name == "switched", variant), folders)
    if plain.skipped:
        pytest.skip(plain.lines[-1])
    plain.check()
    assert switched.lines == twin.expected(name, plain.lines), switched.show()
    switched.check()
    for session in switched.peer.sessions:
        assert b"\x16\x03\x01".startswith(session.began[:3]), f"sent in clear: {session.began!r}"
