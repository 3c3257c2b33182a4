"""One session of the careless client with a hostile server, with a recorder between them, and its outcome."""
import re
from dataclasses import dataclass

from . import certs, protocols
from .hostile import Hostile
from .protocols import SECRET, SENDER
from .shim import Result
from .tap import Tap, first_record


@dataclass
class Outcome:
    protocol: protocols.Protocol
    result: Result  # the client's
    server: Hostile
    tap: Tap
    words: bytes

    def show(self):
        return (f"\n{self.result.show()}\npath:\n{self.tap.transcript()}\n"
                f"server read in clear: {self.server.clear!r}\nserver read over TLS: {self.server.over_tls[:500]!r}\n"
                f"handshake: {[c.refusal for c in self.server.connections]}")

    def nothing_leaked(self):
        """Not one line that the program wrote crossed the network in clear."""
        for line in [*self.words.split(b"\r\n"), SECRET, SENDER]:
            if line:
                assert line not in self.tap.clear_up(), f"{line!r} crossed{self.show()}"
        self.tap.never_saw(SECRET, SENDER)

    def failed(self, *reasons):
        """FAIL: the program got the failure greeting and nothing else, and a clean end; nothing leaked; the log says so. Each
        of `reasons` is a pattern that the greeting must contain."""
        assert re.fullmatch(self.protocol.failure, self.result.out), f"no failure greeting{self.show()}"
        self.nothing_leaked()
        own = re.sub(rb"[()?]", b"", self.protocol.preamble).split(rb"\r\n")
        for line in self.tap.clear_up().split(b"\r\n"):
            assert any(re.fullmatch(words, line) for words in own), f"not the relay's own: {line!r}{self.show()}"
        assert self.server.over_tls == b"", f"something went through TLS{self.show()}"
        assert self.result.status == 0 and self.result.err == b"read: end of stream\n", self.show()
        for reason in reasons:
            assert re.search(reason, self.result.out.decode(), re.IGNORECASE), f"no {reason!r}{self.show()}"
        assert [line["result"] for line in self.result.lines] == ["failed"], self.show()
        return self

    def upgraded(self):
        """TLS: the relay's greeting, the whole session inside TLS, nothing leaked."""
        assert re.match(self.protocol.upgraded, self.result.out), f"no upgrade{self.show()}"
        assert self.server.over_tls == self.words, self.show()
        self.tap.saw_only_tls_after(self.protocol.preamble)
        self.tap.never_saw(SECRET, SENDER)
        assert self.result.status == 0 and self.result.err == b"read: end of stream\n", self.show()
        assert [line["result"] for line in self.result.lines] == ["tls"], self.show()
        return self

    def in_clear(self, greeting=None):
        """CLEAR: the server's own greeting, the session in plaintext, and a log line that says so."""
        assert self.result.out.startswith(greeting or self.protocol.greeting or self.protocol.offers_not), self.show()
        assert first_record(self.tap.up) is None, self.show()
        assert self.tap.up.endswith(self.words), self.show()
        assert self.result.status == 0 and self.result.err == b"read: end of stream\n", self.show()
        assert [line["result"] for line in self.result.lines] == ["plaintext"], self.show()
        return self


def play(shim, protocol, scenario, level, *policy, host="localhost", early=False, ca=None, words=None):
    """Plays `scenario` (see hostile.py) to the careless client under the shim at `level`; `policy` holds more lines of
    the rule, in which {port} is the server's port. Returns the Outcome when everything has ended."""
    words = protocol.words if words is None else words
    with Hostile(scenario) as server, Tap(server.address) as tap:
        shim.guard(tap.port, level, protocol.name, *(line.replace("{port}", str(tap.port)) for line in policy), ca=ca)
        result = shim.careless(host, tap.port, words, *(["early"] if early else []))
        tap.wait_closed()
        server.wait_done()
        return Outcome(protocol, result, server, tap, words)


def honest(protocol, certificate=None, **options):
    """A scenario: an honest server with this certificate, which serves until the client says goodbye."""
    certificate = certificate or certs.case("good")

    def scenario(s):
        protocols.upgrade(s, protocol, certificate, **options)
        protocols.serve(s, protocol)
    return scenario


def plaintext_only(protocol):
    """A scenario: an honest server that knows no TLS."""
    def scenario(s):
        protocols.greet(s, protocol, offer=False)
        while True:
            line = s.line()
            reply = protocol.offers_not if protocol.asks(line) else protocol.answer(line)
            s.send(protocols.tagged(reply, line))
            if re.fullmatch(protocol.goodbye, line, re.IGNORECASE):
                return s.shut()
    return scenario
