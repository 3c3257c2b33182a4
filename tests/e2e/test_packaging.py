"""What is installed works from where it is installed, leaves nothing when removed, and its pages and completions are
in order. The package is tried in a mount namespace of its own, laid over this machine's /usr."""
import os
import shutil
import subprocess

import pytest
from support.shim import PYTHON, ROOT
from support.tap import Tap

pytestmark = pytest.mark.timeout(600)  # everything is compiled, twice

IMAP = """
import imaplib, sys
c = imaplib.IMAP4("localhost", int(sys.argv[1]))
c.login(sys.argv[2], "secret")
print(c.select()[0])
c.logout()
"""


def make(folder, *words):
    """Runs make in a copy's build folder, so that no other test's build is touched."""
    return subprocess.run(["make", "-s", "-C", ROOT, f"BUILD={folder}/build", *words], check=True, capture_output=True,
                          text=True, env={"PATH": os.environ["PATH"], "HOME": str(folder)}).stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    make(folder, f"PREFIX={folder}/usr", "install")
    return folder


def test_installed_command_finds_library_and_relay(installed, shim, dovecot):
    user = dovecot.mailbox()
    with Tap(dovecot.at("imap")) as tap:
        shim.guard(tap.port, "secure", "imap")
        shim.command = installed / "usr/bin/retrotls"
        result = shim.run(PYTHON, "-c", IMAP, tap.port, user, command=True).ok()
        assert result.out == b"OK\n"
        assert result.lines[0]["result"] == "tls"
        tap.never_saw(b"secret")


def test_uninstall_leaves_nothing(installed, tmp_path):
    target = tmp_path / "root"
    words = (f"PREFIX={installed}/usr", f"DESTDIR={target}")
    make(installed, *words, "install")
    assert any(path.is_file() for path in target.rglob("*"))
    make(installed, *words, "uninstall")
    assert [path for path in target.rglob("*") if not path.is_dir()] == []


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    copy = folder / "source"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("build", ".git"))
    subprocess.run(["make", "-s", "deb"], cwd=copy, check=True, capture_output=True)
    return next((copy / "build").glob("retrotls_*.deb"))


def test_package_is_complete(package):
    listed = subprocess.run(["dpkg-deb", "-c", package], check=True, capture_output=True, text=True).stdout
    for path in ("/usr/bin/retrotls", "/libretrotls.so", "/usr/libexec/retrotls/retrotls-relay", "/etc/retrotls/policy",
                 "/retrotls.1.gz", "/retrotls-policy.5.gz", "/libretrotls.7.gz", "/copyright"):
        assert path in listed
    control = subprocess.run(["dpkg-deb", "-f", package, "Depends"], check=True, capture_output=True, text=True).stdout
    assert "libssl3" in control and "libc6" in control


@pytest.mark.skipif(os.geteuid() != 0, reason="a mount namespace needs root; the installed tree is tried without it")
def test_package_works_where_it_is_installed(package, shim, dovecot, tmp_path):
    tree = tmp_path / "tree"
    subprocess.run(["dpkg-deb", "-x", package, tree], check=True)
    # overlayfs lays the package over /usr, for this one process tree alone.
    inside = 'mount -t overlay overlay -o "lowerdir=$1/usr:/usr" /usr && shift && exec "$@"'
    user = dovecot.mailbox()
    with Tap(dovecot.at("imap")) as tap:
        shim.guard(tap.port, "secure", "imap")
        result = shim.run("unshare", "-m", "sh", "-c", inside, "sh", tree, "/usr/bin/retrotls", PYTHON, "-c", IMAP,
                          tap.port, user, preload=False).ok()
        assert result.out == b"OK\n"
        assert result.lines[0]["verified"] == "localhost"
        tap.never_saw(b"secret")


@pytest.mark.parametrize("page", sorted((ROOT / "man").iterdir()), ids=lambda page: page.name)
def test_man_page_lints_clean(page):
    result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "")


def complete(*words):
    """What bash offers for the last of `words`."""
    script = """
. "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_retrotls
printf '%s\\n' "${COMPREPLY[@]}"
"""
    return subprocess.run(["bash", "-c", script, "bash", ROOT / "packaging/completions/retrotls.bash", *words],
                          capture_output=True, text=True, check=True).stdout.split()


def test_bash_completes_commands_and_options():
    assert "explain" in complete("retrotls", "exp")
    assert "--verbose" in complete("retrotls", "--ver")
    assert "--json" in complete("retrotls", "-v", "status", "--j")
    assert "python3" in complete("retrotls", "doctor", "python")
