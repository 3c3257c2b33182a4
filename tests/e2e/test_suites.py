"""Runs whole test suites of other projects, which know nothing of this one, on switched descriptors. Each case that passes on
plain TCP must pass over TLS. A case that does not is a bug, unless it is listed here with its reason.

Without RETROTLS_SUITES, runs only those that take seconds; `make suites` runs all.
"""
import fnmatch
import os
import re

import pytest
from support import bed, namespaces
from support.shim import PYTHON

ALL = bool(os.environ.get("RETROTLS_SUITES"))

# CPython's own tests (Debian's libpython3-testsuite): the module, and patterns of cases if we do not run them all.
QUICK = {
    "test_telnetlib": [],
    "test_smtplib": [],
    "test_socketserver": [],
    "test_asynchat": [],
    "test_socket": ["test.test_socket.Basic*", "test.test_socket.*FileObjectClassTestCase*", "test.test_socket.NonBlocking*",
                    "test.test_socket.BufferIOTest*", "test.test_socket.*msg*TCPTest*", "test.test_socket.NetworkConnection*",
                    "test.test_socket.SendfileUsing*", "test.test_socket.TCP*"],
}
SLOW = {
    "test_socket": [],
    "test_asyncio": [f"test.test_asyncio.test_{part}.*" for part in (
        "streams", "sock_lowlevel", "server", "sendfile", "buffered_proto", "events", "transports")],
    "test_asyncore": [],
    "test_poplib": [],
    "test_imaplib": [],
    "test_ftplib": [],
    "test_httpservers": [],
    "test_httplib": [],
    "test_xmlrpc": [],
    "test_logging": [],
}

# {pattern of cases: why they differ over TLS}. Each reason is inherent to TLS, or to a relay in another process.
INHERENT = {
    "test.test_asynchat.TestAsynchat*.test_close_when_done":
        "the client has closed, and the server's answers are to be refused: the relay takes them for a while, as a reset "
        "could take from a server what the client said last (PUMP_LINGER in relay/pump/pump.h)",
    "test.test_asyncore.*.test_handle_expt": "urgent data: TLS has none, so the program's goes with the rest of the stream",
    "test.test_asyncio.test_sock_lowlevel.*.test_sock_accept":
        "accept() shows who connects: what takes the TLS off, in a place of its own, not the client's socket",
    "test.test_asyncio.test_sendfile.*close_peer_in_the_middle_of_receiving":
        "the file is 256 KB: with the buffers of the relay and of what takes the TLS off it may be sent whole before its "
        "sender can learn that the receiver has gone",
    "test.test_socket.UnbufferedFileObjectClassTestCase.testWriteNonBlocking":
        "skips itself where it does not fill the buffers: the relay and what takes the TLS off add theirs",
    "test.test_socket.TCPCloserTest.testClose":
        "a thread that uses the socket while another one's connect() has not returned: the server has accepted the "
        "connection, but the descriptor is switched only when connect() knows of it",
}


def needed(test):
    reason = bed.missing()
    return pytest.mark.skipif(reason is not None, reason=str(reason))(namespaces.needed("net")(pytest.mark.timeout(1800)(test)))


def explained(case):
    return next((why for pattern, why in INHERENT.items() if fnmatch.fnmatchcase(case, pattern)), None)


@pytest.fixture
def network():
    made = bed.Bed() if namespaces.inside() else None
    yield made
    if made:
        made.close()


def compare(network, module, patterns):
    """Runs the cases both ways. Asserts that some passed, so that a module that ran nothing does not pass."""
    plain, plain_output = network.cpython(module, False, patterns)
    assert any(result == "passed" for result in plain.values()), plain_output[-3000:]
    tls, tls_output = network.cpython(module, True, patterns)
    assert tls, f"no result over TLS\n{tls_output[-3000:]}"
    # A program that closes at once (test_telnetlib's) may be gone before any session is up: that is logged, too.
    assert re.search("result=tls|closed its connection to .* before the session began", network.shim.log()), \
        f"nothing was guarded\n{tls_output[-3000:]}"
    assert not network.seen_in_clear()
    bad = {case: tls.get(case, "did not run") for case, result in plain.items()
           if result == "passed" and tls.get(case) != "passed" and not explained(case)}
    # A case that sometimes fails on plain TCP too proves nothing: it must pass there twice.
    if bad:
        again, _ = network.cpython(module, False, list(bad))
        bad = {case: why for case, why in bad.items() if again.get(case) == "passed"}
    assert not bad, "\n".join([f"{len(bad)} of {len(plain)} cases pass on plain TCP and not over TLS:",
                               *(f"{case}: {why}" for case, why in bad.items()), network.shim.log()[-2000:]])


@pytest.mark.slow
@needed
@pytest.mark.parametrize("module", SLOW if ALL else QUICK)
def test_suite_of_cpython(network, module):
    if not bed.has_cpython_tests():
        pytest.skip("CPython's tests are not installed (libpython3-testsuite)")
    compare(network, module, (SLOW if ALL else QUICK)[module])


REFUSED = """
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
try:
    socket.create_connection(s.getsockname())
except OSError as error:
    print(type(error).__name__)
"""


@needed
def test_bed_refuses_where_nobody_listens(network):
    """The bed behaves like the network: it diverts only connections for which somebody listens."""
    for guarded in (False, True):
        assert network.run([PYTHON, "-c", REFUSED], guarded, 60).stdout == "ConnectionRefusedError\n"


TALK = """
import socket, threading
listener = socket.create_server((host, 0), family=family)
def serve():
    peer, _ = listener.accept()
    peer.sendall(peer.recv(100).upper())
    peer.close()
threading.Thread(target=serve).start()
client = socket.socket(family)
client.connect((host, listener.getsockname()[1]))
client.sendall(b"word")
print(client.recv(100), client.recv(100), client.getpeername()[1] == listener.getsockname()[1])
"""


@needed
@pytest.mark.parametrize("host, family", [("127.0.0.1", "AF_INET"), ("::1", "AF_INET6")])
def test_bed_carries_a_connection_over_tls(network, host, family):
    code = f"import socket\nhost, family = {host!r}, socket.{family}\n{TALK}"
    for guarded in (False, True):
        assert network.run([PYTHON, "-c", code], guarded, 60).stdout == "b'WORD' b'' True\n"
    lines = network.shim.log_lines()
    assert [line["result"] for line in lines] == ["tls"] and not network.seen_in_clear(), lines


@needed
def test_bed_tells_of_what_is_not_tls(network):
    """The bed notices a program without the library, so that no unguarded program passes for a guarded one."""
    with network.diverting():
        done = network.run([PYTHON, "-c", f"import socket\nhost, family = '127.0.0.1', socket.AF_INET\n{TALK}"], False, 60)
    assert "WORD" not in done.stdout and re.search("in the clear", network.seen_in_clear())
