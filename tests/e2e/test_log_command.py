"""retrotls log finds the lines wherever the log is, and shows them."""
import json
import os
import pty
import shutil
import subprocess
import time

import pytest
from support import certs
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP
from support.shim import COMMAND, ROOT
from test_log import JOURNALD, WITH_JOURNAL

USAGE = 2
FIELDS = 'result={result} program="/usr/bin/{program}" pid=5 server="{server}" address=192.0.2.1 port=143 protocol=imap ' \
         'level=secure ms=5 rule="built in"'
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="a /var/log of its own needs root")


def line(program, stamp="2026-11-30T10:00:00Z", result="tls", server="mail.example.org", more=""):
    return f"time={stamp} {FIELDS.format(result=result, program=program, server=server)}{more}\n"


# $1: a folder as /var/log and /run, which it then runs "$@" with.
OWN_LOGS = """
mount --bind "$1" /var/log
mount --bind "$1" /run
shift
exec "$@"
"""


def words(shim, *arguments):
    """The command line; as root, without the logs of this machine and of other tests."""
    own = ["unshare", "--mount", "sh", "-ec", OWN_LOGS, "sh", shim.folder / "logs"] if os.geteuid() == 0 else []
    (shim.folder / "logs").mkdir(exist_ok=True)
    return [*own, shim.command, "log", *arguments]


def shown(shim, *arguments, **options):
    return shim.run(*words(shim, *arguments), preload=False, **options)


def programs(result):
    """The programs of the table's rows."""
    return [row.split()[3] for row in result.ok().out.decode().splitlines()[1:] if not row.startswith(" ")]


def test_a_session_and_a_refusal_are_in_the_table(shim):
    shim.hosts = {"localhost": ["127.0.0.1"]}
    with Hostile(honest(IMAP)) as good, Hostile(honest(IMAP, certs.case("expired"))) as expired:
        for server in good, expired:
            shim.guard(server.port)
            shim.careless("localhost", server.port, IMAP.words)
    out = shown(shim).ok().out.decode()
    titles, tls, failed, *why = out.splitlines()
    assert titles.split() == ["TIME", "RESULT", "PROGRAM", "SERVER", "PROTO", "LEVEL", "TLS"]
    assert tls.split()[2:] == ["tls", "careless", f"localhost:{good.port}", "imap", "secure", "TLSv1.3"], out
    assert failed.split()[2:] == ["failed", "careless", f"localhost:{expired.port}", "imap", "secure", "-"], out
    assert why and all(each.startswith("    ") for each in why) and "expired" in " ".join(why), out
    found = [json.loads(each) for each in shown(shim, "--json").ok().out.splitlines()]
    assert [(each["result"], each["port"]) for each in found] == [("tls", good.port), ("failed", expired.port)]
    assert found[0]["time"] == shim.log().split()[0].removeprefix("time=")
    listed = (ROOT / "man/retrotls.1").read_text().partition("Of\n.Cm log :\n.Li ")[2].partition(" .\n")[0]
    assert list(found[0]) == listed.split(" , ")


def test_the_policys_file_is_found(shim):
    shim.environment["RETROTLS_LOG"] = ""
    (shim.folder / "own").write_text(line("policys"))
    shim.policy(f"match port 143\n    log {shim.folder}/own\n")
    assert programs(shown(shim)) == ["policys"]


def test_lines_are_sorted_and_limited(shim):
    shim.log_file.write_text(line("c", "2026-11-30T12:00:00Z") + line("a") + line("b") + "no line of ours\n")
    assert programs(shown(shim)) == ["a", "b", "c"]
    assert programs(shown(shim, "-n", "2")) == ["b", "c"]
    for wrong in ["0", "x", "1000000"]:
        assert shown(shim, "-n", wrong).status == USAGE
    assert shown(shim, "more").status == USAGE


def test_what_a_server_chose_commands_no_terminal(shim):
    shim.log_file.write_text(line("a", server="\033[2Jm", more=' error="\u009b31m"'))
    for how in [], ["--json"]:
        out = shown(shim, *how).ok().out
        assert b"\033" not in out and b"\xc2" not in out, out


def test_no_log_yet_and_one_that_cannot_be_read(shim):
    shim.environment["RETROTLS_LOG"] = str(shim.folder)
    assert shown(shim).status == 1
    assert b"cannot read" in shown(shim).err
    shim.environment["RETROTLS_LOG"] = str(shim.folder / "absent")
    if os.geteuid() == 0:  # else this machine's own log may have lines
        assert shown(shim).ok().out == b"No connections; there is no log yet.\n"
        assert shown(shim, "--json").ok().out == b""
        shim.log_file.write_text("")
        shim.environment["RETROTLS_LOG"] = str(shim.log_file)
        assert shown(shim).ok().out.decode().split() == ["No", "connections", "in", f"{shim.log_file}."]


def test_colours_on_a_terminal_only(shim):
    shim.log_file.write_text(line("a") + line("b", result="failed"))
    ours, theirs = pty.openpty()
    subprocess.run([COMMAND, "log"], env=shim.variables(command=True), stdout=theirs, check=True)
    seen = os.read(ours, 65536)
    assert b"\033[32mtls" in seen and b"\033[31mfailed" in seen, seen
    assert b"\033" not in shown(shim).out


def test_follow(shim):
    """Also a file that is begun anew, and one that is not there at first."""
    process = shim.popen(*words(shim, "--follow", "--json"), preload=False)
    try:
        for name in "first", "second":
            with open(shim.log_file, "a") as file:
                file.write(line(name))
            assert json.loads(process.stdout.readline())["program"] == f"/usr/bin/{name}"
        shim.log_file.rename(shim.folder / "old")
        shim.log_file.write_text(line("third"))
        assert json.loads(process.stdout.readline())["program"] == "/usr/bin/third"
    finally:
        process.kill()
        shim.finish(process)


@root_only
@pytest.mark.root
@pytest.mark.parametrize("name", ["mail.log", "maillog", "syslog", "messages"])
def test_syslogs_file(shim, name):
    text = FIELDS.format(result="tls", program="{}", server="mail.example.org")
    logs = shim.folder / "logs"
    logs.mkdir()
    (logs / name).write_text(f"{time.strftime('%b %e %H:%M:%S')} host retrotls[7]: {text.format('old')}\n"
                             f"{time.strftime('%FT%T')}.123456+00:00 host retrotls[7]: {text.format('new')}\n"
                             f"{time.strftime('%b %e %H:%M:%S')} host other[7]: retrotls[7]: {text.format('forged')}\n")
    result = shown(shim, env={"TZ": "UTC"})
    assert programs(result) == ["old", "new"], result.show()


@root_only
@pytest.mark.root
@pytest.mark.parametrize("owner", [0, 65534])
def test_runtime_file_is_the_users(shim, owner):
    logs = shim.folder / "logs"
    logs.mkdir()
    (logs / "retrotls.log.old").write_text(line("older"))
    (logs / "retrotls.log").write_text(line("newer"))
    os.chown(logs / "retrotls.log", owner, owner)
    result = shown(shim)
    assert ("newer" in result.out.decode()) == (owner == 0), result.show()
    assert "older" in result.out.decode()
    assert result.status == (owner != 0)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists(JOURNALD) or not shutil.which("journalctl"),
                    reason="a journal of its own needs root and systemd-journald")
def test_a_real_journal(shim):
    shim.environment["RETROTLS_LOG"] = "syslog"
    shim.hosts = {"localhost": ["127.0.0.1"]}
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port)
        (shim.folder / "words").write_bytes(IMAP.words)
        script = f"LD_PRELOAD=$LIBRARY {ROOT}/build/e2e/careless localhost {server.port} < words > out\n" \
                 "until journalctl -q -t retrotls | grep -q result=; do sleep 0.05; done\n" \
                 f"{shim.command} log --json > found\n{shim.command} log --follow --json > followed & follower=$!\n" \
                 "until [ -s followed ]; do sleep 0.05; done\nkill $follower\n"
        shim.run("unshare", "--mount", "sh", "-c", WITH_JOURNAL.replace("JOURNALD", JOURNALD), "sh", "sh", "-ec", script,
                 preload=False, env={"LIBRARY": str(shim.library)}).ok()
    for name in "found", "followed":
        found, = [json.loads(each) for each in (shim.folder / name).read_text().splitlines()]
        assert (found["result"], found["port"]) == ("tls", server.port)
