"""Threats J: which service answers inside TLS, and where its answers end."""
import base64
import re

import pytest
from support import alpaca, certs, protocols
from support import play as plays
from support.protocols import IMAP, LMTP, NNTP, POP3, SIEVE, SMTP, tagged

LEVELS = pytest.mark.parametrize("level", ["secure", "fingerprint", "encrypt", "may"])
EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)

# What the program sends in one piece, and what the server answers until someone cuts the connection, at a line's end. The
# answer contains text that looks like the reply to the farewell.
PIPELINED = {
    SMTP: (b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\nQUIT\r\n", b"250 ok\r\n250 221 bye\r\n354 go on\r\n"),
    LMTP: (b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\nQUIT\r\n", b"250 ok\r\n250 221 bye\r\n354 go on\r\n"),
    IMAP: (b"a1 FETCH 1 BODY[]\r\na2 LOGOUT\r\n", b"* 1 FETCH (BODY[] {5000}\r\n* BYE\r\na2 OK bye\r\n"),
    POP3: (b"RETR 1\r\nRETR 2\r\nQUIT\r\n", b"+OK\r\n..\r\n.\r\n+OK\r\n+OK bye\r\n"),
    NNTP: (b"ARTICLE 1\r\nARTICLE 2\r\nQUIT\r\n", b"220 1 <a>\r\n..\r\n.\r\n220 2 <b>\r\n205 bye\r\n"),
    SIEVE: (b'GETSCRIPT "x"\r\nLOGOUT\r\n', b"{5000}\r\nOK\r\nOK\r\n"),
}
ASKS = {SMTP: b"EHLO x\r\n", LMTP: b"LHLO x\r\n", IMAP: b"a0 CAPABILITY\r\n", POP3: b"CAPA\r\n",
        NNTP: b"CAPABILITIES\r\n", SIEVE: b"CAPABILITY\r\n"}


def play(shim, protocol, scenario, level, *policy, **more):
    """All of these servers use the same certificate, and it is good."""
    pin = [f"fingerprint {certs.case('good').sha256}"] if level == "fingerprint" else []
    return plays.play(shim, protocol, scenario, level, *pin, *policy, **more)


@EACH_PROTOCOL
@LEVELS
def test_j2_cut_at_a_line_end_behind_a_pipelined_farewell(shim, protocol, level):
    """An attacker who ends TCP in the middle of a mail must not make it look like a shorter one."""
    words, replies = PIPELINED[protocol]

    def scenario(s):
        protocols.upgrade(s, protocol, certs.case("good"))
        s.question = False  # the program's own question serves
        while True:
            line = s.line()
            if protocol.asks(line) or line.upper() == b"CAPABILITY":
                s.send(tagged(protocol.offers_not, line))
            if re.fullmatch(protocol.goodbye, line, re.IGNORECASE):
                s.send(replies)
                return s.close()
    outcome = play(shim, protocol, scenario, level, words=ASKS[protocol] + words)
    assert outcome.result.out.endswith(replies), outcome.show()
    assert outcome.result.err == b"read: Connection reset by peer\n", outcome.show()


# What a program says first: an opening with the rest right after it, or a secret at once.
OPENINGS = {p: ASKS[p] + p.words for p in protocols.ALL} | {p: p.words for p in (SMTP, LMTP, NNTP)}
SECRETS = {p: p.words for p in protocols.ALL} | {
    SMTP: SMTP.words.partition(b"\r\n")[2], LMTP: LMTP.words.partition(b"\r\n")[2],
    NNTP: NNTP.words.partition(b"\r\n")[2]}
WAYS = pytest.mark.parametrize("way", ["starttls", "implicit"])


def nothing_secret_arrived(outcome, heard):
    """No secret arrived. The program reads the reason in its own protocol; the log names the server and quotes its answer."""
    for secret in (protocols.SECRET, protocols.SENDER, base64.b64encode(b"\0test\0" + protocols.SECRET)):
        assert secret not in b"".join(heard), f"{secret!r} arrived: {heard}{outcome.show()}"
    outcome.tap.never_saw(protocols.SECRET, protocols.SENDER)
    assert re.search(outcome.protocol.failure + rb"\Z", outcome.result.out), outcome.show()
    assert outcome.result.err == b"read: end of stream\n", outcome.show()
    assert outcome.result.lines[-1]["result"] == "failed", outcome.show()
    assert re.search(r"localhost.*(it said|sent) '", outcome.result.lines[-1]["error"]), outcome.show()


@EACH_PROTOCOL
@LEVELS
@WAYS
@pytest.mark.parametrize("first", ["opening", "secret"])
def test_j1_https_answers(shim, protocol, level, way, first):
    words = (OPENINGS if first == "opening" else SECRETS)[protocol]
    policy = ["tls implicit", "connect-to {port}"] if way == "implicit" else []
    policy += ["timeout 2", "greeting-timeout 2"]  # an HTTP server waits to be asked
    with alpaca.Https() as https:
        scenario = alpaca.spliced(protocol, https.address, way == "implicit")
        outcome = play(shim, protocol, scenario, level, *policy, words=words)
    if way == "implicit" or protocol is SIEVE:
        assert not https.heard, https.heard
        assert re.search(protocol.failure + rb"\Z", outcome.result.out), outcome.show()
        assert outcome.result.lines[-1]["result"] == "failed", outcome.show()
    else:
        nothing_secret_arrived(outcome, https.heard)


@EACH_PROTOCOL
@LEVELS
@WAYS
@pytest.mark.parametrize("first", ["opening", "secret"])
def test_j1_ftp_answers(shim, protocol, level, way, first):
    heard = []
    words = (OPENINGS if first == "opening" else SECRETS)[protocol]
    policy = ["tls implicit", "connect-to {port}"] if way == "implicit" else []
    policy += ["timeout 2", "greeting-timeout 2"]
    outcome = play(shim, protocol, alpaca.led_to_ftp(protocol, way == "implicit", heard), level, *policy, words=words)
    if protocol is SIEVE and way == "starttls":  # each side waits for the other's greeting
        assert heard == [b""] and re.fullmatch(SIEVE.failure, outcome.result.out), outcome.show()
    else:
        nothing_secret_arrived(outcome, heard)


SERVERS = {"smtp": "exim", "lmtp": "dovecot", "imap": "dovecot", "pop3": "dovecot", "nntp": "inn", "sieve": "dovecot"}


@EACH_PROTOCOL
@pytest.mark.parametrize("level", ["secure", "fingerprint", "may"])
@WAYS
@pytest.mark.parametrize("other", protocols.ALL, ids=lambda p: f"to-{p.name}")
def test_j1_another_mail_server_answers(shim, request, protocol, level, way, other):
    """Real servers, with TLS from the first byte or by their own STARTTLS."""
    if other is protocol:
        pytest.skip("the protocol itself")
    address = request.getfixturevalue(SERVERS[other.name]).at(other.name)
    policy = ["tls implicit", "connect-to {port}"] if way == "implicit" else []
    policy += ["timeout 2", "greeting-timeout 2"]
    for words in (OPENINGS[protocol], SECRETS[protocol]):
        heard = []
        scenario = alpaca.led_to_server(protocol, address, way == "implicit", heard)
        outcome = play(shim, protocol, scenario, level, *policy, words=words)
        if protocol is SIEVE and way == "starttls":
            assert heard == [] and re.fullmatch(SIEVE.failure, outcome.result.out), outcome.show()
        else:
            nothing_secret_arrived(outcome, heard)


@pytest.mark.parametrize("protocol", protocols.WITH_ASK, ids=lambda p: p.name)
@LEVELS
@pytest.mark.parametrize("first", ["opening", "secret"])
def test_j1_nobody_answers(shim, protocol, level, first):
    """The failure comes within the deadline, whatever the program says first."""
    def scenario(s):
        protocols.upgrade(s, protocol, certs.case("good"))
        s.silence()
    words = (OPENINGS if first == "opening" else SECRETS)[protocol]
    outcome = play(shim, protocol, scenario, level, "greeting-timeout 2", words=words)
    assert protocols.SECRET not in outcome.server.over_tls, outcome.show()
    assert re.search(protocol.failure + rb"\Z", outcome.result.out), outcome.show()


@pytest.mark.parametrize("protocol", protocols.WITH_ASK, ids=lambda p: p.name)
@LEVELS
@pytest.mark.parametrize("early", [False, True])
def test_j1_a_program_that_begins_with_a_secret_is_served(shim, protocol, level, early):
    """The relay asks its own question first. The program sees nothing of it, and what it wrote before the greeting waits, too."""
    words = SECRETS[protocol]

    def scenario(s):
        protocols.upgrade(s, protocol, certs.case("good"))
        s.question = False
        s.send(tagged(protocol.offers_not, s.line()))
        assert s.buffer == b""
        s.over_tls = b""
        protocols.serve(s, protocol)
    outcome = play(shim, protocol, scenario, level, words=words, early=early).upgraded()
    assert protocol.offers_not not in outcome.result.out


@pytest.mark.parametrize("protocol", protocols.WITH_ASK, ids=lambda p: p.name)
@LEVELS
@pytest.mark.parametrize("early", [False, True])
def test_j1_what_is_pipelined_behind_an_opening_waits_for_the_reply(shim, protocol, level, early):
    """There is no additional round trip, and the relay asks no question of its own."""
    seen = []

    def scenario(s):
        protocols.upgrade(s, protocol, certs.case("good"))
        s.question = False
        line = s.line()
        s.socket.settimeout(0.3)
        try:
            seen.append(s.buffer + s.socket.recv(4096))
        except OSError:
            seen.append(s.buffer)
        s.socket.settimeout(60)
        s.send(b"200 hi\r\n" if protocol is NNTP else tagged(protocol.offers_not, line))
        protocols.serve(s, protocol)
    outcome = play(shim, protocol, scenario, level, words=OPENINGS[protocol], early=early)
    assert seen == [b""], seen
    assert outcome.server.over_tls == OPENINGS[protocol], outcome.show()
    assert outcome.result.err == b"read: end of stream\n", outcome.show()
