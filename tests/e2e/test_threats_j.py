"""Threats J: what answers inside TLS, and where its answers end."""
import re

import pytest
from support import certs, protocols
from support.play import play
from support.protocols import IMAP, LMTP, NNTP, POP3, SIEVE, SMTP, tagged

LEVELS = pytest.mark.parametrize("level", ["secure", "encrypt", "may"])
EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)

# What the program sends in one piece, and what the server answers until the connection is cut, at a line's end. It
# holds, somewhere in a text, what the reply to the farewell looks like.
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


@EACH_PROTOCOL
@LEVELS
def test_j2_cut_at_a_line_end_behind_a_pipelined_farewell(shim, protocol, level):
    """Whoever ends TCP in the midst of a mail must not make it look like a shorter one."""
    words, replies = PIPELINED[protocol]

    def scenario(s):
        protocols.upgrade(s, protocol, certs.case("good"))
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
