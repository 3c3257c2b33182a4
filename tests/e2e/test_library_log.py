"""The lines that the library writes itself when there is no relay to do it. Like the relay, it writes to no file that
another user could have put there."""
import os

import pytest
from support.shim import PROGRAMS

STRANGER = 54321


def log_a_failure(shim):
    shim.private_build()
    shim.relay.unlink()
    shim.guard(1)
    result = shim.run(PROGRAMS / "careless", "127.0.0.1", 1)
    assert result.status != 0, result.show()


def test_line_is_written(shim):
    log_a_failure(shim)
    assert "cannot start" in shim.log_file.read_text() and shim.log_file.stat().st_mode & 0o777 == 0o600


def symbolic_link(log, other):
    log.symlink_to(other)


def hard_link(log, other):
    log.hardlink_to(other)


@pytest.mark.parametrize("lay", [symbolic_link, hard_link])
def test_no_link_is_followed(shim, lay):
    other = shim.folder / "other"
    other.write_text("as it was\n")
    lay(shim.log_file, other)
    log_a_failure(shim)
    assert other.read_text() == "as it was\n"


@pytest.mark.parametrize("read", [False, True], ids=["nobody reads", "somebody reads"])
def test_fifo_neither_holds_up_nor_gets_a_line(shim, read):
    os.mkfifo(shim.log_file)
    reader = os.open(shim.log_file, os.O_RDONLY | os.O_NONBLOCK) if read else -1
    path, shim.log_file = shim.log_file, shim.folder / "none"
    shim.environment["RETROTLS_LOG"] = str(path)
    log_a_failure(shim)
    if read:
        assert os.read(reader, 100) == b""
        os.close(reader)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other users")
def test_file_of_another_user_gets_no_line(shim):
    shim.log_file.touch(0o666)
    os.chown(shim.log_file, STRANGER, STRANGER)
    log_a_failure(shim)
    assert shim.log_file.read_text() == ""


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes links of other users")
@pytest.mark.parametrize("owner,written", [(STRANGER, False), (0, True)])
@pytest.mark.parametrize("absolute", [False, True], ids=["relative", "absolute"])
def test_link_among_its_folders_is_followed_if_nobody_else_made_it(shim, owner, written, absolute):
    folder = shim.folder / "logs"
    folder.mkdir()
    link = shim.folder / "link"
    link.symlink_to(folder if absolute else folder.name)
    os.chown(link, owner, owner, follow_symlinks=False)
    shim.environment["RETROTLS_LOG"] = str(link / "log")
    log_a_failure(shim)
    assert (folder / "log").exists() == written
    assert not written or "cannot start" in (folder / "log").read_text()


def test_links_in_a_ring_are_no_log(shim):
    (shim.folder / "one").symlink_to("two")
    (shim.folder / "two").symlink_to("one")
    shim.environment["RETROTLS_LOG"] = str(shim.folder / "one" / "log")
    log_a_failure(shim)


def test_a_long_way_with_dots_and_slashes(shim):
    (shim.folder / "a").mkdir()
    (shim.folder / "b").symlink_to("a/../a/.")
    shim.environment["RETROTLS_LOG"] = f"{shim.folder}//b/./..///log"
    log_a_failure(shim)
    assert "cannot start" in shim.log_file.read_text()
