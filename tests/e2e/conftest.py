"""Fixtures for all end-to-end tests."""
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from support import certs
from support.servers.dovecot import Dovecot
from support.servers.exim import Exim
from support.servers.inn import Inn
from support.servers.postfix import Postfix
from support.shim import Shim


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
def postfix():
    if os.geteuid() != 0:
        pytest.skip("postfix runs as root alone; exim covers the rest")
    with Postfix(certs.case("good")) as server:
        yield server


@pytest.fixture
def shim():
    folder = Path(tempfile.mkdtemp(prefix="retrotls-test-"))
    folder.chmod(0o755)  # some programs read their policy as a user of their own
    yield Shim(folder)
    shutil.rmtree(folder)
