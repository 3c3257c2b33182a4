"""The commands and replies of each protocol, so that one scenario works for all of them.

In a reply, `{tag}` stands for the tag of the command that it answers (IMAP)."""
import base64
import re
from dataclasses import dataclass

SECRET = b"S3cret-Passw0rd"
SENDER = b"s3cret-sender"  # stands for message data
_PLAIN = base64.b64encode(b"\0test\0" + SECRET)


@dataclass(frozen=True)
class Protocol:
    name: str
    greeting: bytes
    ask: bytes  # the command that asks for capabilities, a pattern; b"" if the greeting lists them
    offers: bytes  # the reply to `ask` that offers TLS (Sieve: the greeting)
    offers_not: bytes
    starttls: bytes  # a pattern
    yes: bytes
    preamble: bytes  # all that the shim itself may say before TLS, a pattern
    words: bytes  # what a careless program sends after any greeting
    goodbye: bytes  # the last command of `words`, a pattern
    failure: bytes  # the failure greeting that the program must get, a pattern
    upgraded: bytes  # the greeting that the program gets once TLS is up, a pattern
    question: bytes = b""  # what the relay asks first inside TLS, because `words` begin with a secret, a pattern

    def asks(self, line):
        return bool(self.ask) and re.fullmatch(self.ask, line, re.IGNORECASE)

    def wants_tls(self, line):
        return re.fullmatch(self.starttls, line, re.IGNORECASE)

    def answer(self, line):
        """What a friendly server answers to any other command."""
        return _ANSWERS[self.name](line)


def tagged(reply, line):
    """`reply` with the tag of the command `line` in it."""
    return reply.replace(b"{tag}", line.split(b" ")[0])


def greet(s, protocol, offer=True):
    """The greeting of an honest server."""
    s.send(protocol.greeting if protocol.ask else protocol.offers if offer else protocol.offers_not)


def until_starttls(s, protocol, offers=None):
    """An honest server's part up to the STARTTLS command; returns that line."""
    while True:
        line = s.line()
        if protocol.wants_tls(line):
            return line
        if not protocol.asks(line):
            from .hostile import Unexpected
            raise Unexpected(f"expected STARTTLS, the client said {line!r}")
        s.send(tagged(offers or protocol.offers, line))


def upgrade(s, protocol, certificate, **options):
    """An honest server's part from the greeting to the end of the handshake."""
    greet(s, protocol)
    s.send(tagged(protocol.yes, until_starttls(s, protocol)))
    s.tls(certificate, **options)
    s.question = protocol
    if not protocol.ask:
        s.send(protocol.offers_not)


def serve(s, protocol):
    """Answers commands in a friendly way until the client says goodbye; then ends cleanly."""
    if s.question is None:
        s.question = protocol
    while True:
        line = s.line()
        if protocol.asks(line):
            s.send(tagged(protocol.offers_not, line))
        else:
            s.send(tagged(protocol.answer(line), line))
        if re.fullmatch(protocol.goodbye, line, re.IGNORECASE):
            return s.shut()


def _smtp(line):
    word = line[:4].upper()
    return {b"QUIT": b"221 bye\r\n", b"AUTH": b"235 welcome\r\n", b"DATA": b"354 go on\r\n"}.get(word, b"250 ok\r\n")


def _imap(line):
    return b"* BYE bye\r\n{tag} OK bye\r\n" if line.upper().endswith(b" LOGOUT") else b"{tag} OK done\r\n"


def _nntp(line):
    word = line.split(b" ")[0].upper()
    if word == b"AUTHINFO":
        return b"381 password\r\n" if line.upper().startswith(b"AUTHINFO USER") else b"281 welcome\r\n"
    return b"205 bye\r\n" if word == b"QUIT" else b"200 ok\r\n"


_ANSWERS = {
    "smtp": _smtp,
    "lmtp": _smtp,
    "imap": _imap,
    "pop3": lambda line: b"+OK fine\r\n.\r\n" if line[:3].upper() == b"TOP" else b"+OK fine\r\n",
    "nntp": _nntp,
    "sieve": lambda line: b"OK \"fine\"\r\n",
}

SMTP = Protocol(
    name="smtp",
    greeting=b"220 mail.example.org ESMTP Hostile\r\n",
    ask=rb"EHLO \S+",
    offers=b"250-mail.example.org\r\n250-SIZE 1000000\r\n250-STARTTLS\r\n250 HELP\r\n",
    offers_not=b"250-mail.example.org\r\n250-SIZE 1000000\r\n250 HELP\r\n",
    starttls=rb"STARTTLS",
    yes=b"220 2.0.0 go ahead\r\n",
    preamble=rb"EHLO \S+\r\nSTARTTLS\r\n",
    words=b"EHLO careless\r\nAUTH PLAIN " + _PLAIN + b"\r\nMAIL FROM:<" + SENDER + b"@example.org>\r\nQUIT\r\n",
    goodbye=rb"QUIT",
    failure=rb"421 4\.7\.0 retrotls: [\x20-\x7e]+\r\n",
    upgraded=rb"220 mail\.example\.org ESMTP\r\n",
)
LMTP = Protocol(
    name="lmtp",
    greeting=b"220 mail.example.org LMTP Hostile\r\n",
    ask=rb"LHLO \S+",
    offers=SMTP.offers,
    offers_not=SMTP.offers_not,
    starttls=SMTP.starttls,
    yes=SMTP.yes,
    preamble=rb"LHLO \S+\r\nSTARTTLS\r\n",
    words=SMTP.words.replace(b"EHLO", b"LHLO"),
    goodbye=SMTP.goodbye,
    failure=SMTP.failure,
    upgraded=rb"220 mail\.example\.org LMTP\r\n",
)
IMAP = Protocol(
    name="imap",
    greeting=b"* OK Hostile ready\r\n",
    ask=rb"\S+ CAPABILITY",
    offers=b"* CAPABILITY IMAP4rev1 STARTTLS ID\r\n{tag} OK done\r\n",
    offers_not=b"* CAPABILITY IMAP4rev1 ID\r\n{tag} OK done\r\n",
    starttls=rb"\S+ STARTTLS",
    yes=b"{tag} OK begin\r\n",
    preamble=rb"(\S+ CAPABILITY\r\n)?\S+ STARTTLS\r\n",
    words=b"a1 LOGIN test " + SECRET + b"\r\na2 SELECT " + SENDER + b"\r\na3 LOGOUT\r\n",
    goodbye=rb"\S+ LOGOUT",
    failure=rb"\* BYE retrotls: [\x20-\x7e]+\r\n",
    upgraded=rb"\* OK [^\[\r\n][\x20-\x7e]*\r\n",
    question=rb"R[0-9A-F]{16} CAPABILITY",
)
POP3 = Protocol(
    name="pop3",
    greeting=b"+OK Hostile ready <1896.697170952@mail.example.org>\r\n",
    ask=rb"CAPA",
    offers=b"+OK list\r\nUSER\r\nSTLS\r\nUIDL\r\n.\r\n",
    offers_not=b"+OK list\r\nUSER\r\nUIDL\r\n.\r\n",
    starttls=rb"STLS",
    yes=b"+OK begin\r\n",
    preamble=rb"CAPA\r\nSTLS\r\n",
    words=b"USER test\r\nPASS " + SECRET + b"\r\nTOP " + SENDER + b"\r\nQUIT\r\n",
    goodbye=rb"QUIT",
    failure=rb"-ERR \[SYS/TEMP\] retrotls: [\x20-\x7e]+\r\n",
    upgraded=rb"\+OK [\x20-\x7e]*<1896\.697170952@mail\.example\.org>\r\n",
    question=rb"CAPA",
)
NNTP = Protocol(
    name="nntp",
    greeting=b"200 news.example.org Hostile ready\r\n",
    ask=rb"CAPABILITIES",
    offers=b"101 list\r\nVERSION 2\r\nREADER\r\nSTARTTLS\r\n.\r\n",
    offers_not=b"101 list\r\nVERSION 2\r\nREADER\r\n.\r\n",
    starttls=rb"STARTTLS",
    yes=b"382 go on\r\n",
    preamble=rb"CAPABILITIES\r\nSTARTTLS\r\n",
    words=b"MODE READER\r\nAUTHINFO USER test\r\nAUTHINFO PASS " + SECRET + b"\r\nGROUP " + SENDER + b"\r\nQUIT\r\n",
    goodbye=rb"QUIT",
    failure=rb"400 retrotls: [\x20-\x7e]+\r\n",
    upgraded=rb"200 [\x20-\x7e]+\r\n",
)
SIEVE = Protocol(
    name="sieve",
    greeting=b"",
    ask=b"",
    offers=b'"IMPLEMENTATION" "Hostile"\r\n"SIEVE" "fileinto"\r\n"SASL" "PLAIN"\r\n"STARTTLS"\r\nOK "ready"\r\n',
    offers_not=b'"IMPLEMENTATION" "Hostile"\r\n"SIEVE" "fileinto"\r\n"SASL" "PLAIN"\r\nOK "ready"\r\n',
    starttls=rb"STARTTLS",
    yes=b'OK "begin"\r\n',
    preamble=rb"STARTTLS\r\n",
    words=b'AUTHENTICATE "PLAIN" "' + _PLAIN + b'"\r\nHAVESPACE "' + SENDER + b'" 10\r\nLOGOUT\r\n',
    goodbye=rb"LOGOUT",
    failure=rb'BYE "retrotls: [\x20-\x7e]+"\r\n',
    upgraded=rb'"IMPLEMENTATION" "Hostile"\r\n"SIEVE" "fileinto"\r\n"SASL" "PLAIN"\r\nOK "ready"\r\n',
)
ALL = (SMTP, LMTP, IMAP, POP3, NNTP, SIEVE)
BY_NAME = {protocol.name: protocol for protocol in ALL}
WITH_ASK = tuple(p for p in ALL if p.ask)
