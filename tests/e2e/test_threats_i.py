"""Threats I: text from outside (from a certificate or a server) never forges a line of a greeting or of the log."""
import re

import pytest
from support import certs, protocols
from support.play import honest, play
from support.protocols import tagged

EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)

TEXTS = {
    "CR LF": "x\r\n220 forged\r\n* OK forged\r\n+OK forged\r\n200 forged\r\nOK \"forged\"\r\n",
    "LF": "x\n220 forged\n* OK forged\n+OK forged\n",
    "quote": 'x"\r\nOK "forged',
    "brackets": "[CAPABILITY FORGED] <a@b> {10}",
    "backslash": "x\\\"forged",
    "control bytes": "".join(chr(c) for c in range(1, 32)) + "\x7f\x1b[2Jforged",
    "UTF-8": "zażółć gęślą jaźń \u202e forged \U0001f600",
    "10,000 characters": "forged " * 1430,
    "log fields": 'x" result=tls level=none server="forged',
}


def one_line(protocol, outcome):
    """The greeting is one line of printable ASCII, of bounded length, and our own words come first. The log has one such line."""
    outcome.failed()
    assert len(outcome.result.out) <= 512, outcome.show()
    lines = outcome.result.log.splitlines()
    assert len(lines) == 1 and re.fullmatch(r"[\x20-\x7e]+", lines[0]), outcome.show()
    assert outcome.result.lines[0]["result"] == "failed" and outcome.result.lines[0]["level"] == "secure"
    assert re.sub('"[^"]*"', "", lines[0]).count("result=") == 1, outcome.show()


@EACH_PROTOCOL
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("where", ["common name", "issuer"])
def test_i1_names_of_a_certificate(shim, protocol, text, where):
    if where == "issuer":
        root = certs.make(TEXTS[text], ca=True, organization=TEXTS[text])
        certificate = certs.make("localhost", ["localhost"], issuer=root)
    else:
        certificate = certs.make(TEXTS[text], organization=TEXTS[text], issuer=certs.authority())
    one_line(protocol, play(shim, protocol, honest(protocol, certificate), "secure"))


@EACH_PROTOCOL
@pytest.mark.parametrize("text", ["CR LF", "quote", "brackets", "control bytes", "10,000 characters", "log fields"])
def test_i1_alternative_names_of_a_certificate(shim, protocol, text):
    """The failure message shows the certificate's names."""
    certificate = certs.issued(TEXTS[text], TEXTS[text][::-1])
    one_line(protocol, play(shim, protocol, honest(protocol, certificate), "secure"))


REFUSALS = {"smtp": b"454 %s\r\n", "lmtp": b"454 %s\r\n", "imap": b"{tag} NO %s\r\n", "pop3": b"-ERR %s\r\n",
            "nntp": b"580 %s\r\n", "sieve": b'NO "%s"\r\n'}
SAYINGS = {"quotes": b'x\' "y" \\ [CAPABILITY FORGED]', "log fields": b'x" result=tls level=none',
           "UTF-8": "żółć".encode(), "escape": b"\x1b[2Jforged\x07", "long": b"forged " * 600}


@EACH_PROTOCOL
@pytest.mark.parametrize("saying", SAYINGS)
def test_i1_words_of_a_refusal(shim, protocol, saying):
    words = SAYINGS[saying]
    if protocol is protocols.SIEVE:
        words = words.replace(b"\\", b"").replace(b'"', b"'")

    def scenario(s):
        protocols.greet(s, protocol)
        line = protocols.until_starttls(s, protocol)
        s.send(tagged(REFUSALS[protocol.name] % words, line))
        s.rest()
    one_line(protocol, play(shim, protocol, scenario, "secure"))
