"""Threats F: a server that stalls, floods, talks nonsense or breaks off. Every failure comes within the deadline and in
bounded memory. A broken stream never passes for a complete one."""
import contextlib
import re
import subprocess
from pathlib import Path

import pytest
from support import certs, protocols
from support.play import play
from support.protocols import IMAP, LMTP, NNTP, POP3, SIEVE, SMTP, tagged
from support.shim import PROGRAMS, relays

LEVELS = pytest.mark.parametrize("level", ["secure", "encrypt", "may"])
EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
DEADLINE = 2  # seconds, in the policy
SHORT = [f"timeout {DEADLINE}", f"greeting-timeout {DEADLINE}"]
MEMORY = 64  # megabytes that a relay may use


def within_deadline(shim, protocol, scenario, level):
    """Plays, and asserts the failure. Without a deadline, the program would hang with these servers (shim.TIMEOUT)."""
    return play(shim, protocol, scenario, level, *SHORT).failed("localhost")


@pytest.mark.slow
@EACH_PROTOCOL
@LEVELS
def test_f1_never_greets(shim, protocol, level):
    within_deadline(shim, protocol, lambda s: s.silence(), level)


@pytest.mark.slow
@EACH_PROTOCOL
@LEVELS
def test_f1_greets_and_goes_silent(shim, protocol, level):
    def scenario(s):
        protocols.greet(s, protocol)
        s.silence()
    within_deadline(shim, protocol, scenario, level)


@pytest.mark.slow
@EACH_PROTOCOL
@LEVELS
def test_f1_says_yes_and_goes_silent(shim, protocol, level):
    def scenario(s):
        protocols.greet(s, protocol)
        s.send(tagged(protocol.yes, protocols.until_starttls(s, protocol)))
        s.silence()
    within_deadline(shim, protocol, scenario, level)


@pytest.mark.slow
@EACH_PROTOCOL
@LEVELS
@pytest.mark.parametrize("what", ["greeting", "handshake"])
def test_f1_drips(shim, protocol, level, what):
    """A deadline for each single read would be postponed for longer than a test may take."""
    def scenario(s):
        if what == "greeting":
            s.drip((protocol.greeting or protocol.offers)[:-2] + b"x" * 5000, 0.1)
        else:
            protocols.greet(s, protocol)
            s.send(tagged(protocol.yes, protocols.until_starttls(s, protocol)))
            s.drip(b"\x16\x03\x03\x10\x00\x02\x00\x0f\xfc" + b"x" * 5000, 0.1)
        s.silence()
    within_deadline(shim, protocol, scenario, level)


def memory_is_bounded():
    for pid in relays():
        with contextlib.suppress(OSError, AttributeError):
            peak = int(re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text()).group(1))
            assert peak < MEMORY * 1024, f"relay {pid} came to use {peak} kB"


def flood(s, piece, megabytes=16):
    """Sends until the client goes away, then checks the relay's memory."""
    try:
        for _ in range(megabytes * 16):
            s.send(piece * max(1, 65536 // len(piece)))
        s.silence()
    finally:
        memory_is_bounded()


ENDLESS = {
    SMTP: [b"220-more\r\n", b"x", b"\r\n"],
    LMTP: [b"220-more\r\n", b"x"],
    IMAP: [b"* OK more\r\n", b"x"],
    POP3: [b"+OK more\r\n", b"x"],
    NNTP: [b"200 more\r\n", b"x"],
    SIEVE: [b'"MORE" "x"\r\n', b"x", b'"'],
}


@pytest.mark.parametrize("protocol,piece", [pytest.param(p, piece, id=f"{p.name}-{piece.decode().strip()}")
                                            for p, pieces in ENDLESS.items() for piece in pieces])
@LEVELS
def test_f2_endless_greeting(shim, protocol, piece, level):
    within_deadline(shim, protocol, lambda s: flood(s, piece), level)


ENDLESS_REPLIES = {
    SMTP: [b"250-more\r\n", b"250-" + b"x" * 65536, b"\0"],
    LMTP: [b"250-more\r\n"],
    IMAP: [b"* CAPABILITY X\r\n", b"* " + b"x" * 65536, b"* 1 FETCH {100}\r\n" + b"x" * 100 + b"\r\n", b"{3}\r\nxyz"],
    POP3: [b"X\r\n", b"X" * 65536],
    NNTP: [b"X\r\n", b"X" * 65536],
}


@pytest.mark.parametrize("protocol,piece", [pytest.param(p, piece, id=f"{p.name}-{piece.decode().strip()[:20]}")
                                            for p, pieces in ENDLESS_REPLIES.items() for piece in pieces])
@LEVELS
def test_f2_endless_capabilities(shim, protocol, piece, level):
    def scenario(s):
        protocols.greet(s, protocol)
        assert protocol.asks(s.line())
        s.send(protocol.offers.split(b"\r\n")[0] + b"\r\n" if protocol in (POP3, NNTP) else b"")
        flood(s, piece)
    within_deadline(shim, protocol, scenario, level)


@EACH_PROTOCOL
@LEVELS
def test_f2_endless_reply_to_starttls(shim, protocol, level):
    def scenario(s):
        protocols.greet(s, protocol)
        protocols.until_starttls(s, protocol)
        flood(s, b"220-x\r\n" if protocol in (SMTP, LMTP) else b"* x\r\n" if protocol is IMAP else b"x")
    within_deadline(shim, protocol, scenario, level)


# Greetings and capability lists that no server sends. Each replaces the honest one.
MALFORMED_GREETINGS = {
    SMTP: [b"220 mail\0.example.org ESMTP\r\n", b"220 mail ESMTP\n", b"220 mail\rESMTP\r\n", b"220-a\r\n221 b\r\n",
           b"220-a\r\n220-b\n220 c\r\n", b"220" + b"x" * 9000 + b"\r\n"],
    LMTP: [b"220 mail\0 LMTP\r\n", b"220 mail LMTP\n", b"220-a\r\n250 b\r\n"],
    IMAP: [b"* OK a\0b\r\n", b"* OK a\n", b"* OK a\rb\r\n", b"* OK " + b"x" * 9000 + b"\r\n"],
    POP3: [b"+OK a\0b\r\n", b"+OK a\n", b"+OK a\rb\r\n", b"+OK " + b"x" * 9000 + b"\r\n"],
    NNTP: [b"200 a\0b\r\n", b"200 a\n", b"200 a\rb\r\n"],
    SIEVE: [b'"SIEVE" "a\0b"\r\nOK\r\n', b'"STARTTLS"\nOK\r\n', b'"STARTTLS"\r\nOK\n', b'"SIEVE" {-1}\r\nOK\r\n',
            b'"SIEVE" {4294967296}\r\nx\r\nOK\r\n', b'"SIEVE" {99999999999999999999}\r\nx\r\nOK\r\n',
            b'"SIEVE\r\n"STARTTLS"\r\nOK\r\n'],
}


@pytest.mark.parametrize("protocol,greeting", [pytest.param(p, g, id=f"{p.name}-{g[:30]!r}") for p, greetings in
                                               MALFORMED_GREETINGS.items() for g in greetings])
@LEVELS
def test_f2_malformed_greeting(shim, protocol, greeting, level):
    def scenario(s):
        s.send(greeting)
        s.silence()
    within_deadline(shim, protocol, scenario, level)


MALFORMED = {
    SMTP: [b"250-mail\r\n250-STARTTLS\0\r\n250 X\r\n", b"250-mail\n250-STARTTLS\n250 X\n",
           b"250-mail\r250-STARTTLS\r250 X\r\n", b"250-mail\r\n251-STARTTLS\r\n250 X\r\n",
           b"250-mail\r\n250-STARTTLS\r\n550 X\r\n", b"25\r\n"],
    LMTP: [b"250-mail\r\n250-STARTTLS\r\n550 X\r\n", b"250-mail\n250 STARTTLS\n"],
    IMAP: [b"* CAPABILITY STARTTLS\0\r\n{tag} OK\r\n", b"* CAPABILITY STARTTLS\n{tag} OK\n",
           b"* CAPABILITY\rSTARTTLS\r\n{tag} OK\r\n", b"* 1 FETCH (X {4294967296}\r\nx)\r\n{tag} OK\r\n",
           b"* 1 FETCH (X {-1}\r\n)\r\n{tag} OK\r\n", b"* 1 FETCH (X {99999999999999999999}\r\n)\r\n{tag} OK\r\n",
           b"+ what\r\n{tag} OK\r\n", b"CAPABILITY STARTTLS\r\n{tag} OK\r\n"],
    POP3: [b"+OK\r\nSTLS\0\r\n.\r\n", b"+OK\nSTLS\n.\n", b"+OK\r\nST\rLS\r\n.\r\n", b"STLS\r\n.\r\n"],
    NNTP: [b"101 l\r\nSTARTTLS\0\r\n.\r\n", b"101 l\nSTARTTLS\n.\n", b"101 l\r\nSTART\rTLS\r\n.\r\n", b"10\r\n"],
}


@pytest.mark.parametrize("protocol,reply", [pytest.param(p, reply, id=f"{p.name}-{reply!r}")
                                            for p, replies in MALFORMED.items() for reply in replies])
@LEVELS
def test_f2_malformed_capabilities(shim, protocol, reply, level):
    def scenario(s):
        protocols.greet(s, protocol)
        s.send(tagged(reply, s.line()))
        s.silence()
    within_deadline(shim, protocol, scenario, level)


@EACH_PROTOCOL
@LEVELS
@pytest.mark.parametrize("what", ["closes", "resets", "plaintext", "alert", "HTTP", "SSH", "zeros"])
def test_f3_no_tls_behind_the_positive_reply(shim, protocol, level, what):
    def scenario(s):
        protocols.greet(s, protocol)
        s.send(tagged(protocol.yes, protocols.until_starttls(s, protocol)))
        if what == "closes":
            return s.close()
        if what == "resets":
            return s.reset()
        while not s.buffer.startswith(b"\x16"):  # ClientHello
            s._receive()
        s.send({"plaintext": protocol.answer(b"x NOOP"), "alert": b"\x15\x03\x03\x00\x02\x02\x28",
                "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
                "zeros": bytes(100)}[what])
        s.rest()
    within_deadline(shim, protocol, scenario, level)


@EACH_PROTOCOL
@LEVELS
@pytest.mark.parametrize("what", ["ends without close_notify", "resets", "plaintext", "corrupted record"])
def test_f4_stream_broken_in_the_middle(shim, protocol, level, what):
    """A truncated mail must not look like a short one."""
    def scenario(s):
        protocols.upgrade(s, protocol, certs.case("good"))
        line = s.line()
        s.send(tagged(protocol.answer(line), line)[:-2])  # the client keeps reading for the line's end
        if what == "ends without close_notify":
            return s.close()
        if what == "resets":
            return s.reset()
        s.raw.sendall(b"* OK plaintext\r\n" if what == "plaintext" else b"\x17\x03\x03\x00\x20" + b"x" * 32)
        s.raw.recv(65536)  # the alert, or other data in flight
        while s.raw.recv(65536):
            pass
    words = protocol.words.split(b"\r\n")[0] + b"\r\n"  # no goodbye: after one, many servers just close
    outcome = play(shim, protocol, scenario, level, words=words)
    assert re.match(protocol.upgraded, outcome.result.out), outcome.show()
    assert b"plaintext" not in outcome.result.out, outcome.show()
    assert outcome.result.err == b"read: Connection reset by peer\n", outcome.show()
    outcome.tap.never_saw(protocols.SECRET)


@EACH_PROTOCOL
def test_f4_plain_end_after_the_goodbye_is_an_end(shim, protocol):
    """Many servers just close after QUIT or LOGOUT, without close_notify."""
    def scenario(s):
        protocols.upgrade(s, protocol, certs.case("good"))
        while True:
            line = s.line()
            s.send(tagged(protocol.answer(line), line))
            if re.fullmatch(protocol.goodbye, line, re.IGNORECASE):
                return s.close()
    play(shim, protocol, scenario, "secure").upgraded()


@pytest.mark.parametrize("protocol", protocols.WITH_ASK, ids=lambda p: p.name)  # Sieve's greeting comes inside TLS
@pytest.mark.parametrize("level", ["secure", "may"])
@pytest.mark.parametrize("action,version,times", [
    ("key-update", "1.3", 1), ("key-update", "1.3", 20), ("ticket", "1.3", 1), ("ticket", "1.3", 20),
    ("hello-request", "1.2", 1), ("hello-request", "1.2", 100)])
def test_f5_records_that_are_no_data(shim, protocol, level, action, version, times):
    """Key updates, late session tickets, renegotiation requests (which the relay refuses): no byte gets lost in either
    direction, and nothing hangs."""
    certificate = certs.case("good")
    received = []
    opening = {SMTP: b"EHLO x", LMTP: b"LHLO x", IMAP: b"a0 CAPABILITY", POP3: b"CAPA", NNTP: b"CAPABILITIES"}[protocol]

    def scenario(s):
        protocols.greet(s, protocol)
        s.send(tagged(protocol.yes, protocols.until_starttls(s, protocol)))
        assert not s.buffer
        s.socket.setblocking(True)
        received.append(subprocess.run(
            [PROGRAMS / "tlsend", certificate.pem, certificate.key, f"NORMAL:-VERS-ALL:+VERS-TLS{version}", action,
             str(times), tagged(protocol.offers_not, opening).decode()], stdin=s.socket.fileno(), capture_output=True, timeout=60))
    words = opening + b"\r\n" + b"".join(b"word %d\r\n" % number for number in range(500)) + b"END\r\n"
    outcome = play(shim, protocol, scenario, level, words=words)
    assert received[0].returncode == 0 and received[0].stdout == words, f"{received[0]}{outcome.show()}"
    greeted, answer, rest = outcome.result.out.partition(tagged(protocol.offers_not, opening))
    assert re.fullmatch(protocol.upgraded, greeted) and answer, outcome.show()
    lines = rest.split(b"\r\n")[:-1]
    assert lines and lines == [b"line %d" % (n + 2) for n in range(len(lines))], outcome.show()
    assert outcome.result.err == b"read: end of stream\n", outcome.show()
