"""Threats H: whose certificate is asked for. The name is the one that the program itself asked the resolver for."""
import pytest
from support import certs, protocols
from support.hostile import Hostile
from support.play import honest, play
from support.protocols import IMAP
from support.tap import Tap

EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
LEVELS = pytest.mark.parametrize("level", ["secure", "encrypt", "may"])

ASKS_TWO = """
import socket, sys
first, second, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
socket.getaddrinfo(first, port, type=socket.SOCK_STREAM)
address = socket.getaddrinfo(second, port, type=socket.SOCK_STREAM)[0][4]
s = socket.socket()
s.connect(address)
stream = s.makefile("rwb", buffering=0)
sys.stdout.buffer.write(stream.readline())
stream.write(sys.stdin.buffer.read())
sys.stdout.buffer.write(stream.read())
"""


@EACH_PROTOCOL
@LEVELS
@pytest.mark.parametrize("certificate_of", ["first", "second"])
def test_h1_two_names_of_one_address(shim, protocol, level, certificate_of):
    """On a spoofed address, a lookup of an attacker's host (a link in a mail) must not make the attacker's
    certificate good for the mail server."""
    names = {"first": "attacker.example", "second": "mail.example.org"}
    shim.hosts = {name: ["127.0.0.1"] for name in names.values()}
    with Hostile(honest(protocol, certs.issued(names[certificate_of]))) as server, Tap(server.address) as tap:
        shim.guard(tap.port, level, protocol.name)
        result = shim.python(ASKS_TWO, *names.values(), tap.port, stdin=protocol.words)
        tap.wait_closed()
        server.wait_done()
    tap.never_saw(protocols.SECRET)
    if level == "secure" and certificate_of == "first":
        assert server.over_tls == b"" and b"mail.example.org" in result.out, result.show()
    else:
        assert server.over_tls == protocol.words, result.show()


@EACH_PROTOCOL
@LEVELS
def test_h2_name_is_unknown(shim, protocol, level):
    """A numeric host, and no such IP SAN: the message says which line to add."""
    outcome = play(shim, protocol, honest(protocol, certs.issued("mail.example.org")), level, host="127.0.0.1")
    if level == "secure":
        outcome.failed("name", "mail.example.org")
    else:
        outcome.upgraded()


@EACH_PROTOCOL
def test_h2_the_line_that_the_message_asks_for_helps(shim, protocol):
    play(shim, protocol, honest(protocol, certs.issued("mail.example.org")), "secure", "name mail.example.org",
         host="127.0.0.1").upgraded()


AGAIN = """
import os, socket, sys
how, port = sys.argv[1], int(sys.argv[2])
def session():
    s = socket.create_connection(("localhost", port))
    f = s.makefile("rwb", buffering=0)
    greeting = f.readline()
    f.write(b"a1 LOGIN test S3cret-Passw0rd\\r\\n")
    f.read()
    return greeting
print(session())
if how == "reconnect":
    print(session())
elif how == "fork":
    pid = os.fork()
    if not pid:
        print(session(), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
elif how == "exec":
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-c", sys.argv[3], "once", str(port), ""])
elif how == "thread":
    import threading
    t = threading.Thread(target=lambda: print(session()))
    t.start()
    t.join()
elif how == "fork and exec":
    import subprocess
    sys.stdout.flush()
    subprocess.run([sys.executable, "-c", sys.argv[3], "once", str(port), ""])
"""


@pytest.mark.parametrize("how", ["reconnect", "fork", "exec", "thread", "fork and exec"])
def test_h3_policy_is_applied_again_each_time(shim, how):
    """The first connection is good; at the second someone sits on the path, with another's certificate."""
    played = []

    def scenario(s):
        played.append(s)
        protocols.upgrade(s, IMAP, certs.case("good" if len(played) == 1 else "other host"))
        line = s.line()
        s.send(line.split(b" ")[0] + b" OK\r\n")
        s.shut()
    with Hostile(scenario) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "imap")
        result = shim.python(AGAIN, how, tap.port, AGAIN)
        tap.wait_closed()
        server.wait_done()
    assert len(played) == 2, result.show()
    assert played[0].over_tls.startswith(b"a1 LOGIN") and not played[1].over_tls, result.show()
    assert result.out.count(b"* BYE retrotls:") == 1, result.show()
    tap.never_saw(protocols.SECRET)
