"""The sandboxed relay serves whole sessions, whatever files the policy makes it read and write; and the sandbox holds."""
import dataclasses
import functools
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from support import certs, protocols
from support.hostile import Hostile, handshake_with_both_certificates
from support.play import honest, plaintext_only, play
from support.protocols import IMAP
from support.shim import PROGRAMS, PYTHON
from support.wait import wait_for

OFF = {"RETROTLS_SANDBOX": "off"}
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root sees what a relay that is shut in is like")
# One session per line of standard input, all through one relay.
SESSIONS = """
import socket, sys
for port in sys.stdin:
    s = socket.create_connection(("localhost", int(port)))
    f = s.makefile("rwb", buffering=0)
    greeting = f.readline()
    f.write(b"a1 LOGOUT\\r\\n")
    print((greeting + f.read()).replace(b"\\r\\n", b"|").decode(), flush=True)
"""


def status(pid):
    return dict(re.findall(r"(\w+):\t(.*)\n", Path(f"/proc/{pid}/status").read_text()))


def warnings(shim):
    return [line for line in shim.log().splitlines() if "warning=" in line]


def folder_of_roots(folder, linked_from=None):
    """A ca-dir with the tests' root; if `linked_from`, through a link to that file outside it."""
    folder.mkdir()
    name = subprocess.run(["openssl", "x509", "-noout", "-hash", "-in", certs.authority().pem], check=True,
                          capture_output=True, text=True).stdout.strip()
    if linked_from:
        linked_from.write_bytes(Path(certs.authority().pem).read_bytes())
        (folder / "root.pem").symlink_to(linked_from)
        (folder / f"{name}.0").symlink_to("root.pem")
    else:
        (folder / f"{name}.0").write_bytes(Path(certs.authority().pem).read_bytes())
    return folder


def test_path_as_log(shim):
    play(shim, IMAP, honest(IMAP), "secure").upgraded()


def test_log_in_the_policy_is_written_again_after_it_was_rotated(shim):
    shim.environment["RETROTLS_LOG"] = ""
    log = shim.folder / "mail.log"
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap", f"log {log}")
        process = shim.popen(PYTHON, "-c", SESSIONS, stdin=-1)
        for turn in range(3):
            process.stdin.write(b"%d\n" % server.port)
            process.stdin.flush()
            assert process.stdout.readline().startswith(b"* OK"), process.stderr.read()
            assert log.read_text().count("result=tls") == 1
            log.rename(shim.folder / f"mail.log.{turn}")
        shim.finish(process).ok()


@pytest.mark.parametrize("target", ["stderr", "none"])
def test_standard_error_or_nothing_as_log(shim, target):
    shim.environment["RETROTLS_LOG"] = target
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        result = shim.careless("localhost", server.port, IMAP.words)
    assert b"* OK" in result.out, result.show()
    assert result.err.count(b"retrotls: localhost") == (target == "stderr"), result.show()
    assert (b"verified localhost" in result.err) == (target == "stderr"), result.show()


@AS_ROOT
def test_syslog_as_log(shim):
    """In its own mount namespace, where the test owns /dev/log."""
    shim.environment["RETROTLS_LOG"] = "syslog"
    logger = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    logger.bind(str(shim.folder / "logger"))
    logger.settimeout(20)
    own_dev = ("mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9 && "
               f"ln -s {shim.folder}/logger /dev/log && exec \"$@\"")
    with logger, Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        result = shim.run("unshare", "--mount", "sh", "-c", own_dev, "sh", PROGRAMS / "careless", "localhost",
                          server.port, stdin=IMAP.words)
        assert b"* OK" in result.out, result.show()
        line = logger.recv(4096).decode()
    assert re.match(r"<22>\w{3} [ \d]\d \d\d:\d\d:\d\d retrotls\[\d+\]: result=tls ", line), line


@pytest.mark.parametrize("how", ["files", "links that lead out of it"])
def test_ca_dir(shim, how):
    folder = folder_of_roots(shim.folder / "roots", shim.folder / "elsewhere.pem" if how != "files" else None)
    with Hostile(honest(IMAP)) as server:
        shim.policy(f"match port {server.port}\n    protocol imap\n    level secure\n    ca-dir {folder}\n")
        result = shim.careless("localhost", server.port, IMAP.words)
    assert [line["result"] for line in result.lines] == ["tls"], result.show()


@pytest.mark.parametrize("certificate,upgraded", [("revoked", False), ("good", True)])
def test_crl_file(shim, certificate, upgraded):
    crl = certs.case("revoked").crl
    outcome = play(shim, IMAP, honest(IMAP, certs.case(certificate)), "secure", f"crl-file {crl}")
    if upgraded:
        outcome.upgraded()
    else:
        outcome.failed("revoked")


def test_client_certificate(shim):
    own = certs.issued("client.example.org", usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    key = shim.folder / "client.key"
    key.write_bytes(Path(own.key).read_bytes())
    key.chmod(0o600)

    def scenario(s):
        s.tls = functools.partial(handshake_with_both_certificates, s)
        honest(IMAP)(s)
    play(shim, IMAP, scenario, "secure", f"client-cert {own.pem}", f"client-key {key}").upgraded()


def test_a_root_that_was_replaced_counts_for_the_next_connection(shim):
    """The sandbox of a reused thread allows only the old file, so a new thread has to serve the connection."""
    root = shim.folder / "root.pem"
    root.write_bytes(Path(certs.authority().pem).read_bytes())
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap", ca=root)
        process = shim.popen(PYTHON, "-c", SESSIONS, stdin=-1)
        for source, greeting in ((certs.authority(), b"* OK"), (certs.case("self-signed"), b"* BYE"),
                                 (certs.authority(), b"* OK")):
            fresh = shim.folder / "fresh.pem"
            fresh.write_bytes(Path(source.pem).read_bytes())
            fresh.rename(root)
            process.stdin.write(b"%d\n" % server.port)
            process.stdin.flush()
            line = process.stdout.readline()
            assert line.startswith(greeting), (line, shim.log())
        shim.finish(process).ok()
    assert "Permission denied" not in shim.log()


# CAP_DAC_OVERRIDE, DAC_READ_SEARCH, SETGID, SETUID, NET_ADMIN, NET_RAW, SYS_PTRACE
FILES_AND_RIGHTS = sum(1 << number for number in (1, 2, 6, 7, 12, 13, 19))


@AS_ROOT
def test_walls_stand(shim):
    shim.private_build()
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        process = shim.popen(PYTHON, "-c", SESSIONS, stdin=-1)
        process.stdin.write(b"%d\n" % server.port)
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"* OK")
        relay, = shim.relays()
        assert "warning=" not in shim.log()
        found = status(relay)
        assert (found["Seccomp"], found["NoNewPrivs"]) == ("2", "1"), found
        for task in Path(f"/proc/{relay}/task").iterdir():
            assert "Seccomp:\t2\n" in (task / "status").read_text()
        monitor = status(shim.monitors()[relay])
        assert (monitor["Seccomp"], monitor["NoNewPrivs"]) == ("2", "1"), monitor
        assert int(monitor["CapPrm"], 16) & ~FILES_AND_RIGHTS == 0, monitor
        # Not dumpable: root owns its files in /proc, whoever it runs as (proc(5)), and other users cannot trace it.
        read = subprocess.run(["cat", f"/proc/{relay}/environ"], user="nobody", capture_output=True)
        assert read.returncode != 0
        shim.finish(process).ok()


@AS_ROOT
def test_relay_of_an_ordinary_user_shows_nothing_to_that_user(shim):
    shim.private_build()
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        os.chmod(shim.policy_file, 0o644)
        os.chown(shim.policy_file, 65534, 65534)
        shim.environment["RETROTLS_LOG"] = "none"
        process = shim.popen(PYTHON, "-c", SESSIONS, stdin=-1, user="nobody", group="nogroup", extra_groups=[])
        process.stdin.write(b"%d\n" % server.port)
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"* OK"), process.stderr.read()
        relay, = shim.relays()
        assert status(relay)["Uid"].split()[0] == "65534"

        def readable(pid):
            return subprocess.run(["cat", f"/proc/{pid}/maps"], user="nobody", group="nogroup", extra_groups=[],
                                  capture_output=True).returncode == 0
        assert readable(process.pid), "nothing can be read anyhow"
        assert not readable(relay)
        shim.finish(process).ok()


def test_switched_off_is_told_once(shim):
    shim.private_build()
    shim.environment.update(OFF)
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        process = shim.popen(PYTHON, "-c", SESSIONS, stdin=-1)
        for _ in range(2):
            process.stdin.write(b"%d\n" % server.port)
            process.stdin.flush()
            assert process.stdout.readline().startswith(b"* OK")
        relay, = shim.relays()
        assert status(relay)["Seccomp"] == "0"
        shim.finish(process).ok()
    line, = warnings(shim)
    assert "RETROTLS_SANDBOX=off" in line, shim.log()
    assert len(shim.log_lines()) == 2


@pytest.mark.parametrize("value", ["", "0", "on", "OFF", "no"])
@AS_ROOT
def test_nothing_else_switches_it_off(shim, value):
    shim.private_build()
    shim.environment["RETROTLS_SANDBOX"] = value
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        process = shim.popen(PYTHON, "-c", SESSIONS, stdin=-1)
        process.stdin.write(b"%d\n" % server.port)
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"* OK")
        assert status(shim.relays()[0])["Seccomp"] == "2"
        shim.finish(process).ok()


NO_LANDLOCK = "the kernel has no Landlock (Linux 5.13)"
NO_SECCOMP = "the kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)"


@pytest.mark.parametrize("lacks,told", [
    (["landlock"], [NO_LANDLOCK]), (["landlock-off"], [NO_LANDLOCK]), (["seccomp"], [NO_SECCOMP]),
    (["landlock", "seccomp"], [NO_LANDLOCK, NO_SECCOMP]), (["kill-process"], [])])
def test_an_older_kernel_is_told_once_and_what_there_is_is_used(shim, lacks, told):
    """programs/older_kernel refuses the calls, as a kernel without them would."""
    shim.private_build()
    shim.environment.pop("RETROTLS_SANDBOX", None)
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap", *(["sandbox optional"] if "seccomp" in lacks else []))
        process = shim.popen(PROGRAMS / "older_kernel", *lacks, "--", PYTHON, "-c", SESSIONS, stdin=-1)
        for _ in range(2):
            process.stdin.write(b"%d\n" % server.port)
            process.stdin.flush()
            assert process.stdout.readline().startswith(b"* OK"), process.stderr.read()
        if os.geteuid() == 0:
            program, relay = status(process.pid), status(shim.relays()[0])
            own = int(relay["Seccomp_filters"]) - int(program["Seccomp_filters"])
            assert own == (0 if "seccomp" in lacks else 1) and relay["NoNewPrivs"] == "1", relay
        shim.finish(process).ok()
    assert len(warnings(shim)) == bool(told), shim.log()
    assert [each for each in (NO_LANDLOCK, NO_SECCOMP) if each in "".join(warnings(shim))] == told
    assert len(shim.log_lines()) == 2


DENIED = "cannot use seccomp filters: "
WITHOUT_FILTERS = pytest.mark.parametrize("lack,told", [("seccomp", NO_SECCOMP), ("seccomp-denied", DENIED)])
MUST = [("encrypt", []), ("secure", []), ("fingerprint", [f"fingerprint sha256:{'ab' * 32}"])]


def unfiltered(shim, lack):
    shim.environment.pop("RETROTLS_SANDBOX", None)
    shim.lacks = [lack]


@pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
@pytest.mark.parametrize("level,more", MUST, ids=lambda x: x if isinstance(x, str) else "")
@WITHOUT_FILTERS
def test_without_a_filter_nothing_is_read_from_the_server(shim, lack, told, level, more, protocol):
    """Otherwise whoever takes over the worker has all of the user's rights."""
    unfiltered(shim, lack)
    outcome = play(shim, protocol, honest(protocol), level, *more)
    outcome.failed("without its sandbox", "seccomp filters", "'sandbox optional'")
    assert outcome.tap.up == b"", outcome.show()
    line, = warnings(shim)
    assert told in line, shim.log()
    assert "without its sandbox" in outcome.result.lines[0]["error"], shim.log()


@WITHOUT_FILTERS
def test_without_a_filter_nothing_is_said_to_a_server_that_has_tls_from_the_first_byte(shim, lack, told):
    unfiltered(shim, lack)
    outcome = play(shim, IMAP, honest(IMAP), "secure", "tls implicit", "connect-to {port}")
    outcome.failed("without its sandbox")
    assert outcome.tap.up == b"" and told in warnings(shim)[0], outcome.show()


@WITHOUT_FILTERS
def test_without_a_filter_and_a_protocol_the_connection_breaks(shim, lack, told):
    """We do not know the protocol in which to refuse the program."""
    unfiltered(shim, lack)
    outcome = play(shim, dataclasses.replace(IMAP, name="auto"), honest(IMAP), "secure")
    outcome.nothing_leaked()
    assert outcome.tap.up == b"" and outcome.result.out == b"", outcome.show()
    assert b"Connection reset by peer" in outcome.result.err and told in warnings(shim)[0], outcome.show()
    assert "without its sandbox" in outcome.result.lines[0]["error"], outcome.show()


@pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
@WITHOUT_FILTERS
def test_without_a_filter_the_connection_is_served_where_the_policy_accepts_that(shim, lack, told, protocol):
    unfiltered(shim, lack)
    play(shim, protocol, honest(protocol), "secure", "sandbox optional").upgraded()
    line, = warnings(shim)
    assert told in line and "error=" not in shim.log(), shim.log()


@pytest.mark.parametrize("setting", ["sandbox optional", "sandbox required"])
def test_setting_changes_nothing_where_the_walls_stand(shim, setting):
    shim.private_build()
    shim.environment.pop("RETROTLS_SANDBOX", None)
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap", setting)
        process = shim.popen(PYTHON, "-c", SESSIONS, stdin=-1)
        process.stdin.write(b"%d\n" % server.port)
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"* OK"), process.stderr.read()
        if os.geteuid() == 0:
            found = status(shim.relays()[0])
            assert (found["Seccomp"], found["NoNewPrivs"], int(found["CapEff"], 16)) == ("2", "1", 0), found
        shim.finish(process).ok()
    assert not warnings(shim), shim.log()


@AS_ROOT
def test_other_walls_stand_where_there_is_no_filter(shim):
    """No capability, no new privileges, not dumpable. No files either: Landlock works without seccomp."""
    shim.private_build()
    shim.lacks = ["seccomp"]
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap", "sandbox optional")
        process = shim.popen(PYTHON, "-c", SESSIONS, stdin=-1)
        process.stdin.write(b"%d\n" % server.port)
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"* OK"), process.stderr.read()
        relay, = shim.relays()
        found = status(relay)
        assert (found["NoNewPrivs"], int(found["CapEff"], 16), int(found["CapPrm"], 16)) == ("1", 0, 0), found
        assert subprocess.run(["cat", f"/proc/{relay}/environ"], user="nobody", capture_output=True).returncode != 0
        shim.finish(process).ok()
    line, = warnings(shim)
    assert NO_SECCOMP in line and "Landlock" not in line, line


@pytest.mark.parametrize("certificate", ["good", "self-signed"])
def test_without_a_filter_a_level_that_allows_plaintext_goes_on(shim, certificate):
    unfiltered(shim, "seccomp")
    play(shim, IMAP, honest(IMAP, certs.case(certificate)), "may").upgraded()
    assert NO_SECCOMP in warnings(shim)[0], shim.log()


def test_without_a_filter_plaintext_is_still_plaintext(shim):
    unfiltered(shim, "seccomp")
    play(shim, IMAP, plaintext_only(IMAP), "may").in_clear()
    assert NO_SECCOMP in warnings(shim)[0], shim.log()


def test_a_trial_without_a_filter_goes_on_and_says_what_would_have_failed(shim):
    unfiltered(shim, "seccomp")
    line = play(shim, IMAP, honest(IMAP), "secure", "testing yes").upgraded().result.lines[0]
    assert "without its sandbox" in line["error"] and "'sandbox optional'" in line["error"], line


@AS_ROOT
def test_relay_ends_as_ever(shim):
    shim.private_build()
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap")
        shim.careless("localhost", server.port, IMAP.words).ok()
    wait_for(lambda: not shim.relays(), "the relay to end")
