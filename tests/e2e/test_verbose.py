"""`retrotls -v` ends with a line of its own if the program has made no connection that has one, and only then."""
import socket
from pathlib import Path

import pytest
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP
from support.shim import PYTHON

LAST = (f"retrotls: nothing was guarded: {Path(PYTHON).resolve().name} made no connection to a port that the policy guards "
        "('retrotls explain HOST:PORT' shows what it says of one)\n")
CONNECTS = """
import socket
s = socket.create_connection(('127.0.0.1', PORT))
s.recv(1)
"""


def last_line(shim, code, **options):
    result = shim.run("-v", "--", PYTHON, "-c", code, command=True, **options)
    result.ok()
    return result.err.decode()


@pytest.mark.parametrize("code", ["pass", "import sys; sys.exit(0)", "import os, sys; os.execv(sys.executable, ['x', '-c', ''])"],
                         ids=["ends", "exits", "executes another"])
def test_program_without_a_connection(shim, code):
    shim.policy("")
    assert last_line(shim, code) == LAST


def test_port_that_the_policy_does_not_guard(shim):
    """Whatever the program does there, it is not what the policy is about."""
    shim.policy("")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))"
        assert "nothing was guarded" in last_line(shim, code)


def test_connection_has_the_only_line(shim):
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port)
        told = last_line(shim, CONNECTS.replace("PORT", str(server.port)))
    assert "127.0.0.1" in told and "nothing was guarded" not in told, told


# A child has lines of its own, and its parent does not know of them. (The child here makes none: neither says a word.)
CHILDREN = {"that was waited for": "import os\nif os.fork(): os.wait()",
            "that has ended": "import os, time\nr, w = os.pipe()\nif os.fork(): os.close(w); os.read(r, 1)",
            "that goes on": "import os, signal\nr, w = os.pipe()\nif not os.fork(): os.close(w); os.read(r, 1)",
            "that nobody waits for": "import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
                                     "r, w = os.pipe()\nif os.fork(): os.close(w); os.read(r, 1)",
            "by another program": "import subprocess; subprocess.run(['true'])"}


@pytest.mark.parametrize("child", CHILDREN)
def test_parent_says_nothing_of_its_children(shim, child):
    shim.policy("")
    assert last_line(shim, CHILDREN[child]) == ""


@pytest.mark.parametrize("code", ["import os; os.close(2)",
                                  "import os; os.close(2); assert os.open('mail', os.O_RDWR | os.O_CREAT) == 2"], ids=["closed", "a file"])
def test_nothing_is_written_where_standard_error_was(shim, code):
    shim.policy("")
    assert last_line(shim, code) == ""
    mail = shim.folder / "mail"
    assert not mail.exists() or mail.read_bytes() == b""


def test_only_verbose_has_it(shim):
    shim.policy("")
    result = shim.run("--", PYTHON, "-c", "pass", command=True)
    assert result.ok().err == b"", result.show()
