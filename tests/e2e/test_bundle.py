"""The archive of `make bundle`, unpacked in any folder. tests/bundle-twice checks that two builds of it are identical."""
import subprocess

import pytest
from support import protocols
from support.bundle import archive
from support.hostile import Hostile
from support.play import honest
from support.protocols import POP3, SECRET
from support.shim import PROGRAMS
from support.tap import Tap

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # it may have to be built first


@pytest.fixture(scope="module")
def bundle():
    return archive()


@pytest.fixture(scope="module")
def unpacked(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("some-folder")
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    subprocess.run(["tar", "-xJf", bundle, "-C", folder], check=True)
    return next(folder.iterdir())


def session(shim, folder, command):
    shim.library, shim.command = folder / "libretrotls.so", folder / "retrotls"
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "pop3")
        process = shim.popen(PROGRAMS / "careless", "localhost", tap.port, command=command, stdin=subprocess.PIPE)
        result = shim.finish(process, POP3.words).ok()
        tap.wait_closed()
        server.wait_done()
    assert server.over_tls == POP3.words, result.show()
    tap.saw_only_tls_after(POP3.preamble)
    tap.never_saw(SECRET, protocols.SENDER)
    assert [line["result"] for line in result.lines] == ["tls"], result.show()
    return result


@pytest.mark.parametrize("command", [False, True], ids=["LD_PRELOAD", "retrotls"])
@pytest.mark.parametrize("linked", [False, True], ids=["where it was unpacked", "by a symbolic link"])
def test_session_with_all_that_lies_beside(shim, unpacked, tmp_path, command, linked):
    """The relay can only be the archive's own: nothing is installed on this machine."""
    folder = unpacked
    if linked:
        folder = tmp_path / "link"
        folder.symlink_to(unpacked)
    session(shim, folder, command)


@pytest.mark.parametrize("starter", [[], ["sh", "-c", 'exec "$@"', "sh"]], ids=["itself", "started by a guarded program"])
def test_a_static_program_is_supervised(shim, unpacked, starter):
    """By the archive's own supervisor, which is itself a static program."""
    shim.library, shim.command = unpacked / "libretrotls.so", unpacked / "retrotls"
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "pop3", "name localhost")
        process = shim.popen(*starter, PROGRAMS / "careless-static", "localhost", tap.port, command=True, stdin=subprocess.PIPE)
        result = shim.finish(process, POP3.words).ok()
        tap.wait_closed()
        server.wait_done()
    assert server.over_tls == POP3.words, result.show()
    tap.never_saw(SECRET, protocols.SENDER)
    assert [line["verified"] for line in result.lines] == ["localhost"], result.show()


def test_programs_need_nothing_of_the_machine(unpacked):
    for name in "retrotls", "retrotls-relay", "retrotls-check", "retrotls-supervise":
        headers = subprocess.run(["readelf", "-lW", unpacked / name], check=True, stdout=subprocess.PIPE, text=True).stdout
        assert "INTERP" not in headers and "DYN (" in headers, headers  # static and position-independent


def test_users_and_hosts_are_looked_up_without_services_of_another_libc(unpacked, tmp_path):
    """A static program would load into itself what /etc/nsswitch.conf names. Ours must not."""
    trace = tmp_path / "trace"
    for words in ["explain", "mail.example.org:25"], ["check", "localhost:1"], ["doctor", "true"]:
        subprocess.run(["strace", "-f", "-e", "trace=open,openat", "-o", trace, unpacked / "retrotls", *words], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
        opened = trace.read_text()
        assert "libnss" not in opened, opened


def test_all_that_belongs_to_it_is_there(bundle, unpacked):
    there = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert there >= {"lib32/libretrotls.so", "musl/libretrotls.so", "libretrotls.so", "retrotls", "retrotls-relay", "retrotls-check",
                     "retrotls-supervise",
                     "man/retrotls.1", "man/retrotls-policy.5", "completions/_retrotls", "completions/retrotls.bash",
                     "ca-certificates.pem", "README.md", "policy.default"}
    sources = (unpacked / "sources.txt").read_text()
    for package in "openssl ", "libidn2 ", "libunistring ", "glibc ", "ca-certificates ":
        assert package in sources
    text = (unpacked / "LICENSE").read_text()
    for words in "Apache License", "GNU LESSER GENERAL PUBLIC LICENSE", "Mozilla Public License":
        assert words in text
    owners = subprocess.run(["tar", "-tvJf", bundle], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert set(line.split()[1] for line in owners.splitlines()) == {"0/0"}
