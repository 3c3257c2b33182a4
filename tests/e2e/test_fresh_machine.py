"""What a new user types first, on a Debian with nothing installed."""
import os
import shutil
import subprocess

import pytest
from support import fresh_root, platform_of
from support.shim import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), fresh_root.needs_root]


def clone(to):
    """Copies the files that git tracks, or everything but build/ if this is no repository."""
    if (ROOT / ".git").exists():
        files = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "-C", ROOT, "ls-files", "-z"], check=True,
                               stdout=subprocess.PIPE).stdout.split(b"\0")
        for name in filter(None, map(bytes.decode, files)):
            if (ROOT / name).exists():
                (to / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, to / name, follow_symlinks=False)
    else:
        shutil.copytree(ROOT, to, symlinks=True, dirs_exist_ok=True,
                        ignore=lambda place, names: ["build"] if place == str(ROOT) else [])


@pytest.mark.parametrize("suite", [
    pytest.param("bookworm", marks=pytest.mark.skipif("RETROTLS_ROOTS" not in os.environ, reason="of the long form: make roots")), "trixie"])
def test_demo_on_a_fresh_debian(suite, tmp_path, request):
    """`make demo` installs what it uses, and configures nothing else."""
    platform_of.root(request, fresh_root.make(suite), "make demo")
    source = tmp_path / "source"
    source.mkdir()
    clone(source)
    done = fresh_root.run(suite, tmp_path / "scratch", """
apt-get -qq update
apt-get -qq install -y --no-install-recommends make > /dev/null
cd /source
make demo
""", binds=[f"{source}:/source"])
    assert done.returncode == 0, done.stdout[-6000:]
    assert done.stdout.count("certificate verified for localhost") == 3, done.stdout[-6000:]
    assert "nothing of the message or the password crossed" in done.stdout
