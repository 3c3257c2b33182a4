"""Fixtures for all end-to-end tests."""
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from support import certs, guest, namespaces, platform_of
from support import tree as tree_support
from support.servers import courier as courier_server
from support.servers.dovecot import Dovecot
from support.servers.exim import Exim
from support.servers.inn import Inn
from support.servers.postfix import Postfix
from support.shim import Shim


def pytest_configure(config):
    if platform_of.RECORDS:
        config.pluginmanager.register(platform_of.Recorder())


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    return namespaces.run_inside(pyfuncitem) or None


@pytest.fixture(scope="session", autouse=True)
def certificates():
    yield
    certs.clean_up()


@pytest.fixture(scope="session")
def dovecot():
    with Dovecot(certs.case("good")) as server:
        yield server


@pytest.fixture(scope="session")
def exim():
    with Exim(certs.case("good")) as server:
        yield server


@pytest.fixture(scope="session")
def inn():
    with Inn(certs.case("good")) as server:
        yield server


@pytest.fixture(scope="session")
def courier():
    if not courier_server.is_possible():
        pytest.skip("this kernel gives an ordinary user no namespaces, and courier has places compiled in: run the tests "
                    "as root for this one")
    with courier_server.Courier(certs.case("good")) as server:
        yield server


@pytest.fixture(scope="session")
def postfix():
    if os.geteuid() != 0:
        pytest.skip("postfix refuses to be started by anyone but root: run the tests as root for this one")
    with Postfix(certs.case("good")) as server:
        yield server


@pytest.fixture(scope="session")
def servers_by_case():
    servers = guest.Servers()
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """What `make bundle` packs, unpacked."""
    return guest.unpacked(tmp_path_factory.mktemp("opt"))


@pytest.fixture
def shim():
    folder = Path(tempfile.mkdtemp(prefix="retrotls-test-"))
    folder.chmod(0o755)  # some programs read their policy as a user of their own
    shim = Shim(folder)
    yield shim
    report = shim.sanitizer()
    shutil.rmtree(folder)
    assert not report, report


@pytest.fixture(scope="session")
def built():
    """Where programs and libraries are built once. Everybody may read it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        folder = Path(folder)
        tree_support.library(folder / "native.so", "native")
        tree_support.compile_c(tree_support.PROGRAM, folder / "program")
        yield folder


@pytest.fixture
def tree(built):
    """A tree with a native library, in a folder that everybody may read."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        tree = tree_support.Tree(Path(folder))
        shutil.copy(built / "native.so", tree.folder / "libretrotls.so")
        yield tree
