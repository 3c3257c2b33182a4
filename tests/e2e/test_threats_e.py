"""Threats E: a program that sends STARTTLS itself; capabilities that change with TLS; a program that talks too early."""
import re

import pytest
from support import certs, protocols
from support.play import honest, plaintext_only, play
from support.protocols import IMAP, LMTP, NNTP, POP3, SIEVE, SMTP, tagged

LEVELS = pytest.mark.parametrize("level", ["secure", "encrypt", "may"])
EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)

# What the program sends, and what the relay answers instead of the server.
STARTTLS = {SMTP: (b"STARTTLS\r\n", rb"503 [^\r]*\r\n"), LMTP: (b"STARTTLS\r\n", rb"503 [^\r]*\r\n"),
            IMAP: (b"s1 STARTTLS\r\n", rb"s1 BAD [^\r]*\r\n"), POP3: (b"STLS\r\n", rb"-ERR [^\r]*\r\n"),
            NNTP: (b"STARTTLS\r\n", rb"502 [^\r]*\r\n"), SIEVE: (b"STARTTLS\r\n", rb"NO [^\r]*\r\n")}
ASKS = {SMTP: b"EHLO me\r\n", LMTP: b"LHLO me\r\n", IMAP: b"a0 CAPABILITY\r\n", POP3: b"CAPA\r\n",
        NNTP: b"CAPABILITIES\r\n", SIEVE: b"CAPABILITY\r\n"}


@EACH_PROTOCOL
@LEVELS
@pytest.mark.parametrize("form", ["first", "lower case", "behind another command"])
def test_e1_program_sends_starttls_itself(shim, protocol, level, form):
    """There is no TLS inside TLS: the relay answers, and the session goes on. The server lists STARTTLS again, but never sees
    the command."""
    command, answer = STARTTLS[protocol]
    sent = command.lower() if form == "lower case" else command
    words = (ASKS[protocol] + sent if form == "behind another command" else sent) + protocol.words

    def scenario(s):
        protocols.upgrade(s, protocol, certs.case("good"))
        s.question = protocol if form != "behind another command" else False  # then the program's own question serves
        while True:
            line = s.line()
            s.send(tagged(protocol.offers if protocol.asks(line) else protocol.answer(line), line))
            if re.fullmatch(protocol.goodbye, line, re.IGNORECASE):
                return s.shut()
    outcome = play(shim, protocol, scenario, level, words=words)
    assert outcome.server.over_tls == words.replace(sent, b""), outcome.show()
    assert re.search(rb"(?m)^" + answer.replace(b"s1", b"(?i:s1)"), outcome.result.out), outcome.show()
    if form != "behind another command":  # the answer comes right after the greeting, before any of the server's answers
        assert re.match(protocol.upgraded + answer.replace(b"s1", b"(?i:s1)"), outcome.result.out), outcome.show()
    outcome.tap.never_saw(protocols.SECRET)
    assert outcome.result.err == b"read: end of stream\n", outcome.show()


@LEVELS
def test_e2_logindisabled_before_tls_only(shim, level):
    """The program would give up if it saw LOGINDISABLED."""
    before = b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n{tag} OK done\r\n"

    def scenario(s):
        s.send(b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n")
        s.send(tagged(IMAP.yes, protocols.until_starttls(s, IMAP, before)))
        s.tls(certs.case("good"))
        protocols.serve(s, IMAP)
    outcome = play(shim, IMAP, scenario, level).upgraded()
    assert b"LOGINDISABLED" not in outcome.result.out


@EACH_PROTOCOL
@LEVELS
def test_e3_early_words_are_held_until_tls_is_up(shim, protocol, level):
    outcome = play(shim, protocol, honest(protocol), level, early=True)
    outcome.upgraded()


@EACH_PROTOCOL
@LEVELS
def test_e3_early_words_go_nowhere_where_tls_cannot_be_had(shim, protocol, level):
    outcome = play(shim, protocol, plaintext_only(protocol), level, early=True)
    if level == "may":
        outcome.in_clear()
    else:
        outcome.failed("localhost")
