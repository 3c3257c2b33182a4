"""packaging/container: its recipe adds two lines to an image of Debian 11. Programs in the container have few capabilities, and
load the library only because the image sets LD_PRELOAD. Run by `make roots`."""
import re
import shutil

import pytest
from support import fresh_root, guest, platform_of
from support.bundle import archive
from support.container import Contained, Store
from support.protocols import POP3
from support.shim import ROOT

RECIPE = ROOT / "packaging/container"


def test_recipe_is_of_this_version():
    """Both lines name the archive's folder."""
    version, = re.findall(r"^VERSION\s*[:?]?=\s*(\S+)", (ROOT / "Makefile").read_text(), re.M)
    lines = [line for line in (RECIPE / "Containerfile").read_text().splitlines() if not line.startswith("#")]
    assert set(re.findall(r"retrotls-(\d[\d.]*)-x86_64", "\n".join(lines))) == {version}
    assert [line.split()[0] for line in lines] == ["ARG", "FROM", "ADD", "ENV"]


@pytest.fixture(scope="module")
def root():
    return fresh_root.make("bullseye")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("containers"))
    yield store
    store.close()


@pytest.fixture(scope="module")
def image(store, root, tmp_path_factory):
    """Debian 11 with the recipe's two lines."""
    context = tmp_path_factory.mktemp("context") / "image"
    shutil.copytree(RECIPE, context)
    shutil.copy(archive(), context)
    return store.build("with-retrotls", context, "--build-arg", f"IMAGE={store.image_of_root('debian', root)}")


@pytest.fixture
def contained(store, image, root, bundle):
    shim = Contained(store, store.container(image), root, bundle)
    yield shim
    shim.close()


@guest.in_the_long_form
@pytest.mark.parametrize("certificate", ["good", "other host"])
def test_session_in_a_container(contained, root, certificate, request):
    platform_of.root(request, root, "a container by packaging/container")
    guest.careless_session(contained, POP3, certificate, ["perl", "-e", guest.CARELESS_PERL, "{port}"])
