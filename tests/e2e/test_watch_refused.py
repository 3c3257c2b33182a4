"""Connections whose connect() the library never saw, and for which it is too late for TLS, or which another process also
holds: EPERM, a line in the log, and none of the program's data goes out."""
import re

import pytest
from support.late import guard, handed_down, path, serve_in_clear, talk, upgraded
from support.play import honest
from support.protocols import POP3, SECRET
from support.shim import PYTHON

REFUSED = """
import os
for number in range(2):
    for call in (lambda: os.read(20, 10), lambda: os.write(20, os.environb[b"WORDS"])):
        try:
            print(call())
        except OSError as error:
            print(error.strerror)
"""


@pytest.mark.parametrize("level", ["encrypt", "secure"])
@pytest.mark.parametrize("options", [["read=5"], ["write=CAPA\r\n"], ["await", "read=1", "write=CAPA\r\n"]],
                         ids=["read", "written", "both"])
def test_used_before_the_shim_saw_it(shim, level, options):
    """EPERM for every call, and one line in the log. None of the program's data goes out."""
    with path(serve_in_clear) as tap:
        guard(shim, tap, "pop3", level)
        result = handed_down(shim, tap, "20", options, PYTHON, "-c", REFUSED, env={"WORDS": POP3.words.decode()}).ok()
    assert result.out == b"Operation not permitted\n" * 4, result.show()
    tap.never_saw(SECRET)
    assert b"USER" not in tap.up
    assert [(line["result"], line["level"]) for line in result.lines] == [("failed", level)], result.show()
    assert "too late for TLS" in result.lines[0]["error"] and "start the connecting program with retrotls" in result.log


@pytest.mark.parametrize("options", [["read=5"], ["keep"]], ids=["used", "shared"])
def test_stdio_cannot_write_to_what_is_refused(shim, options):
    """The shell's printf goes past the library, so we make the inherited descriptor lead nowhere."""
    with path(serve_in_clear) as tap:
        guard(shim, tap, "pop3")
        result = handed_down(shim, tap, "0,1", options, "bash", "-c", 'printf "%s" "$WORDS"; echo "$?" > got; read -r x; '
                             'echo "$x" >> got', env={"WORDS": POP3.words.decode()})
        if options == ["keep"]:
            assert result.status == 0
    assert tap.up == b"" and (shim.folder / "got").read_bytes() == b"1\n\n", result.show()
    assert b"Operation not permitted" in result.err
    assert {line["result"] for line in result.lines} == {"failed"}, result.show()


@pytest.mark.parametrize("more", [["level may"], ["testing yes"]], ids=["may", "testing"])
def test_used_before_the_shim_saw_it_where_plaintext_is_allowed(shim, more):
    with path(serve_in_clear) as tap:
        shim.policy(f"match port {tap.port}\n protocol pop3\n " + "\n ".join(more) + "\n")
        code = "import os\nos.write(20, os.environb[b'WORDS'])\nwhile os.read(20, 4096): pass"
        result = handed_down(shim, tap, "20", ["read=5"], PYTHON, "-c", code, env={"WORDS": POP3.words.decode()}).ok()
    assert tap.up == POP3.words
    assert [line["result"] for line in result.lines] == ["plaintext"], result.show()
    assert "too late for TLS" in result.lines[0]["error"]


def test_connection_that_its_parent_keeps(shim):
    """The parent could also write to it, in clear, in the middle of TLS."""
    with path(serve_in_clear) as tap:
        guard(shim, tap, "pop3")
        result = handed_down(shim, tap, "20", ["keep"], PYTHON, "-c", REFUSED, env={"WORDS": POP3.words.decode()}).ok()
    assert result.out == b"Operation not permitted\n" * 4, result.show()
    assert tap.up == b""
    assert len(result.lines) == 1 and re.search(r"still has it \(pid \d+\)", result.lines[0]["error"]), result.show()


def test_parent_of_the_child_that_connects(shim):
    """The child connects a socket made before fork(). The switch does not change the parent's copy, so a byte that the parent
    writes would land in the middle of TLS."""
    code = """
import os, socket, sys
words = os.environb[b"WORDS"]
s = socket.socket()
ready, done = os.pipe(), os.pipe()
if os.fork() == 0:
    s.connect(("127.0.0.1", int(sys.argv[1])))
    os.write(ready[1], b"x")
    os.read(done[0], 1)
    s.sendall(words)
    while s.recv(4096): pass
    os._exit(0)
os.read(ready[0], 1)
for call in (lambda: os.write(s.fileno(), words), lambda: os.read(s.fileno(), 1)):
    try:
        print(call())
    except OSError as error:
        print(error.strerror)
os.write(done[1], b"x")
print(os.wait()[1])
"""
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        result = shim.python(code, tap.port, env={"WORDS": POP3.words.decode()}).ok()
    assert result.out == b"Operation not permitted\nOperation not permitted\n0\n", result.show()
    upgraded(tap, POP3)


def test_copy_of_what_is_refused_is_refused(shim):
    """Also at a number that the program had read from before it became the copy."""
    code = """
import fcntl, os
words = os.environb[b"WORDS"]
def write(fd):
    try:
        print(os.write(fd, words))
    except OSError as error:
        print(error.strerror)
def file():
    fd = os.open("/etc/passwd", os.O_RDONLY)
    os.read(fd, 1)
    return fd
fd = file()
os.dup2(20, fd)
write(fd)
os.close(fd)
fd = file()
os.dup2(20, fd, inheritable=False)
write(fd)
os.close(fd)
fd = file()
os.close(fd)
assert os.dup(20) == fd
write(fd)
os.close(fd)
assert fcntl.fcntl(20, fcntl.F_DUPFD, fd) == fd
write(fd)
"""
    with path(serve_in_clear) as tap:
        guard(shim, tap, "pop3")
        result = handed_down(shim, tap, "20", ["read=5"], PYTHON, "-c", code, env={"WORDS": POP3.words.decode()}).ok()
    assert result.out == b"Operation not permitted\n" * 4, result.show()
    assert tap.up == b""


def test_policy_in_error_stops_a_connection_handed_down(shim):
    """The log says why. (On a usual port the greeting would say it, but here we do not know the protocol.)"""
    with path(lambda s: s.rest()) as tap:
        shim.policy(f"match port {tap.port}\n protocol pop3\n level sekure\n")
        result, got = talk(shim, tap, POP3)
    assert tap.up == b"" and got == b"" and result.status == 1, result.show()
    assert {line["result"] for line in result.lines} == {"failed"} and "sekure" in result.log, result.show()


def test_relay_that_cannot_be_had_stops_a_connection_handed_down(shim):
    with path(serve_in_clear) as tap:
        shim.private_build()
        guard(shim, tap, "pop3")
        shim.relay.unlink()
        shim.relay.write_text("#!/nowhere\n")
        shim.relay.chmod(0o755)
        result, got = talk(shim, tap, POP3)
    assert tap.up == b"" and got == b"" and result.status != 0, result.show()
    assert {line["result"] for line in result.lines} == {"failed"}, result.show()
