"""Threats D: what the server says before TLS. We believe none of it afterwards, and a hostile greeting fails."""
import re

import pytest
from support import certs, protocols
from support.play import play
from support.protocols import IMAP, LMTP, NNTP, POP3, SIEVE, SMTP, tagged

LEVELS = pytest.mark.parametrize("level", ["secure", "encrypt", "may"])


@LEVELS
@pytest.mark.parametrize("greeting", [b"* PREAUTH welcome\r\n", b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n"],
                         ids=["bare", "lists STARTTLS"])
def test_d1_preauth(shim, level, greeting):
    """STARTTLS is forbidden in the authenticated state. An attacker on the path who forges PREAUTH keeps the client in
    plaintext and makes it upload its mail into the attacker's account (CVE-2020-12398, -14093)."""
    def scenario(s):
        s.send(greeting)
        while True:
            line = s.line()
            s.send(tagged(IMAP.offers if IMAP.asks(line) else IMAP.answer(line), line))
            if re.fullmatch(IMAP.goodbye, line, re.IGNORECASE):
                return s.shut()
    outcome = play(shim, IMAP, scenario, level)
    if level == "may":
        outcome.in_clear(greeting)
        assert "PREAUTH" in outcome.result.log, outcome.show()
    else:
        outcome.failed("PREAUTH")


UNTAGGED = [
    b'* LIST () "/" forged\r\n', b"* SEARCH 1 2 3 forged\r\n", b"* FLAGS (\\Seen forged)\r\n", b"* 23 EXISTS forged\r\n",
    b"* 5 EXPUNGE forged\r\n", b"* 1 FETCH (BODY[] {8}\r\nforged\r\n)\r\n", b"* STATUS INBOX (MESSAGES 3 forged)\r\n",
    b"* OK [ALERT] forged\r\n", b"* OK [REFERRAL imap://forged/] x\r\n", b"* NO [BADCHARSET (forged)] x\r\n",
    b"* BAD forged\r\n", b"* 1 FETCH (BINARY[1] ~{6}\r\nforged)\r\n",
]


@LEVELS
@pytest.mark.parametrize("when", ["in the capability reply", "before the OK to STARTTLS"])
@pytest.mark.parametrize("line", UNTAGGED, ids=lambda line: line.decode().split("\r")[0][2:])
def test_d2_untagged_lines_before_tls_never_reach_the_program(shim, level, when, line):
    def scenario(s):
        protocols.greet(s, IMAP)
        early, late = (line, b"") if when == "in the capability reply" else (b"", line)
        command = protocols.until_starttls(s, IMAP, early + IMAP.offers)
        s.send(late, tagged(IMAP.yes, command))
        s.tls(certs.case("good"))
        protocols.serve(s, IMAP)
    outcome = play(shim, IMAP, scenario, level).upgraded()
    assert b"forged" not in outcome.result.out, outcome.show()


@LEVELS
@pytest.mark.parametrize("protocol,greeting", [
    (IMAP, b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED STARTTLS FORGED] ready\r\n"),
    (IMAP, b"* OK [ALERT] forged\r\n"), (IMAP, b"* OK [REFERRAL imap://forged/] go there\r\n"),
    (SMTP, b"220 mail.example.org ESMTP forged\r\n"), (SMTP, b"220-mail.example.org forged\r\n220 forged\r\n"),
    (LMTP, b"220 mail.example.org LMTP forged\r\n"), (POP3, b"+OK forged <1896.697170952@mail.example.org>\r\n"),
    (NNTP, b"200 forged\r\n")], ids=lambda v: v.name if hasattr(v, "name") else v.decode().strip())
def test_d2_text_of_the_greeting_never_reaches_the_program(shim, level, protocol, greeting):
    def scenario(s):
        s.send(greeting)
        s.send(tagged(protocol.yes, protocols.until_starttls(s, protocol)))
        s.tls(certs.case("good"))
        protocols.serve(s, protocol)
    outcome = play(shim, protocol, scenario, level).upgraded()
    assert b"forged" not in outcome.result.out.lower(), outcome.show()


@LEVELS
def test_d2_capabilities_of_sieve_before_tls_never_reach_the_program(shim, level):
    forged = b'"IMPLEMENTATION" "forged"\r\n"SASL" "forged"\r\n"STARTTLS"\r\nOK "forged"\r\n'

    def scenario(s):
        s.send(forged)
        s.send(protocols.until_starttls(s, SIEVE) and SIEVE.yes)
        s.tls(certs.case("good"))
        s.send(SIEVE.offers_not)
        protocols.serve(s, SIEVE)
    assert b"forged" not in play(shim, SIEVE, scenario, level).upgraded().result.out


GREETINGS = {
    SMTP: [b"421 busy\r\n", b"502 no\r\n", b"554 go away\r\n", b"554-go\r\n554 away\r\n", b"hello\r\n", b"+OK\r\n",
           b"220-mail.example.org\r\n250 ESMTP\r\n", b"250 ok\r\n", b"\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"],
    LMTP: [b"421 busy\r\n", b"554 go away\r\n", b"hello\r\n"],
    IMAP: [b"* BYE busy\r\n", b"* NO no\r\n", b"* BAD bad\r\n", b"OK\r\n", b"* OKAY\r\n", b"+OK\r\n", b"a1 OK\r\n",
           b"hello\r\n"],
    POP3: [b"-ERR no\r\n", b"-ERR [IN-USE] no\r\n", b"+OKAY\r\n", b"* OK\r\n", b"hello\r\n"],
    NNTP: [b"400 busy\r\n", b"502 no\r\n", b"281 ok\r\n", b"hello\r\n"],
    SIEVE: [b'BYE "busy"\r\n', b'NO "no"\r\n', b"hello\r\n", b"+OK\r\n"],
}


@LEVELS
@pytest.mark.parametrize(
    "protocol,greeting", [pytest.param(p, g, id=f"{p.name}-{g.decode().strip()}") for p, greetings in GREETINGS.items()
                          for g in greetings])
def test_d3_greeting_that_is_none(shim, level, protocol, greeting):
    def scenario(s):
        s.send(greeting)
        s.silence()
    play(shim, protocol, scenario, level).failed("localhost")


@LEVELS
@pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
def test_d3_two_greetings(shim, level, protocol):
    def scenario(s):
        greeting = protocol.greeting or protocol.offers
        s.send(greeting, greeting)
        s.rest()
    play(shim, protocol, scenario, level).failed("localhost")


@LEVELS
@pytest.mark.parametrize("timestamp", [b"<forged>", b"<a@b", b"a@b>", b"<a b@c>", b"<@>",
                                       b"<" + b"x" * 600 + b"@y>"], ids=lambda t: t.decode()[:12])
def test_d4_apop_timestamp_that_is_no_message_id(shim, level, timestamp):
    """If an attacker chooses the timestamp, he can recover the password from the digest more easily."""
    def scenario(s):
        s.send(b"+OK ready " + timestamp + b"\r\n")
        s.send(POP3.yes if protocols.until_starttls(s, POP3) else b"")
        s.tls(certs.case("good"))
        protocols.serve(s, POP3)
    outcome = play(shim, POP3, scenario, level)
    assert timestamp not in outcome.result.out, outcome.show()
    assert outcome.server.over_tls == POP3.words, outcome.show()
    assert re.match(rb"\+OK [\x20-\x7e]*\r\n", outcome.result.out)
    assert b"<" not in outcome.result.out.split(b"\r\n")[0], outcome.show()
