"""Threat K1: what the program writes while another of its threads connects must not reach the network in clear, nor what
a call sends that was made before connect() and waits in the kernel. For each call that writes: threads on the number and
on a duplicate of it, and a forked child that shares it. Sixty connections each, 500 with RETROTLS_SOAK=1 (`make soak`)."""
import contextlib

import pytest
from support import certs, faults, protocols
from support.hostile import Gone, Hostile
from support.protocols import POP3, SECRET
from support.shim import PROGRAMS
from support.tap import Tap

RUNS = 500 if faults.is_soak() else 60
pytestmark = pytest.mark.timeout(3600 if faults.is_soak() else 180)

CALLS = ("send", "sendto", "sendmsg", "sendmmsg", "write", "writev", "sendfile", "splice")
LEVELS = ("may", "encrypt", "secure", "fingerprint")


def connect_and_write(shim, protocol, level, call, runs):
    """`runs` connections of early_writers; returns the recorder, after it has seen nothing but TLS."""
    def scenario(s):
        protocols.upgrade(s, protocol, certs.case("good"))
        with contextlib.suppress(Gone):
            while True:
                s.send(protocols.tagged(protocol.answer(s.line()), b"x"))

    more = [f"fingerprint {certs.case('good').spki_sha256}"] if level == "fingerprint" else ["name localhost"]
    with Hostile(scenario) as server, Tap(server.address) as tap:
        shim.guard(tap.port, level, protocol.name, *more)
        result = shim.run(PROGRAMS / "early_writers", tap.port, runs, call, timeout=runs + 60).ok()
        tap.wait_closed()
        server.wait_done()
    assert result.out == b"%d\n" % runs, result.show()
    assert len(tap.recordings) == runs, f"{len(tap.recordings)} connections"
    tap.never_saw(SECRET, b"NOOP")
    tap.saw_only_tls_after(protocol.preamble)
    return result


@pytest.mark.parametrize("call", [*CALLS, "waiting"])
def test_writers_beside_connect(shim, call):
    connect_and_write(shim, POP3, "secure", call, RUNS)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
@pytest.mark.parametrize("call", ["mixed", "waiting"])
def test_writers_of_all_kinds(shim, protocol, level, call):
    connect_and_write(shim, protocol, level, call, RUNS // 10)
