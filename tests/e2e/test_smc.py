"""SMC sockets, into which smc_run(8) turns a program's TCP sockets. They speak TCP if the server does not know SMC, and to a
guarded server only inside TLS. On kernels without SMC, programs/smc_kernel.c imitates it."""
import platform

import pytest
from support.hostile import Hostile
from support.play import honest
from support.protocols import SMTP
from support.raw_call import RAW_CALL
from support.shim import PROGRAMS, PYTHON
from support.tap import Tap

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="programs/smc_kernel.c knows x86-64 alone")

KINDS = {"AF_SMC": (43, 0), "AF_SMC over IPv6": (43, 1), "IPPROTO_SMC": (2, 256), "IPPROTO_SMC over IPv6": (10, 256)}

# A careless client: connects in the given way, and sends its password whatever the greeting says.
CLIENT = """
import os, socket, sys
port, family, protocol, way = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
words = os.environb[b"WORDS"]
v6 = protocol == 1 or family == 10
s = socket.socket(family, socket.SOCK_STREAM, protocol)
number = s.detach()
# Of AF_SMC, Python makes no addresses.
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_STREAM, 0, fileno=number)
to = ("::ffff:127.0.0.1" if v6 else "127.0.0.1", port)
try:
    if way == "connect":
        s.connect(to)
    elif way == "nonblocking":
        s.setblocking(False)
        s.connect_ex(to)
        __import__("select").select([], [s], [])
        s.setblocking(True)
    elif way == "past the library":
        import struct
        address = (struct.pack("=H", 10) + struct.pack("!H", port) + bytes(4) + socket.inet_pton(10, to[0]) + bytes(4) if v6 else
                   struct.pack("=H", 2) + struct.pack("!H", port) + socket.inet_aton(to[0]) + bytes(8))
        if raw_call(42, number, address, len(address)) != 0: sys.exit("connect(2) failed")
    elif way == "MSG_FASTOPEN":
        if s.sendto(words, socket.MSG_FASTOPEN, to) != len(words): sys.exit("sent in part")
    if way != "MSG_FASTOPEN":
        print(s.recv(4096))
        s.sendall(words)
    while s.recv(4096): pass
    print("end")
except OSError as error:
    print(error)
"""


def run(shim, tap, kind, way):
    family, protocol = KINDS[kind]
    return shim.run(PROGRAMS / "smc_kernel", PYTHON, "-c", RAW_CALL + CLIENT, tap.port, family, protocol, way,
                    env={"WORDS": SMTP.words.decode("latin-1")})


@pytest.fixture
def tap(shim):
    with Hostile(honest(SMTP)) as server, Tap(server.address) as tap:
        tap.hostile = server
        shim.guard(tap.port, "secure", "smtp", "name localhost")
        yield tap


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["connect", "nonblocking", "MSG_FASTOPEN"])
def test_connection_of_an_smc_socket_is_guarded(shim, tap, kind, way):
    result = run(shim, tap, kind, way).ok()
    assert result.out.endswith(b"end\n"), result.show()
    tap.saw_only_tls_after(SMTP.preamble)
    assert tap.hostile.over_tls == SMTP.words, result.show()
    assert [line["result"] for line in result.lines] == ["tls"], result.show()


@pytest.mark.parametrize("kind", KINDS)
def test_smc_connection_that_the_library_did_not_see_is_refused(shim, tap, kind):
    """We cannot switch it: EPERM, a log line that says why, and nothing in clear."""
    result = run(shim, tap, kind, "past the library").ok()
    assert b"[Errno 1] Operation not permitted" in result.out, result.show()
    assert SMTP.words not in b"".join(r.up for r in tap.recordings), result.show()
    assert "an SMC connection that it did not see begin" in result.log, result.show()


@pytest.mark.parametrize("kind", KINDS)
def test_smc_socket_to_an_unguarded_server_is_left_alone(shim, kind):
    def scenario(s):
        s.send(SMTP.greeting)
        for _ in SMTP.words.splitlines():
            s.line()

    with Hostile(scenario) as server, Tap(server.address) as tap:
        shim.policy("match port 1\n    protocol smtp\n    level secure\n")
        result = run(shim, tap, kind, "connect").ok()
    assert result.out.endswith(b"end\n") and tap.recordings[0].up == SMTP.words and result.log == "", result.show()
