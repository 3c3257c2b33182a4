"""Programs that a guarded program starts and that no library can be preloaded into: the log names them, or they are not
started."""
import os
import shutil
import subprocess
import uuid

import pytest
from support import certs
from support.play import honest, play
from support.protocols import POP3
from support.servers.exim_queue import EximQueue
from support.shim import PROGRAMS
from support.tap import Tap

STATIC = "is statically linked"
TEXT = b"the cat sat on the mat"
WAYS = ("execve", "execv", "execvp", "execvpe", "execl", "execlp", "execle", "fexecve", "execveat", "posix_spawn", "posix_spawnp",
        "vfork", "handler", "syscall", "syscall-at")


@pytest.fixture(scope="module")
def static(tmp_path_factory):
    folder = tmp_path_factory.mktemp("static")
    folder.chmod(0o755)
    source = folder / "static.c"
    source.write_text('#include <stdio.h>\nint main(void) { puts("started"); return 0; }\n')
    subprocess.run(["gcc", "-static", "-O2", "-o", folder / "static", source], check=True)
    return folder / "static"


def warnings(shim):
    return [line for line in shim.log().splitlines() if "warning=" in line]


def test_static_program_is_named_in_the_log(shim, static):
    shim.policy("reach preload\n")
    result = shim.run("sh", "-c", f"exec {static}").ok()
    assert result.out == b"started\n", result.show()
    line, = warnings(shim)
    assert f"{static} {STATIC}" in line and "not guarded" in line and "'reach auto' would supervise it" in line, line


@pytest.mark.parametrize("reach", ["auto", "preload"])
@pytest.mark.parametrize("log", ["log", "syslog", "stderr"])
def test_it_is_started_by_a_thread_with_a_small_stack(shim, static, log, reach):
    """posix_spawn(3) needs almost no stack."""
    shim.policy(f"reach {reach}\n")
    shim.environment = {"RETROTLS_LOG": str(shim.log_file) if log == "log" else log}
    assert shim.run(PROGRAMS / "starter", "small-stack", static).ok().out == b"started\n"
    if log == "log":
        assert len(warnings(shim)) == (reach == "preload")


@pytest.mark.parametrize("policy", ["level none\n", "match program {}\n    level none\n", "unreached warn\nlevel none\n"])
def test_nothing_is_said_where_no_rule_guards_it(shim, static, policy):
    shim.policy("reach preload\n" + policy.format(static))
    assert shim.run("sh", "-c", f"exec {static}").ok().out == b"started\n"
    assert warnings(shim) == []


def test_nothing_is_said_of_what_was_left_behind_on_purpose(shim, static):
    shim.policy("unreached refuse\n")
    assert shim.run("sh", "-c", f"LD_PRELOAD= exec {static}").ok().out == b"started\n"
    assert warnings(shim) == []


def test_refused_by_each_call(shim, static):
    shim.policy(f"reach preload\nmatch program {static}\n    level secure\n    unreached refuse\n")
    script = shim.folder / "script"
    script.write_text(f"#!{static}\n")
    script.chmod(0o755)
    for way in WAYS:
        before = len(warnings(shim))
        result = shim.run(PROGRAMS / "starter", way, static)
        assert result.status in (125, 126, 127) and result.out == b"", (way, result.show())
        line, = warnings(shim)[before:]
        assert STATIC in line and "was not started" in line, (way, line)
        if result.status == 126:
            assert b"Permission denied" in result.err, (way, result.show())
    assert shim.run("sh", "-c", f"PATH={static.parent}; static").status == 126
    assert shim.run("sh", "-c", "true; /bin/true").ok()


def test_script_of_a_static_interpreter(shim, static):
    shim.policy("reach preload\nunreached refuse\n")
    script = shim.folder / "script"
    script.write_text(f"#!{static}\n")
    script.chmod(0o755)
    assert shim.run("sh", "-c", script).status == 126
    assert str(script) in warnings(shim)[0]


def test_supervised_by_each_call(shim, static):
    """A program that no library can be preloaded into runs supervised, even if the policy would otherwise refuse it."""
    shim.policy("unreached refuse\n")
    for way in WAYS:
        result = shim.run(PROGRAMS / "starter", way, static)
        assert result.ok().out == b"started\n", (way, result.show())
    assert warnings(shim) == []


@pytest.mark.parametrize("way", [("/bin/sh", "-c", 'exec "$@"', "sh"), ("/bin/sh", "-c", '"$@"; exit', "sh"), ("/usr/bin/env", "-i"),
                                 ("/usr/bin/nohup",)], ids=["exec in a shell", "child of a shell", "env -i", "nohup"])
def test_static_program_that_a_guarded_one_starts_speaks_tls(shim, way):
    shim.way = way
    play(Starting(shim), POP3, honest(POP3), "secure", "name localhost").upgraded()


@pytest.mark.parametrize("way", ["syscall", "syscall-at"])
def test_static_program_that_is_started_by_syscall_speaks_tls(shim, way):
    """The program does not call any function of libc's that executes programs."""
    shim.way = (PROGRAMS / "starter", way)
    play(Starting(shim), POP3, honest(POP3), "secure", "name localhost").upgraded()


def test_static_program_that_a_guarded_one_starts_gets_nothing_from_a_wrong_certificate(shim):
    shim.way = ("/bin/sh", "-c", 'exec "$@"', "sh")
    play(Starting(shim), POP3, honest(POP3, certs.case("other host")), "secure", "name localhost").failed("certificate|name")


class Starting:
    """Makes `shim.way` start the careless client, linked statically, under LD_PRELOAD."""

    def __init__(self, shim):
        self.guard, self.shim = shim.guard, shim

    def careless(self, host, port, words, *more, **options):
        result = self.shim.run(*self.shim.way, PROGRAMS / "careless-static", host, port, *more, stdin=words, **options)
        result.err = result.err.replace(b"nohup: ignoring input\n", b"")
        return result


def test_it_keeps_its_pid_and_its_arguments(shim):
    """Whoever started it sees the program itself as its child. What it starts has the library and the supervisor."""
    shim.policy("")
    busybox = shutil.which("busybox")
    if not busybox or b"statically linked" not in subprocess.run(["file", "-L", busybox], capture_output=True, check=True).stdout:
        pytest.skip("busybox-static is not installed")
    process = shim.popen("/bin/sh", "-c", f"exec {busybox} sh -c 'echo $$ \"$0\" \"$1\" $RETROTLS_SUPERVISED' 'a b' ''")
    result = shim.finish(process).ok()
    assert result.out.decode() == f"{process.pid} a b  1\n", result.show()


def test_where_it_cannot_be_supervised(shim, static):
    """If our supervisor program is missing, `unreached` decides, and the log says what is missing."""
    shim.private_build()
    shim.policy("")
    assert shim.run("sh", "-c", f"exec {static}").ok().out == b"started\n"
    line, = warnings(shim)
    assert "not guarded" in line and "cannot be supervised here" in line, line
    shim.policy("unreached refuse\n")
    assert shim.run("sh", "-c", f"exec {static}").status == 126


@pytest.mark.parametrize("script,mode,policy", [("exit 126", 0o755, ""), ("echo forged", 0o777, "unreached refuse\n")],
                         ids=["fails", "writable by others"])
def test_a_bad_helper_starts_nothing(shim, static, script, mode, policy):
    """One that fails, and one that others could have put there, which counts as none."""
    shim.private_build()
    helper = shim.build / "retrotls-supervise"
    helper.write_text(f"#!/bin/sh\n{script}\n")
    helper.chmod(mode)
    shim.policy(policy)
    result = shim.run("sh", "-c", f"exec {static}")
    assert result.status == 126 and result.out == b"", result.show()


@pytest.mark.root
def test_exim_that_is_setuid_keeps_the_message(shim, exim):
    """To deliver, it executes itself as another user, with a file that is setuid root: the loader ignores LD_PRELOAD. The message
    stays in the queue instead of going out in clear, and root's queue run delivers it."""
    with Tap(exim.at("smtp")) as tap:
        queue = EximQueue(shim, exim, tap.port)
        queue.program.chmod(0o4755)
        shim.log_file.touch()
        shim.log_file.chmod(0o666)
        shim.guard(tap.port, "secure", "smtp")
        os.chmod(shim.policy_file, 0o644)
        token = uuid.uuid4().hex.encode()
        queue.send(TEXT + b" " + token, "-odf")
        assert queue.waiting() == 1 and tap.recordings == [], queue.main_log()
        line, = {line.partition("warning=")[2] for line in warnings(shim)}
        assert f"{queue.program} gains" in line and "was not started" in line, line
        queue.run("-qff").ok()
        exim.wait_for_message(token)
        tap.wait_closed()
        tap.never_saw(TEXT, token)
        tap.saw_only_tls_after(rb"(EHLO \[[0-9.]+\]\r\n)STARTTLS\r\n")
        assert queue.waiting() == 0
