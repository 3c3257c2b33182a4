"""Threats B: an answer to STARTTLS that is neither yes nor a clean no fails at every level."""
import re

import pytest
from support import protocols
from support.play import play
from support.protocols import IMAP, LMTP, NNTP, POP3, SIEVE, SMTP, tagged

LEVELS = pytest.mark.parametrize("level", ["secure", "encrypt", "may"])
SHORT = ["timeout 2", "greeting-timeout 2"]  # for answers after which the relay must keep waiting

NEITHER = {
    SMTP: [b"221 bye\r\n", b"250 ok\r\n", b"354 go on\r\n", b"+ go on\r\n", b"999 what\r\n", b"22 0 ok\r\n",
           b"2200 ok\r\n", b"OK\r\n", b"220-yes\r\n250 no\r\n"],
    LMTP: [b"221 bye\r\n", b"250 ok\r\n", b"354 go on\r\n", b"+ go on\r\n"],
    IMAP: [b"+ go on\r\n", b"* OK begin\r\n", b"{tag} YES begin\r\n", b"x{tag} OK begin\r\n", b"A001 OK begin\r\n",
           b"{tag} PREAUTH begin\r\n", b"* BYE no\r\n", b"{tag}\r\n", b"OK begin\r\n"],
    POP3: [b"+ go on\r\n", b"OK begin\r\n", b"+OKAY begin\r\n", b"* OK begin\r\n", b"+YES\r\n"],
    NNTP: [b"200 ok\r\n", b"281 ok\r\n", b"381 more\r\n", b"205 bye\r\n", b"38 2\r\n", b"3820 ok\r\n"],
    SIEVE: [b'BYE "no"\r\n', b"YES\r\n", b"+OK\r\n", b'"OK"\r\n', b"OKAY\r\n"],
}


@pytest.mark.parametrize(
    "protocol,reply", [pytest.param(p, reply, id=f"{p.name}-{reply.decode().strip()}") for p, replies in
                       NEITHER.items() for reply in replies])
@LEVELS
def test_b1_neither_yes_nor_no(shim, protocol, reply, level):
    def scenario(s):
        protocols.greet(s, protocol)
        s.send(tagged(reply, protocols.until_starttls(s, protocol)))
        s.silence()
    play(shim, protocol, scenario, level, *(SHORT if protocol in (IMAP, SIEVE) else [])).failed("localhost")


@pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
@LEVELS
def test_b2_yes_before_it_was_asked(shim, protocol, level):
    """The answer comes right after the capability list, before the relay sends STARTTLS (the early tagged OK of
    CVE-2026-42246). The receive buffer must be empty when the relay sends STARTTLS, and nobody can guess the tag."""
    yes = protocol.yes.replace(b"{tag}", b"a001")

    def scenario(s):
        if protocol.ask:
            protocols.greet(s, protocol)
            line = s.line()
            assert protocol.asks(line), line
            s.send(tagged(protocol.offers, line), yes)
        else:
            s.send(protocol.offers, yes)
        s.rest()
    outcome = play(shim, protocol, scenario, level, *SHORT)
    outcome.failed("localhost")


@LEVELS
def test_b2_tags_differ_between_connections(shim, level):
    """IMAP: a server could answer a tag that it can guess before we send it."""
    tags = []

    def scenario(s):
        protocols.greet(s, IMAP)
        while True:
            line = s.line()
            tags.append(line.split(b" ")[0])
            s.send(tagged(b"* BYE\r\n{tag} OK\r\n" if IMAP.wants_tls(line) else IMAP.offers, line))
    for _ in range(3):
        play(shim, IMAP, scenario, level)
        shim.log_file.unlink()
    assert len(set(tags)) == len(tags) and all(re.fullmatch(rb"[A-Za-z0-9]{8,}", tag) for tag in tags), tags
