"""Installed files work in their place, removal leaves nothing behind, and the man pages are correct. dpkg installs the
package in a private root."""
import os
import platform
import re
import shutil
import subprocess

import pytest
from support import certs, i386, marks
from support.own_root import copy_build, copy_source, in_own_root, needs_root
from support.shim import BUILD, PYTHON, ROOT
from support.tap import Tap
from support.tree import PROGRAM, compile_c, one_line

pytestmark = pytest.mark.timeout(600)

IMAP = """
import imaplib, sys
c = imaplib.IMAP4("localhost", int(sys.argv[1]))
c.login(sys.argv[2], "secret")
print(c.select()[0])
c.logout()
"""
OTHERS = {"32 bits": {"flags": i386.GCC_FLAGS}, "musl": {"compiler": "musl-gcc"}}
on_x86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="other builds are made on x86-64 alone")


def make(folder, *words):
    """Runs make in a copy's build folder, so that no other test's build is touched."""
    if not (folder / "build").exists():  # reuse what is already built
        copy_build(BUILD, folder / "build")
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
        checked = shim.run(shim.command, "check", f"localhost:{tap.port}", preload=False).ok()
    assert "verdict the policy is met" in one_line(checked.out.decode())


@pytest.mark.parametrize("words,runs", [([], True), (["PREFIX=/usr"], True), (["DESTDIR=/tmp/x"], False),
                                        (["PREFIX=/opt/retrotls"], False)])
def test_what_the_loader_knows_is_refreshed(words, runs):
    """Without ldconfig, the loader reports that it cannot find LD_PRELOAD=libretrotls.so in /usr/local, and starts the program
    without the library."""
    for target in "install", "uninstall":
        planned = subprocess.run(["make", "-n", "--no-print-directory", "-C", ROOT, *words, target], check=True, capture_output=True, text=True)
        assert planned.stdout.rstrip().endswith(" ldconfig") == runs, planned.stdout[-500:]


@pytest.mark.parametrize("word,says", [
    ("PREFIX=usr", "PREFIX must be an absolute path without blanks, not 'usr'"),
    ("PREFIX=/opt/my programs", "PREFIX must be an absolute path without blanks, not '/opt/my programs'"),
    ("DESTDIR=/tmp/a root", "DESTDIR must be a path without blanks, not '/tmp/a root'")])
def test_places_that_cannot_be_are_refused(word, says):
    """A relay with a relative path would be searched for in the folder that the program runs in."""
    for target in "all", "install", "uninstall":
        result = subprocess.run(["make", "-n", "-C", ROOT, word, target], capture_output=True, text=True)
        assert result.returncode == 2 and says in result.stderr and "rm " not in result.stdout, result


def test_library_knows_where_its_relay_was_installed(installed):
    """Not the place for the PREFIX of an earlier `make`, whose objects are still there."""
    library = installed / f"usr/lib/{platform.machine()}-linux-gnu/libretrotls.so"
    assert f"{installed}/usr/libexec/retrotls/retrotls-relay\0".encode() in library.read_bytes()


@on_x86_64
@pytest.mark.parametrize("kind", [pytest.param("32 bits", marks=marks.executes_32_bit), "musl"])
def test_programs_of_another_kind_get_their_library(installed, tmp_path, kind):
    how = OTHERS[kind]
    program = compile_c(PROGRAM, tmp_path / "program", *how.get("flags", []), compiler=how.get("compiler", "gcc"))
    result = subprocess.run([installed / "usr/bin/retrotls", program], capture_output=True, text=True, timeout=60,
                            env={"RETROTLS_POLICY": "", "HOME": str(tmp_path)})
    assert (result.returncode, result.stderr) == (0, "")
    preload = f"{installed}/usr/$LIB/libretrotls.so" if kind == "32 bits" else \
        f"{installed}/usr/lib/retrotls/musl/libretrotls.so"
    assert result.stdout.startswith(f"{preload}|")


def loaded(program, preload, narrow):
    """The libretrotls.so files mapped into a program that prints its maps."""
    words, environment = [program], {"LD_PRELOAD": str(preload)}
    if narrow:
        words, environment = i386.emulated(words, environment)
    result = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    return set(re.findall(r"/\S*libretrotls\.so$", result.stdout, re.M))


SHOW_MAPS = """
#include <stdio.h>
int main(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    for (int c; (c = getc(maps)) != EOF;)
        putchar(c);
    return 0;
}
"""


@on_x86_64
@pytest.mark.parametrize("flags, folder", [([], "x86_64-linux-gnu"), (i386.GCC_FLAGS, "i386-linux-gnu")])
def test_one_preload_path_for_both_classes(installed, tmp_path, flags, folder):
    """$LIB is lib/i386-linux-gnu for the 32-bit loader of Debian's libc6:i386, and lib32 for that of libc6-i386."""
    program = compile_c(SHOW_MAPS, tmp_path / "program", *flags)
    assert loaded(program, f"{installed}/usr/$LIB/libretrotls.so", bool(flags)) == {f"{installed}/usr/lib/{folder}/libretrotls.so"}


def test_library_is_never_there_in_part(installed, tmp_path):
    """With an incomplete library, ld.so would start programs without it, in plaintext."""
    trace = tmp_path / "trace"
    subprocess.run(["strace", "-f", "-s", "4096", "-e", "trace=open,openat,creat,/^rename", "-o", trace, "make", "-s", "-C", ROOT,
                    f"BUILD={installed}/build", f"PREFIX={installed}/usr", f"DESTDIR={tmp_path}", "install"], check=True, capture_output=True)
    lines = [line for line in trace.read_text().splitlines() if str(tmp_path) in line and 'libretrotls.so"' in line]
    assert [line for line in lines if "rename" in line]
    assert not [line for line in lines if "O_CREAT" in line], lines


def test_uninstall_leaves_nothing(installed, tmp_path):
    target = tmp_path / "root"
    words = (f"PREFIX={installed}/usr", f"DESTDIR={target}")
    make(installed, *words, "install")
    everything = {path.name for path in target.rglob("*") if not path.is_dir()}
    assert {"retrotls", "libretrotls.so", "retrotls-relay", "retrotls-check", "retrotls-supervise", "_retrotls"} <= everything
    make(installed, *words, "uninstall")
    assert [path for path in target.rglob("*") if not path.is_dir() or "retrotls" in path.name] == []


def test_uninstall_takes_nothing_of_others(installed, tmp_path):
    words = (f"PREFIX={installed}/usr", f"DESTDIR={tmp_path}", f"LIBEXECDIR={installed}/usr/libexec")
    make(installed, *words, "install")
    other = tmp_path / str(installed).lstrip("/") / "usr/libexec/of-another"
    other.write_text("")
    make(installed, *words, "uninstall")
    assert other.exists() and list(other.parent.iterdir()) == [other]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Made from a copy of the source, because the objects in this build are for another PREFIX."""
    copy = copy_source(tmp_path_factory.mktemp("package") / "source")
    subprocess.run(["make", "-s", "deb"], cwd=copy, check=True, capture_output=True)
    return next((copy / "build").glob("retrotls_*.deb"))


def test_package_is_complete(package):
    listed = subprocess.run(["dpkg-deb", "-c", package], check=True, capture_output=True, text=True).stdout
    for path in ("/usr/bin/retrotls", "/libretrotls.so", "/usr/libexec/retrotls/retrotls-relay",
                 "/usr/libexec/retrotls/retrotls-check", "/usr/libexec/retrotls/retrotls-supervise", "/etc/retrotls/policy", "/retrotls.1.gz", "/retrotls-policy.5.gz",
                 "/libretrotls.7.gz", "/retrotls-security.7.gz", "/copyright", "/changelog.gz"):
        assert path in listed
    if platform.machine() == "x86_64":
        for folder in ("x86_64-linux-gnu", "i386-linux-gnu", "retrotls/musl"):
            assert f"/usr/lib/{folder}/libretrotls.so" in listed
    control = subprocess.run(["dpkg-deb", "-f", package, "Depends"], check=True, capture_output=True, text=True).stdout
    assert "libssl3" in control and "libc6" in control


@needs_root
def test_demo_runs_from_the_package(package, tmp_path):
    out = in_own_root(tmp_path, 'dpkg --no-triggers --install "$1"; "$2" "$3"', package, PYTHON, ROOT / "tests/demo.py",
                      RETROTLS_BUILD="/usr/bin")
    for words in ("mbsync reads over IMAP", "fetchmail reads over POP3", "msmtp sends over SMTP",
                  "nothing of the message or the password crossed"):
        assert words in out
    assert out.count("certificate verified for localhost") == 3
    assert not shutil.which("retrotls"), "the package was installed in this machine's own root"


@needs_root
def test_package_from_its_installation_to_its_removal(package, tmp_path):
    """An installed retrotls works as the manual says, and removing it leaves nothing behind."""
    programs = {"native": compile_c(SHOW_MAPS, tmp_path / "native")}
    if i386.EXECUTED:
        programs["narrow"] = compile_c(SHOW_MAPS, tmp_path / "narrow", *i386.GCC_FLAGS)
    script = """
dpkg --no-triggers --install "$1" > /dev/null
shift
retrotls lint
man -w retrotls retrotls-policy libretrotls
retrotls explain --address 192.0.2.1 mail.example.org:25 | head -1
for each; do LD_PRELOAD=libretrotls.so "$each" | grep -o '/usr/lib.*libretrotls.so$' | sort -u; done
echo '/usr/$LIB/libretrotls.so' >> /etc/ld.so.preload
for each; do "$each" | grep -o '/usr/lib.*libretrotls.so$' | sort -u; done
dpkg --no-triggers --purge retrotls 2>&1 | grep '^retrotls:'
rm /etc/ld.so.preload
dpkg --no-triggers --purge retrotls > /dev/null
find /usr /etc /var -xdev -name '*retrotls*'
"""
    out = in_own_root(tmp_path, script, package, *programs.values()).splitlines()
    assert out[0] == "/etc/retrotls/policy: no errors"
    assert [line.rpartition("/")[2] for line in out[1:4]] == ["retrotls.1.gz", "retrotls-policy.5.gz", "libretrotls.7.gz"]
    assert out[4] == "mail.example.org, port 25 (192.0.2.1): guarded with level secure"
    folders = {"native": f"{platform.machine()}-linux-gnu", "narrow": "i386-linux-gnu"}
    assert out.pop() == "retrotls: /etc/ld.so.preload still names libretrotls.so: take that line out first"
    assert out[5:] == 2 * [f"/usr/lib/{folders[name]}/libretrotls.so" for name in programs]


@needs_root
def test_whole_machine_by_its_own_policy(package, shim, dovecot, tmp_path):
    """A program unknown to us, under /etc/ld.so.preload and /etc/retrotls/policy, run by root as an ordinary user. The library
    is then also loaded into the relay and retrotls-check, and leaves them alone."""
    user = dovecot.mailbox()
    script = """
dpkg --no-triggers --install "$1" > /dev/null
printf 'ca-file %s\\nmatch host localhost port %d\\n    protocol imap\\n    final\\n' "$2" "$3" >> /etc/retrotls/policy
echo '/usr/$LIB/libretrotls.so' >> /etc/ld.so.preload
port=$3
shift 3
setpriv --reuid news --regid news --clear-groups "$@"
retrotls check "localhost:$port" | grep verdict
"""
    with Tap(dovecot.at("imap")) as tap:
        out = in_own_root(tmp_path, script, package, certs.authority().pem, str(tap.port), PYTHON, "-c", IMAP, str(tap.port),
                          user)
        tap.wait_closed()
        assert out.split() == "OK verdict the policy is met".split()
        tap.never_saw(b"secret")
        tap.saw_only_tls_after(rb"[^\x16]*")


needs_rpm = pytest.mark.skipif(not shutil.which("rpmbuild") or not (ROOT / ".git").exists(),
                               reason="rpmbuild is not installed, or this is no git repository, of which it takes what is committed")


@pytest.fixture(scope="module")
def rpm(tmp_path_factory):
    """The package that `make rpm` makes, and the output."""
    folder = tmp_path_factory.mktemp("rpm")
    done = subprocess.run(["make", "-s", "-C", ROOT, f"RPM={folder}", "rpm"], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env={**os.environ, "HOME": str(folder)})
    return next(folder.glob("RPMS/*/*.rpm")), done.stdout


def of_rpm(package, what):
    return subprocess.run(["rpm", "-qp", what, package], check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.slow
@needs_rpm
def test_rpm_is_complete(rpm):
    package, said = rpm
    assert "warning" not in said.lower() and "listed twice" not in said, said[-3000:]
    listed = of_rpm(package, "-l")
    assert len(listed) == len(set(listed))
    for path in ("/usr/bin/retrotls", "/usr/libexec/retrotls/retrotls-relay", "/usr/libexec/retrotls/retrotls-check", "/etc/retrotls/policy",
                 "/usr/share/man/man1/retrotls.1", "/usr/share/licenses/retrotls-0.1.0/LICENSE"):
        assert any(each.startswith(path) for each in listed), listed
    assert any(re.fullmatch(r"/usr/lib(64)?/libretrotls.so", each) for each in listed), listed
    # The package must not require musl or a 32-bit libc: without them, nobody needs the libraries for them.
    needed = of_rpm(package, "--requires")
    assert any(each.startswith("libssl.so.3") for each in needed), needed
    assert not [each for each in needed if re.match(r"libc\.so\(|libc\.so\.6(\(GLIBC[^)]*\))?$", each)], needed


@pytest.mark.slow
@needs_rpm
@needs_root
def test_rpm_from_its_installation_to_its_removal(rpm, tmp_path):
    script = """
rpm -i --root / --nodeps "$1"
library=$(rpm -ql retrotls | grep -Ex '/usr/lib(64)?/libretrotls.so')
retrotls lint
LD_PRELOAD=$library "$2" | grep -o '/usr/lib.*libretrotls.so$' | sort -u
rpm -V --nodeps retrotls
echo "$library" > /etc/ld.so.preload
rpm -e retrotls 2>&1 | grep '^retrotls:'
rm /etc/ld.so.preload
rpm -e retrotls
find /usr /etc -xdev -name '*retrotls*'
"""
    out = in_own_root(tmp_path, script, rpm[0], compile_c(SHOW_MAPS, tmp_path / "native")).splitlines()
    assert out[0] == "/etc/retrotls/policy: no errors", out
    assert re.fullmatch(r"/usr/lib(64)?/libretrotls.so", out[1]), out
    assert out[2:] == ["retrotls: /etc/ld.so.preload names libretrotls.so: remove the line first"], out


@pytest.mark.parametrize("page", sorted((ROOT / "man").iterdir()), ids=lambda page: page.name)
def test_man_page_lints_clean(page):
    result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "")
