"""Good dialogues, mutated at random: reordered, cut, doubled, split, with bytes and lines inserted. Whatever happens, no
secret crosses in clear if the level demands TLS, nothing from before TLS reaches the program, nothing hangs, and nothing
crashes.

RETROTLS_TEST_SEED=N repeats a run; a failure shows the seed."""
import itertools
import json
import os
import random
import time

import pytest
from support import certs, protocols
from support.hostile import Gone, Hostile
from support.protocols import IMAP, LMTP, NNTP, POP3, SIEVE, SMTP, tagged
from support.tap import Tap, first_record

SEED = int(os.environ.get("RETROTLS_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
DIALOGUES = 200  # for each protocol at each level
PATIENCE = 1  # seconds the server waits for the relay, which may be waiting for the server

PROGRAM = """
import json, socket, sys, threading
port, count, words = int(sys.argv[1]), int(sys.argv[2]), sys.stdin.buffer.read()
lock, left = threading.Lock(), iter(range(count))
def session():
    got, end, local = b"", "end", 0
    try:
        with socket.create_connection(("localhost", port), timeout=30) as s:
            local = s.getsockname()[1]
            got = s.makefile("rb", buffering=0).readline()
            s.sendall(words)
            while True:
                data = s.recv(65536)
                if not data: break
                got += data
    except OSError as error:
        end = type(error).__name__
    with lock:
        print(json.dumps([local, got.decode("latin-1"), end]), flush=True)
def sessions():
    while True:
        with lock:
            if next(left, None) is None: return
        session()
threads = [threading.Thread(target=sessions) for _ in range(24)]
for t in threads: t.start()
for t in threads: t.join()
"""

# Lines that fit somewhere in some protocol, and bytes that fit nowhere.
DICTIONARY = [b"\r\n", b"\n", b"\r", b"\0", b" ", b"-", b"*", b"+", b".", b"\"", b"{5}\r\n", b"{99999999999}\r\n", b"{-1}",
              b"220 ", b"220-", b"250 STARTTLS\r\n", b"250-", b"454 ", b"+OK\r\n", b"-ERR\r\n", b".\r\n", b"STLS\r\n",
              b"* OK ", b"* BYE ", b"* PREAUTH ", b"* CAPABILITY STARTTLS\r\n", b"{tag} OK\r\n", b"{tag} NO\r\n",
              b"382 \r\n", b"580 \r\n", b"101 ", b"200 ", b"OK\r\n", b"NO\r\n", b"BYE\r\n", b"\"STARTTLS\"\r\n",
              b"\x16\x03\x01\x00\x05hello", b"\x15\x03\x03\x00\x02\x02\x28", b"\xff\xfe", b"x" * 300, b"x" * 9000]
MARK = b"=MARKED="  # not a host name; marks text sent before TLS that the program must not see after it


def marked(protocol):
    """The server's lines of a good dialogue before TLS, marked."""
    yes = {SMTP: b"220 =MARKED=\r\n", LMTP: b"220 =MARKED=\r\n", IMAP: b"{tag} OK =MARKED=\r\n", POP3: b"+OK =MARKED=\r\n",
           NNTP: b"382 =MARKED=\r\n", SIEVE: b'OK "=MARKED="\r\n'}[protocol]
    if not protocol.ask:
        return [protocol.offers.replace(b"Hostile", MARK).replace(b"ready", MARK), yes]
    offers = protocol.offers.replace(b"HELP", b"MARKED").replace(b" ID", b" MARKED").replace(b"list", MARK) \
        .replace(b"UIDL", b"MARKED")
    return [protocol.greeting.replace(b"Hostile", MARK), offers, yes]


def mutated(rng, lines):
    """The server's turns, each a list of segments to send. After each but the last, the server waits for a line."""
    turns = [[line] for line in lines]
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        turn = rng.randrange(len(turns))
        text = b"".join(turns[turn])
        at = rng.randint(0, len(text))
        how = rng.choice(("swap", "cut", "double", "split", "insert", "insert", "flip", "drop", "join"))
        if how == "swap":
            other = rng.randrange(len(turns))
            turns[turn], turns[other] = turns[other], turns[turn]
        elif how == "cut":
            turns[turn] = [text[:at]]
        elif how == "double":
            turns[turn] = [text, text]
        elif how == "split":
            turns[turn] = [text[:at], text[at:]]
        elif how == "insert":
            turns[turn] = [text[:at] + rng.choice(DICTIONARY) + text[at:]]
        elif how == "flip" and text:
            at = min(at, len(text) - 1)
            turns[turn] = [text[:at] + bytes([text[at] ^ 1 << rng.randrange(8)]) + text[at + 1:]]
        elif how == "drop":
            turns[turn] = []
        elif how == "join" and turn + 1 < len(turns):
            turns[turn] = [text + b"".join(turns[turn + 1])]
    return turns


def scenario_of(protocol, seed):
    numbers = itertools.count()

    def scenario(s):
        rng = random.Random(f"{seed} {next(numbers)}")
        turns = mutated(rng, marked(protocol))
        ending = rng.choice(("tls", "tls", "tls", "close", "reset", "serve in clear"))
        line = b"x"
        s.socket.settimeout(PATIENCE)
        for number, turn in enumerate(turns):
            for segment in turn:
                s.send(tagged(segment, line))
            if number + 1 < len(turns):
                try:
                    line = s.line()
                except AssertionError as error:  # the relay waits for us
                    raise Gone("silence") from error
        if ending == "reset":
            return s.reset()
        if ending == "close":
            return s.close()
        s.socket.settimeout(5)
        if ending == "tls":
            if s.buffer:
                raise Gone("something else than a ClientHello")
            s.tls(certs.case("good"))
            if not protocol.ask:
                s.send(protocol.offers_not)
        try:
            protocols.serve(s, protocol)
        except AssertionError as error:
            raise Gone("silence") from error
    return scenario


@pytest.mark.slow
@pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
@pytest.mark.parametrize("level", ["secure", "encrypt", "may"])
def test_mutated_dialogues(shim, protocol, level):
    seed = f"{SEED} {protocol.name} {level}"
    started = time.monotonic()
    with Hostile(scenario_of(protocol, seed)) as server, Tap(server.address) as tap:
        shim.guard(tap.port, level, protocol.name, "timeout 5", "greeting-timeout 5")
        result = shim.python(PROGRAM, tap.port, DIALOGUES, stdin=protocol.words, timeout=110)
        tap.wait_closed()
    what = f"RETROTLS_TEST_SEED={SEED}: {time.monotonic() - started:.1f} s\n"
    assert result.status == 0, what + result.show()
    sessions = [json.loads(line) for line in result.out.splitlines()]
    assert len(sessions) == DIALOGUES, what + result.show()
    # The relay survived: it has logged each connection.
    assert len(result.lines) == DIALOGUES, f"{what}{len(result.lines)} log lines"
    assert not any(end == "TimeoutError" for *_, end in sessions), f"{what}a session hung"
    outcomes = [line["result"] for line in result.lines]
    assert outcomes.count("tls") >= 10 and outcomes.count("failed") >= 10, f"{what}{outcomes}"  # the generator works
    assert level == "may" or "plaintext" not in outcomes, f"{what}{outcomes}"
    recordings = {recording.peer[1]: recording for recording in tap.recordings}
    for local, got, _ in sessions:
        recording = recordings[local]
        shown = f"{what}{got!r}\n{recording.up!r}\n{recording.down!r}"
        if level != "may" or first_record(recording.up) is not None:
            assert "MARKED" not in got or "retrotls: " in got, shown
            assert protocols.SECRET not in recording.up and protocols.SENDER not in recording.up, shown


def test_the_generator_repeats_itself():
    """A seed that found a bug must find it again."""
    one, other = (list(mutated(random.Random("x"), marked(SMTP)) for _ in range(3)) for _ in range(2))
    assert one[0] == other[0]
