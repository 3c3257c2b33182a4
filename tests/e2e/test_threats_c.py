"""Threats C: bytes after the reply to STARTTLS (the command injection of CVE-2011-0411 and similar). We never believe any of
them: the connection fails at every level."""
import pytest
from support import certs, protocols
from support.play import play
from support.protocols import IMAP, LMTP, NNTP, POP3, SIEVE, SMTP, tagged

LEVELS = pytest.mark.parametrize("level", ["secure", "encrypt", "may"])
EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
INJECTED = {
    SMTP: b"250-injected\r\n250 AUTH PLAIN\r\n",
    LMTP: b"250-injected\r\n250 AUTH PLAIN\r\n",
    IMAP: b"* CAPABILITY IMAP4rev1 INJECTED\r\n",
    POP3: b"+OK injected\r\n",
    NNTP: b"281 injected\r\n",
    SIEVE: b'"SASL" "injected"\r\nOK\r\n',
}


@EACH_PROTOCOL
@LEVELS
@pytest.mark.parametrize("how", ["same segment", "next segment", "fragment with no line end", "one byte",
                                 "the reply again"])
def test_c1_bytes_behind_the_positive_reply(shim, protocol, level, how):
    def scenario(s):
        protocols.greet(s, protocol)
        yes = tagged(protocol.yes, protocols.until_starttls(s, protocol))
        injected = INJECTED[protocol]
        if how == "same segment":
            s.send(yes, injected)
        elif how == "next segment":  # the relay reads it in place of the ServerHello
            s.split(yes, injected)
        elif how == "fragment with no line end":
            s.send(yes, injected[:7])
        elif how == "one byte":
            s.send(yes, b"\n")
        else:
            s.send(yes, yes)
        s.tls(certs.case("good"))
        if not protocol.ask:
            s.send(protocol.offers_not)
        protocols.serve(s, protocol)
    outcome = play(shim, protocol, scenario, level)
    outcome.failed("localhost")
    assert b"njected" not in outcome.result.out


REFUSALS = {SMTP: b"454 no\r\n", LMTP: b"454 no\r\n", IMAP: b"{tag} NO no\r\n", POP3: b"-ERR no\r\n",
            NNTP: b"580 no\r\n", SIEVE: b'NO "no"\r\n'}


@EACH_PROTOCOL
@LEVELS
def test_c2_success_behind_a_refusal(shim, protocol, level):
    def scenario(s):
        protocols.greet(s, protocol)
        line = protocols.until_starttls(s, protocol)
        s.send(tagged(REFUSALS[protocol], line), tagged(protocol.yes, line))
        s.rest()
    play(shim, protocol, scenario, level).failed("localhost")


@EACH_PROTOCOL
@LEVELS
def test_c3_reply_one_byte_at_a_time(shim, protocol, level):
    """TCP may split the stream anywhere. This is no attack and must work."""
    def scenario(s):
        s.drip(protocol.greeting or protocol.offers, 0.002)
        while True:
            line = s.line()
            if protocol.wants_tls(line):
                break
            s.drip(tagged(protocol.offers, line), 0.002)
        s.drip(tagged(protocol.yes, line), 0.002)
        s.tls(certs.case("good"))
        if not protocol.ask:
            s.drip(protocol.offers_not, 0.002)
        protocols.serve(s, protocol)
    play(shim, protocol, scenario, level).upgraded()
