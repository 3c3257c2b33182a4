"""Threats A: the server, or someone on the path, removes the offer of TLS. Levels that demand TLS fail; `may` goes on in
plaintext and logs that."""
import re

import pytest
from support import certs, protocols
from support.play import honest, plaintext_only, play
from support.protocols import IMAP, LMTP, NNTP, POP3, SIEVE, SMTP, tagged

EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
LEVELS = pytest.mark.parametrize("level", ["secure", "encrypt", "fingerprint", "may"])
PIN = "fingerprint sha256:" + "00" * 32


def fails_or_goes_on_in_clear(shim, protocol, scenario, level, greeting=None):
    outcome = play(shim, protocol, scenario, level, *([PIN] if level == "fingerprint" else []))
    if level == "may":
        outcome.in_clear(greeting)
    else:
        outcome.failed("localhost")


def each(table):
    """Parameters (protocol, reply) of a table {protocol: [replies]}."""
    return pytest.mark.parametrize(
        "protocol,reply", [pytest.param(p, reply, id=f"{p.name}-{reply.decode(errors='replace').strip()[:40]}")
                           for p, replies in table.items() for reply in replies])


@EACH_PROTOCOL
@LEVELS
def test_a1_not_offered(shim, protocol, level):
    fails_or_goes_on_in_clear(shim, protocol, plaintext_only(protocol), level)


REJECTED = {
    SMTP: [b"500 what?\r\n", b"502 not implemented\r\n", b"502-not\r\n502 implemented\r\n"],
    LMTP: [b"500 what?\r\n", b"502 not implemented\r\n"],
    IMAP: [b"{tag} BAD what?\r\n", b"{tag} NO not now\r\n"],
    POP3: [b"-ERR what?\r\n", b"-ERR [SYS/PERM] what?\r\n"],
    NNTP: [b"500 what?\r\n", b"503 not here\r\n"],
}


@each(REJECTED)
@LEVELS
def test_a2_capability_command_rejected(shim, protocol, reply, level):
    """A server that is older than the capability command."""
    def scenario(s):
        protocols.greet(s, protocol)
        asked = False
        while True:
            line = s.line()
            ask = protocol.asks(line) and not asked
            asked = asked or bool(ask)
            if protocol.wants_tls(line):  # the relay may try it anyway (POP3); refuse it
                ask = True
            s.send(tagged(reply if ask else protocol.answer(line), line))
            if re.fullmatch(protocol.goodbye, line, re.IGNORECASE):
                return s.shut()
    fails_or_goes_on_in_clear(shim, protocol, scenario, level)


REFUSED = {
    SMTP: [b"454 4.7.0 TLS not available\r\n", b"502 not implemented\r\n", b"530 no\r\n", b"454-not\r\n454 now\r\n"],
    LMTP: [b"454 4.7.0 TLS not available\r\n", b"502 not implemented\r\n", b"530 no\r\n"],
    IMAP: [b"{tag} NO not now\r\n", b"{tag} BAD what?\r\n"],
    POP3: [b"-ERR not now\r\n"],
    NNTP: [b"580 cannot\r\n", b"483 no\r\n", b"502 not permitted\r\n"],
    SIEVE: [b'NO "not now"\r\n', b"NO\r\n", b'NO (TRYLATER) "later"\r\n'],
}


@each(REFUSED)
@LEVELS
def test_a3_upgrade_refused(shim, protocol, reply, level):
    def scenario(s):
        protocols.greet(s, protocol)
        s.send(tagged(reply, protocols.until_starttls(s, protocol)))
        protocols.serve(s, protocol)
    fails_or_goes_on_in_clear(shim, protocol, scenario, level, protocol.greeting or protocol.offers)


NOT_AN_OFFER = {
    SMTP: [b"250-mail.example.org\r\n250 XSTARTTLS\r\n", b"250-mail.example.org\r\n250 STARTTLSX\r\n",
           b"250-STARTTLS\r\n250 HELP\r\n", b"250 STARTTLS\r\n"],
    LMTP: [b"250-mail.example.org\r\n250 XSTARTTLS\r\n", b"250-STARTTLS\r\n250 HELP\r\n"],
    IMAP: [b"* CAPABILITY IMAP4rev1 XSTARTTLS\r\n{tag} OK done\r\n",
           b"* CAPABILITY IMAP4rev1 STARTTLSX\r\n{tag} OK STARTTLS\r\n"],
    POP3: [b"+OK STLS\r\nUSER\r\nXSTLS\r\n.\r\n", b"+OK list\r\nSTLSX\r\n.\r\n"],
    NNTP: [b"101 STARTTLS\r\nVERSION 2\r\nXSTARTTLS\r\n.\r\n", b"101 list\r\nVERSION 2\r\nSTARTTLSX\r\n.\r\n"],
    SIEVE: [b'"IMPLEMENTATION" "STARTTLS"\r\n"SIEVE" "x"\r\n"XSTARTTLS"\r\nOK\r\n',
            b'"IMPLEMENTATION" "x"\r\n"SIEVE" "STARTTLS"\r\n"STARTTLSX"\r\nOK "STARTTLS"\r\n'],
}


@each(NOT_AN_OFFER)
@LEVELS
def test_a4_what_looks_like_an_offer_and_is_none(shim, protocol, reply, level):
    def scenario(s):
        s.send(protocol.greeting or reply)
        while True:
            line = s.line()
            s.send(tagged(reply if protocol.asks(line) else protocol.answer(line), line))
            if re.fullmatch(protocol.goodbye, line, re.IGNORECASE):
                return s.shut()
    outcome = play(shim, protocol, scenario, level, *([PIN] if level == "fingerprint" else []))
    if level == "may":
        outcome.in_clear(protocol.greeting or reply)
    else:
        outcome.failed("localhost")
    assert not re.search(rb"(?m)^(\S+ )?(STARTTLS|STLS)\r$", outcome.tap.up), outcome.show()


IN_LOWER_CASE = {
    SMTP: [b"250-mail.example.org\r\n250-starttls\r\n250 help\r\n"],
    LMTP: [b"250-mail.example.org\r\n250 StartTLS\r\n"],
    IMAP: [b"* capability imap4rev1 starttls\r\n{tag} ok done\r\n"],
    POP3: [b"+OK list\r\nstls\r\n.\r\n"],
    NNTP: [b"101 list\r\nversion 2\r\nstarttls\r\n.\r\n"],
    SIEVE: [b'"implementation" "x"\r\n"sieve" "x"\r\n"starttls"\r\nok\r\n'],
}


@each(IN_LOWER_CASE)
@LEVELS
def test_a4_lower_case_is_an_offer(shim, protocol, reply, level):

    def scenario(s):
        s.send(protocol.greeting or reply)
        line = protocols.until_starttls(s, protocol, reply)
        s.send(tagged(protocol.yes, line))
        s.tls(certs.case("good"))
        if not protocol.ask:
            s.send(protocol.offers_not)
        protocols.serve(s, protocol)
    play(shim, protocol, scenario, level,
         *([f"fingerprint {certs.case('good').sha256}"] if level == "fingerprint" else [])).upgraded()


@EACH_PROTOCOL
@LEVELS
def test_honest_server_is_upgraded_at_every_level(shim, protocol, level):
    """Shows that the failures above are due to the server."""
    play(shim, protocol, honest(protocol), level,
         *([f"fingerprint {certs.case('good').sha256}"] if level == "fingerprint" else [])).upgraded()
