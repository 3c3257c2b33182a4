"""The twin tests: one program per behaviour of a TCP socket (tests/twin), run on plain TCP without the library and on
a switched descriptor with it. Both must say the same, but for what the program's comment declares different by
nature."""
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import twin

# Behaviours that still differ and should not.
DIFFERENT = set()


def names():
    for name in twin.names():
        known = [pytest.mark.xfail(reason="known difference", strict=False)] if name in DIFFERENT else []
        yield pytest.param(name, marks=known)


@pytest.fixture
def folder():
    """One that programs which dropped their privileges can reach."""
    with tempfile.TemporaryDirectory(prefix="retrotls-twin-") as path:
        Path(path).chmod(0o755)
        yield Path(path)


@pytest.mark.parametrize("name", names())
def test_switched_descriptor_behaves_as_tcp(name, folder):
    folders = [folder / "plain", folder / "switched"]
    for each in folders:
        each.mkdir()
    with ThreadPoolExecutor(2) as pool:
        plain, switched = pool.map(lambda each: twin.run(name, each, each.name == "switched"), folders)
    if plain.skipped:
        pytest.skip(plain.lines[-1])
    plain.check()
    assert switched.lines == twin.expected(name, plain.lines), switched.show()
    switched.check()
    for session in switched.peer.sessions:
        assert b"CAPA\r\nSTLS\r\n".startswith(session.clear), f"sent in clear: {session.clear!r}"
