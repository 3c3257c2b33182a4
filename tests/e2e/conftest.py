"""Fixtures for all end-to-end tests."""
import pytest
from support import certs
from support.servers.dovecot import Dovecot
from support.servers.exim import Exim
from support.shim import Shim


@pytest.fixture(scope="session")
def dovecot():
    with Dovecot(certs.case("good")) as server:
        yield server


@pytest.fixture(scope="session")
def exim():
    with Exim(certs.case("good")) as server:
        yield server


@pytest.fixture
def shim(tmp_path):
    return Shim(tmp_path)
