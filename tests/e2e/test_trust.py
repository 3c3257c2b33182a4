"""We run a relay, library or program found relative to our own file only if nobody else can have put it there."""
import os
import shutil
import subprocess

import pytest
from support import protocols
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP, SECRET
from support.shim import BUILD, COMMAND, LIBRARY, PROGRAMS, RELAY
from support.tap import Tap

STRANGER, OWNER = 54321, 54322

as_root = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other users")]

DOUBTS = {
    "a stranger's": ("belongs neither to root", lambda relay, folder: os.chown(relay, STRANGER, STRANGER), as_root),
    "of the group": ("can be written to by others", lambda relay, folder: relay.chmod(0o775), []),
    "of all": ("can be written to by others", lambda relay, folder: relay.chmod(0o757), []),
    "in a folder like /tmp": ("can be written to by others", lambda relay, folder: folder.chmod(0o1777), []),
    "in a group's folder": ("can be written to by others", lambda relay, folder: folder.chmod(0o775), []),
    "in a stranger's folder": ("belongs neither to root", lambda relay, folder: os.chown(folder, STRANGER, STRANGER), as_root),
    "a symbolic link": ("is not a regular file", lambda relay, folder: link(relay), []),
    "a FIFO": ("is not a regular file", lambda relay, folder: (relay.unlink(), os.mkfifo(relay)), []),
}
each_doubt = pytest.mark.parametrize("words,spoil", [pytest.param(words, spoil, id=name, marks=marks)
                                                     for name, (words, spoil, marks) in DOUBTS.items()])


def link(path):
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def session(shim, as_user=None):
    """Runs a session, as another user if `as_user`. Returns the result, the recorder and the server."""
    who = ["setpriv", f"--reuid={as_user}", f"--regid={as_user}", "--clear-groups"] if as_user else []
    with Hostile(honest(IMAP)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "imap")
        shim.policy_file.chmod(0o644)
        if as_user:
            os.chown(shim.policy_file, as_user, as_user)
            shim.log_file.touch()
            os.chown(shim.log_file, as_user, as_user)
        result = shim.run(*who, PROGRAMS / "careless", "localhost", tap.port, stdin=IMAP.words)
    tap.never_saw(SECRET, protocols.SENDER)
    return result, tap, server


@pytest.fixture(params=["beside", "one folder up"])
def place(request, shim, tmp_path):
    """A library, with its relay next to it or one folder up. Nothing is installed on this machine."""
    folder = tmp_path / "place"
    inner = folder if request.param == "beside" else folder / "inner"
    inner.mkdir(parents=True)
    for each in (folder, *folder.parents):
        if not each.stat().st_mode & 0o005:  # a folder of pytest's, which other users must be able to enter
            each.chmod(0o755)
    shutil.copy(LIBRARY, inner)
    shutil.copy(RELAY, folder)
    shim.library = inner / LIBRARY.name
    return folder, folder / RELAY.name


def test_relay_of_the_same_owner_is_run(shim, place):
    result, _, server = session(shim)
    assert server.over_tls == IMAP.words and result.lines[0]["result"] == "tls", result.show()


@each_doubt
def test_relay_that_others_can_have_put_there_is_not_run(shim, place, words, spoil):
    folder, relay = place
    spoil(relay, folder)
    result, tap, _ = session(shim)
    assert result.status != 0 and tap.up == b"", result.show()
    error = result.lines[0]["error"]
    assert str(relay) in error and words in error, error


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other users")
@pytest.mark.parametrize("library,relay,runs_as,good", [
    (0, 0, OWNER, True),
    (OWNER, OWNER, OWNER, True),
    (OWNER, 0, OWNER, True),
    (OWNER, OWNER, STRANGER, False),
    (OWNER, STRANGER, OWNER, False),
    (0, OWNER, OWNER, False),
    (STRANGER, STRANGER, None, False),
])
def test_whose_library_and_relay_are(shim, place, library, relay, runs_as, good):
    """Root's relay is always run. A relay of the library's owner is run only if that user runs the program."""
    os.chown(shim.library, library, library)
    os.chown(place[1], relay, relay)
    shim.folder.chmod(0o755)
    result, tap, server = session(shim, runs_as)
    if good:
        assert server.over_tls == IMAP.words, result.show()
    else:
        assert tap.up == b"" and "belongs neither" in result.lines[0]["error"], result.show()


def copied_command(tmp_path, place):
    folder = tmp_path / "place"
    (folder / "bin").mkdir(parents=True)
    shutil.copy(COMMAND, folder / "bin")
    target = folder / place
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(BUILD / target.name, target)
    return folder / "bin" / COMMAND.name, target


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


COMMANDS = {"library": ("libretrotls.so", ["true"]), "check": ("retrotls-check", ["lint"])}


@pytest.mark.parametrize("file,arguments", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("place", ["bin", "installed"])
def test_command_finds_what_is_trusted(tmp_path, file, arguments, place):
    if place == "installed":
        place = "lib/retrotls" if file == "libretrotls.so" else "libexec/retrotls"
    command, _ = copied_command(tmp_path, f"{place}/{file}")
    result = run(command, *arguments)
    assert "beside this command" not in result.stderr and "install retrotls again" not in result.stderr, result


@pytest.mark.parametrize("file,arguments", COMMANDS.values(), ids=COMMANDS)
@each_doubt
def test_command_uses_nothing_that_others_can_have_put_there(tmp_path, file, arguments, words, spoil):
    command, target = copied_command(tmp_path, f"bin/{file}")
    spoil(target, target.parent)
    result = run(command, *arguments)
    assert result.returncode != 0 and str(target) in result.stderr and words in result.stderr, result
