"""Much data in both directions, by every call that moves bytes, with every way to wait, and with small, default and large
buffers: all of it arrives, and nothing hangs."""
import hashlib
import random

import pytest
from support import certs, protocols
from support.hostile import Hostile
from support.protocols import SMTP
from support.shim import PROGRAMS

SIZE = 8 << 20
WAYS = ["block", "poll", "select", "epoll", "edge"]
# If the receive buffer is smaller than the loopback device's 64 KiB segments, TCP waits for its persist timer, natively too.
BUFFERS = {"small": (4096, 80_000), "as a record": (16384, 80_000), "default": (0, 0), "large": (1 << 20, 1 << 20)}


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("bulk") / "text"
    path.write_bytes(random.Random(3).randbytes(SIZE))
    return path


def echo(text):
    """A server that reads as many bytes as the file has, compares them, and sends the file back."""
    whole = text.read_bytes()
    digest = hashlib.sha256(whole).digest()

    def scenario(s):
        protocols.upgrade(s, SMTP, certs.case("good"))
        s.expect(rb"EHLO \S+")
        s.send(b"250 ok\r\n")
        s.expect(rb"DATA")
        s.send(b"354 go on\r\n")
        got = hashlib.sha256(s.buffer)
        left = SIZE - len(s.buffer)
        while left > 0:
            data = s.socket.recv(min(65536, left))
            assert data, f"{left} bytes are missing"
            got.update(data)
            left -= len(data)
        assert got.digest() == digest
        s.send(whole)
        s.buffer = b""
        s.rest()
    return scenario


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("buffers", BUFFERS)
@pytest.mark.parametrize("how", WAYS)
def test_every_call_moves_it_whole(shim, text, how, buffers):
    with Hostile(echo(text)) as server:
        shim.guard(server.port, "secure", "smtp", "name localhost")
        result = shim.run(PROGRAMS / "bulk", server.port, text, how, *BUFFERS[buffers], timeout=800)
        assert result.status == 0 and result.out.endswith(b"done\n"), result.show()
        server.wait_done()
    assert len(server.connections) == result.out.count(b": ok\n") >= 13, result.show()
    assert {line["result"] for line in result.lines} == {"tls"}, result.show()
