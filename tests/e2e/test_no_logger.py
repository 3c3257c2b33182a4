"""Where there is no system logger, as in a container, no line vanishes: it stands in a file of the user's that `retrotls
status` names, and on standard error where that disturbs nobody."""
import os
import pty
import re
import socket
import stat
from pathlib import Path

import pytest
from support import certs
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP
from support.shim import PROGRAMS

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="a /dev of its own needs root")]

# A /dev without a logger, or with the socket of one that has ended; and $1 as /run.
OWN = """
mount --bind "$1" /run
mount -t tmpfs none /dev
for each in null:3 urandom:9; do mknod -m 666 "/dev/${each%:*}" c 1 "${each#*:}"; done
[ "$2" = none ] || /usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind("/dev/log")'
shift 2
exec "$@"
"""
LINE = r"result=(tls|failed) program=\S+ pid=\d+ server=\S+ .*"
USER = 54321


@pytest.fixture
def container(shim):
    """Runs a program where there is no logger; its /run is the folder `shim.run_folder`."""
    shim.private_build()
    shim.environment["RETROTLS_LOG"] = "syslog"
    shim.hosts = {"localhost": ["127.0.0.1"]}
    shim.run_folder = shim.folder / "run"
    shim.run_folder.mkdir()
    shim.file = shim.run_folder / "retrotls.log"

    def run(*words, logger="none", **options):
        return shim.run("unshare", "--mount", "sh", "-ec", OWN, "sh", shim.run_folder, logger, *words, **options)
    return run


def session(container, server, *before, **options):
    return container(*before, PROGRAMS / "careless", "localhost", server.port, stdin=IMAP.words, **options)


@pytest.mark.parametrize("logger", ["none", "ended"])
@pytest.mark.parametrize("relay", ["there", "missing"])
def test_a_line_is_kept(shim, container, relay, logger):
    if relay == "missing":  # the library writes the line
        shim.relay.unlink()
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port)
        told = session(container, server, logger=logger).err.decode()
    line, = shim.file.read_text().splitlines()
    assert re.fullmatch(rf"time=\S+ {LINE}", line), line
    assert ("result=tls" in line) == (relay == "there")
    assert stat.S_IMODE(shim.file.stat().st_mode) == 0o600
    # The library did not pass standard error on where there seemed to be a logger.
    assert re.match(rf"retrotls: {LINE}\n", told) or (relay, logger) == ("there", "ended"), told


def by_terminal():
    return pty.openpty()


def by_socket():
    return [end.detach() for end in socket.socketpair()]


def by_file():
    return [os.memfd_create("errors")] * 2


@pytest.mark.parametrize("make", [by_terminal, by_socket, by_file])
@pytest.mark.parametrize("relay", ["there", "missing"])
def test_a_terminal_a_client_and_a_file_get_no_line(shim, container, make, relay):
    """A full-screen program has the terminal, a server started by inetd has its client there, and a file may hang."""
    if relay == "missing":
        shim.relay.unlink()
    ours, given = make()
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port)
        session(container, server, stderr=given)
    if make is by_file:
        os.lseek(ours, 0, os.SEEK_SET)
    told = os.read(ours, 4096)  # the client's own complaint, at least
    for each in {given, ours}:
        os.close(each)
    assert told and b"result=" not in told
    assert "result=" in shim.file.read_text()


@pytest.mark.parametrize("relay", ["there", "missing"])
def test_output_gets_no_line(shim, container, relay):
    if relay == "missing":
        shim.relay.unlink()
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port)
        result = session(container, server, "sh", "-c", 'exec "$@" 2>&1', "sh")
    assert "result=" not in (result.out + result.err).decode(), result.show()
    assert "result=" in shim.file.read_text()


def test_status_names_the_file(shim, container):
    assert "logger" not in container(shim.command, "status", preload=False).out.decode()
    shim.file.write_text("")
    told = container(shim.command, "status", preload=False).out.decode()
    assert "There is no system logger; the log is in /run/retrotls.log.\n" in told, told


@pytest.mark.parametrize("owner", [USER, USER + 1])
def test_an_ordinary_users_file(shim, container, owner):
    """It is in /tmp, since that user has no runtime folder. Somebody else's file there is left alone."""
    file = Path(f"/tmp/retrotls-{USER}.log")
    shim.environment["RETROTLS_SANDBOX"] = "off"
    shim.folder.chmod(0o755)
    file.write_text("old\n")
    os.chown(file, owner, owner)
    file.chmod(0o666)
    try:
        with Hostile(honest(IMAP)) as server:
            shim.guard(server.port)
            os.chown(shim.policy_file, USER, USER)
            told = session(container, server, "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups").err.decode()
        lines = [line for line in file.read_text().splitlines() if "result=" in line]
    finally:
        file.unlink()
    assert len(lines) == (owner == USER), lines
    assert "retrotls: result=" in told, told


def test_a_large_file_is_moved_aside(shim, container):
    shim.file.write_bytes(b"old\n" * (1024 * 1024 // 4))
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port)
        session(container, server)
    assert len(shim.file.read_text().splitlines()) == 1
    assert (shim.run_folder / "retrotls.log.old").stat().st_size == 1024 * 1024


def test_a_file_that_cannot_be_moved_grows_no_further(shim, container):
    """The relay may also live too long to begin a new one."""
    (shim.run_folder / "retrotls.log.old").mkdir()
    with open(shim.file, "wb") as file:
        file.truncate(16 * 1024 * 1024)
    with Hostile(honest(IMAP, certs.case("expired"))) as server:
        shim.guard(server.port)
        told = session(container, server).err.decode()
    assert shim.file.stat().st_size == 16 * 1024 * 1024
    assert "retrotls: result=failed" in told, told
