"""Streams on connections whose connect() the library never saw. stdio reads and writes past any preload, so we look at the
connection before it becomes a stream."""
import os
import re
import socket
import subprocess

import pytest
from support import certs
from support.late import guard, handed_down, path, serve_in_clear, talk, upgraded
from support.play import honest
from support.protocols import POP3, SMTP
from support.shim import PYTHON
from support.slow import SlowPath

BASH = r"""
IFS= read -r line
printf '%s' "$WORDS"
echo "$line" > got
exec cat >> got
"""


@pytest.mark.parametrize("protocol", [SMTP, POP3], ids=lambda p: p.name)
def test_builtin_printf_and_execed_cat_on_a_connection_handed_down(shim, protocol):
    """The shell writes with stdio, which no preload sees, and cat inherits the shell's descriptors."""
    with path(honest(protocol)) as tap:
        guard(shim, tap, protocol.name)
        handed_down(shim, tap, "0,1", [], "bash", "-c", BASH, env={"WORDS": protocol.words.decode("latin-1")}).ok()
    upgraded(tap, protocol)
    assert re.match(protocol.upgraded, (shim.folder / "got").read_bytes())


def test_stdio_alone_on_a_connection_handed_down(shim):
    """No read or write goes through the library (as in inews), so we switch the connection when the program starts."""
    code = """
import ctypes, os
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fdopen(0, b"r+"))
line = ctypes.create_string_buffer(512)
libc.fgets(line, 512, stream)
words = os.environb[b"WORDS"]
libc.fwrite(words, 1, len(words), stream)
libc.fflush(stream)
got = line.value
while libc.fgets(line, 512, stream):
    got += line.value
os.write(3, got)
"""
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        result, got = talk(shim, tap, POP3, code=code)
        result.ok()
    upgraded(tap, POP3)
    assert re.match(POP3.upgraded, got)


PRINT = r"""
exec 1>&20 && printf '%s' "$WORDS"
echo "$?" >&2
"""


@pytest.mark.parametrize("options", [["read=5"], ["keep"]], ids=["used", "shared"])
def test_what_becomes_standard_output_in_the_midst_of_a_run(shim, options):
    """The shell's printf writes to the stream that exists from the start. So if the connection must not be used, we make the
    number lead nowhere."""
    with path(serve_in_clear) as tap:
        guard(shim, tap, "pop3")
        result = handed_down(shim, tap, "20", options, "bash", "-c", PRINT, env={"WORDS": POP3.words.decode("latin-1")}).ok()
    assert tap.up == b"" and b"Operation not permitted" in result.err and result.err.endswith(b"1\n"), result.show()
    assert {line["result"] for line in result.lines} == {"failed"}, result.show()


def test_stream_of_what_another_process_keeps_is_refused(shim):
    """At the start we leave the connection alone, since the program might never use it. fdopen() is refused, because its stream
    would write in clear."""
    code = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.fdopen.restype = ctypes.c_void_p
print(libc.fdopen(20, b"r+"), os.strerror(ctypes.get_errno()))
print(libc.dprintf(20, b"%s", os.environb[b"WORDS"]), os.strerror(ctypes.get_errno()))
"""
    with path(serve_in_clear) as tap:
        guard(shim, tap, "pop3")
        result = handed_down(shim, tap, "20", ["keep"], PYTHON, "-c", code, env={"WORDS": POP3.words.decode()}).ok()
    assert result.out == b"None Operation not permitted\n-1 Operation not permitted\n" and tap.up == b"", result.show()
    assert [line["result"] for line in result.lines] == ["failed"], result.show()


CPLUSPLUS = r"""
#include <cstdlib>
#include <ext/stdio_filebuf.h>
#include <iostream>
#include <string>
#include <unistd.h>

int main()
{
    __gnu_cxx::stdio_filebuf<char> from(20, std::ios::in), to(dup(20), std::ios::out);
    std::istream in(&from);
    std::ostream out(&to);
    std::string line, words = getenv("WORDS");
    if (!from.is_open() || !to.is_open())
        return 3;
    std::getline(in, line);
    out << words << std::flush;
    do
        std::cout << line << "\n";
    while (std::getline(in, line));
    return out.good() ? 0 : 4;
}
"""


@pytest.mark.parametrize("kept", [False, True], ids=["switched", "shared"])
def test_streams_of_cplusplus(shim, kept):
    program = shim.folder / "stream"
    subprocess.run(["g++", "-x", "c++", "-o", program, "-"], input=CPLUSPLUS, text=True, check=True)
    with path(serve_in_clear if kept else honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        result = handed_down(shim, tap, "20", ["keep"] if kept else [], program, env={"WORDS": POP3.words.decode()})
    if kept:
        assert result.status == 3 and tap.up == b"", result.show()
    else:
        upgraded(tap, POP3)
        assert result.status == 0 and re.match(POP3.upgraded, result.out), result.show()


def test_stream_on_a_port_that_no_rule_names(shim):
    """When the program makes the stream, the greeting is already there and shows a mail server."""
    code = """
import ctypes, os, select, socket, sys
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
s = socket.create_connection(("localhost", int(sys.argv[1])))
select.select([s], [], [])
stream = ctypes.c_void_p(libc.fdopen(s.fileno(), b"r+"))
words, line = os.environb[b"WORDS"], ctypes.create_string_buffer(512)
libc.fgets(line, 512, stream)
libc.fwrite(words, 1, len(words), stream)
libc.fflush(stream)
while libc.fgets(line, 512, stream): pass
"""
    with path(honest(POP3)) as tap:
        shim.policy(f"match host localhost\n level secure\n ca-file {certs.authority().pem}\n")
        shim.python(code, tap.port, env={"WORDS": POP3.words.decode()}).ok()
    upgraded(tap, POP3)


RECEIVED = """
import ctypes, fcntl, os, select, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.fdopen.restype = ctypes.c_void_p
os.close(1) if sys.argv[1] == "received as 1" else None
_, (fd, *_), _, _ = socket.recv_fds(socket.socket(fileno=int(sys.argv[2])), 1, 1)
if sys.argv[1] == "fdopen":
    stream = ctypes.c_void_p(libc.fdopen(fd, b"r+"))
else:
    fd = os.dup2(fd, 1)
    stream = ctypes.c_void_p.in_dll(libc, "stdout")
os.write(2, b"ready" if stream.value else os.strerror(ctypes.get_errno()).encode())
words = os.environb[b"WORDS"]
select.select([], [fd], [])
fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_NONBLOCK)
libc.fwrite(words, 1, len(words), stream)
libc.fflush(stream)
while os.read(fd, 4096): pass
"""
HOW = pytest.mark.parametrize("how", ["fdopen", "dup2", "received as 1"])


def receiver(shim, how):
    """A program that receives a connection, and our end of the socketpair to it."""
    ours, its = socket.socketpair()
    with its:
        return ours, shim.popen(PYTHON, "-c", RECEIVED, how, its.fileno(), pass_fds=[its.fileno()],
                                env={"WORDS": POP3.words.decode()})


@HOW
def test_connection_received_before_it_is_there_becomes_a_stream(shim, how):
    """Another process began a nonblocking connect(). What the stream writes once the connection is up goes through TLS."""
    with path(honest(POP3)) as tap, SlowPath(("127.0.0.1", tap.port)) as slow:
        shim.guard(slow.address[1], "secure", "pop3", "name localhost")
        way, process = receiver(shim, how)
        with way, socket.socket() as connecting:
            connecting.setblocking(False)
            connecting.connect_ex(slow.address)
            socket.send_fds(way, [b"x"], [connecting.fileno()])
        assert os.read(process.stderr.fileno(), 100) == b"ready"
        slow.open()
        shim.finish(process).ok()
    upgraded(tap, POP3)


@HOW
def test_stream_of_a_received_connection_that_was_used(shim, how):
    """We can no longer switch it, and the program must not use it, not even by the stream that exists from the start."""
    with path(serve_in_clear) as tap:
        guard(shim, tap, "pop3")
        way, process = receiver(shim, how)
        with way, socket.create_connection(("127.0.0.1", tap.port)) as used:
            used.sendall(b"NOOP\r\n")
            socket.send_fds(way, [b"x"], [used.fileno()])
            shim.finish(process)
            used.sendall(b"QUIT\r\n")
    assert tap.up == b"NOOP\r\nQUIT\r\n"
    assert [line["result"] for line in shim.log_lines()] == ["failed"], shim.log()
