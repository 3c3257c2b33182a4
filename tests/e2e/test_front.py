"""Where Yama lets only ancestors look at a process (ptrace_scope 1, as on Ubuntu), the supervisor is the program's parent, and
the process that the shell knows is a front: it passes on signals, stops, and ends as the program does.

Most machines that run the tests have no Yama, or let root do everything. So /proc shows a Yama that is not there, and
CAP_SYS_PTRACE is given up: this tests who is whose ancestor, and the front."""
import os
import re
import shlex
import signal
import subprocess

import pytest
from support import certs
from support.play import honest, play
from support.protocols import POP3
from support.shim import PROGRAMS, PYTHON, Shim
from support.wait import wait_for

STATIC = PROGRAMS / "careless-static"
YAMA = ("mount -t tmpfs none /proc/sys/kernel && mkdir /proc/sys/kernel/yama && echo 1 > /proc/sys/kernel/yama/ptrace_scope && "
        'exec setpriv --bounding-set=-sys_ptrace --inh-caps=-all "$@"')
INSIDE = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount", "sh", "-c", YAMA, "sh"]

pytestmark = pytest.mark.skipif(subprocess.run([*INSIDE, "true"], stderr=subprocess.DEVNULL).returncode != 0,
                                reason="may not mount over /proc/sys/kernel in a namespace of its own")


class Fronted(Shim):
    def careless(self, host, port, words, *more, **options):
        return self.run(*INSIDE, self.command, STATIC, host, port, *more, preload=False, stdin=words, **options)

    def start(self, *arguments, **options):
        return self.popen(*INSIDE, self.command, "--supervise", *arguments, preload=False, **options)

    def shell(self, script):
        return self.finish(self.start("/bin/sh", "-c", script))


@pytest.fixture
def shim(tmp_path):
    return Fronted(tmp_path)


def status(pid, field):
    return re.search(rf"^{field}:\s+(.*)$", open(f"/proc/{pid}/status").read(), re.M)[1]


def parent(pid):
    return int(status(pid, "PPid"))


def wait_for_state(pid, state):
    wait_for(lambda: status(pid, "State")[0] == state, f"{pid} to be in state {state}")


def test_whole_session(shim):
    play(shim, POP3, honest(POP3), "secure", "name localhost").upgraded()


def test_wrong_certificate(shim):
    play(shim, POP3, honest(POP3, certs.case("other host")), "secure", "name localhost").failed("certificate|name")


def test_the_supervisor_is_an_ancestor_even_of_daemons(shim):
    shim.policy("")
    process = shim.start("/bin/sh", "-c", "echo $$; (sleep 1000 >/dev/null 2>&1 & echo $!); read _", stdin=subprocess.PIPE)
    program, daemon = int(process.stdout.readline()), int(process.stdout.readline())
    supervisor = parent(program)
    assert status(supervisor, "Name").startswith("retrotls-superv") and parent(supervisor) == process.pid
    wait_for(lambda: parent(daemon) == supervisor, "the daemon to be the supervisor's")
    assert os.getpgid(program) == os.getpgid(process.pid) != os.getpgid(supervisor)
    assert shim.finish(process, b"\n").status == 0
    os.kill(supervisor, 0)  # serves the daemon
    os.kill(daemon, signal.SIGKILL)
    wait_for(lambda: not os.path.exists(f"/proc/{supervisor}/exe"), "the supervisor to end")


@pytest.mark.parametrize("script, ended", [("exit 7", 7), ("kill -TERM $$", -signal.SIGTERM), ("kill -KILL $$", -signal.SIGKILL),
                                           ("true", 0)])
def test_it_ends_as_the_program_does(shim, script, ended):
    shim.policy("")
    assert shim.shell(script).status == ended


def test_signals_reach_the_program(shim):
    shim.policy("")
    process = shim.start("/bin/sh", "-c", "trap 'echo hup; exit 3' HUP; echo ready; while :; do read _; done", stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGHUP)
    assert process.stdout.readline() == b"hup\n"
    assert shim.finish(process).status == 3


@pytest.mark.parametrize("who", ["front", "supervisor"])
def test_nothing_outlives_a_killed_front_or_supervisor(shim, who):
    shim.policy("")
    process = shim.start("/bin/sh", "-c", "echo $$; read _", stdin=subprocess.PIPE)
    program = int(process.stdout.readline())
    os.kill(process.pid if who == "front" else parent(program), signal.SIGKILL)
    wait_for(lambda: not os.path.exists(f"/proc/{program}/exe"), "the program to end")
    assert shim.finish(process).status == -signal.SIGKILL


def test_it_stops_and_goes_on_with_the_program(shim):
    shim.policy("")
    process = shim.start("/bin/sh", "-c", "echo $$; kill -STOP $$; exit 5", stdin=subprocess.PIPE)
    program = int(process.stdout.readline())
    _, how = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(how)
    wait_for_state(program, "T")
    os.kill(process.pid, signal.SIGCONT)
    assert shim.finish(process).status == 5


def test_a_stop_of_both_ends_for_both(shim):
    """As `kill -STOP %1` and `fg` do in a shell."""
    shim.policy("")
    process = shim.start("/bin/sh", "-c", "echo $$; read _; exit 5", stdin=subprocess.PIPE)
    program = int(process.stdout.readline())
    for _ in range(5):
        os.killpg(process.pid, signal.SIGSTOP)
        wait_for_state(process.pid, "T")
        wait_for_state(program, "T")
        os.killpg(process.pid, signal.SIGCONT)
    assert shim.finish(process, b"\n").status == 5


def test_what_the_program_closes_is_closed(shim):
    shim.policy("")
    process = shim.start("/bin/sh", "-c", "exec >&- 2>&-; read _", stdin=subprocess.PIPE)
    assert process.stdout.read() == b"" and process.stderr.read() == b""
    assert shim.finish(process, b"\n").status == 0


def test_where_it_cannot_be_one_sentence_says_why(shim):
    """Yama 2 allows it to root only, 3 to nobody. A kernel without Yama does neither, so we can check only the message."""
    shim.private_build()
    shim.policy("")
    result = shim.shell("true")
    assert result.status == 126 and re.search(rb"retrotls-supervise:\s+No\s+such", result.err), result.show()
    shutil_copy = shlex.join(["cp", "/bin/false", str(shim.build / "retrotls-supervise")])
    subprocess.run(shutil_copy, shell=True, check=True)
    result = shim.shell("true")
    assert result.status == 126 and re.search(rb"cannot\s+run", result.err), result.show()
