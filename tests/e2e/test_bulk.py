"""Much data, many connections: byte-identical, and nothing lost at the end."""
import hashlib
import random
import time

import pytest
from support import certs, protocols
from support.hostile import Hostile
from support.protocols import IMAP, SMTP
from support.servers.dovecot import message
from support.shim import PYTHON
from support.tap import Tap

SIZE = 50 << 20


def large_text():
    """Lines of random hex digits, which no encoding changes in transit. Some begin with a dot."""
    rng = random.Random(1)
    lines, size = [], 0
    while size < SIZE:
        line = (b"." if rng.random() < 0.01 else b"") + rng.randbytes(36).hex().encode()
        lines.append(line)
        size += len(line) + 2
    return b"\r\n".join(lines) + b"\r\n"


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_50_mb_down(shim, dovecot, protocol):
    mail = b"From: a@example.org\r\nSubject: large\r\n\r\n" + large_text()
    user = dovecot.mailbox(mail)
    with Tap(dovecot.at(protocol), keep=False) as tap:
        shim.guard(tap.port, "secure", protocol)
        shim.hosts = {"mail.example.org": ["127.0.0.1"]}
        url = {"imap": f"imap://mail.example.org:{tap.port}/INBOX;MAILINDEX=1", "pop3": f"pop3://mail.example.org:{tap.port}/1"}
        result = shim.run("curl", "-sS", "-u", f"{user}:secret", url[protocol], "-o", "got", timeout=100).ok()
        tap.wait_closed()
    got = (shim.folder / "got").read_bytes()
    assert hashlib.sha256(got).digest() == hashlib.sha256(mail).digest(), f"{len(got)} bytes\n{result.show()}"
    assert tap.count["server to program"] > SIZE


@pytest.mark.slow
def test_50_mb_up(shim, exim):
    text = large_text().replace(b"\r\n", b"\n")
    (shim.folder / "mail").write_bytes(b"From: a@example.org\nSubject: large\n\nBEGIN-OF-LARGE\n" + text +
                                       b"END-OF-LARGE\n")
    with Tap(exim.at("smtp"), keep=False) as tap:
        shim.guard(tap.port, "secure", "smtp")
        shim.hosts = {"mail.example.org": ["127.0.0.1"]}
        shim.run("curl", "-sS", "-u", "test:secret", f"smtp://mail.example.org:{tap.port}", "--mail-from", "a@example.org",
                 "--mail-rcpt", "b@localhost", "--crlf", "-T", "mail", timeout=100).ok()
        tap.wait_closed()
    mailbox = exim.wait_for_message(b"END-OF-LARGE\n")
    got = mailbox.partition(b"BEGIN-OF-LARGE\n")[2].partition(b"END-OF-LARGE\n")[0]
    assert hashlib.sha256(got).digest() == hashlib.sha256(text).digest(), f"{len(got)} of {len(text)} bytes"


MANY = """
import imaplib, sys, threading
port, users = int(sys.argv[1]), sys.argv[2:]
gate, got = threading.Barrier(len(users)), {}
def session(user):
    gate.wait()
    c = imaplib.IMAP4("localhost", port)
    c.login(user, "secret")
    c.select()
    gate.wait()  # all are open at once
    got[user] = c.fetch("1", "(RFC822.TEXT)")[1][0][1].decode().strip()
    c.logout()
threads = [threading.Thread(target=session, args=(user,)) for user in users]
for t in threads: t.start()
for t in threads: t.join()
for user in users:
    print(user, got.get(user))
"""


def test_20_connections_at_once_from_one_program(shim, dovecot):
    """Each thread gets its own mail: no answer goes astray."""
    texts = [f"text of number {number}" for number in range(20)]
    users = [dovecot.mailbox(message("hello", text)) for text in texts]
    with Tap(dovecot.at("imap")) as tap:
        shim.guard(tap.port, "secure", "imap")
        result = shim.python(MANY, tap.port, *users).ok()
        assert result.out.decode().splitlines() == [f"{u} {t}" for u, t in zip(users, texts)], result.show()
        tap.wait_closed()
    assert len(tap.recordings) == 20
    tap.saw_only_tls_after(IMAP.preamble)
    tap.never_saw(b"secret", b"text of number")


@pytest.mark.parametrize("end", ["close", "exit", "kill"])
def test_server_gets_all_that_was_written_before_the_program_ended(shim, end):
    """The program's last write is its last act: no reading, no waiting."""
    code = f"""
import os, signal, socket, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
s.makefile().readline()
data = b"EHLO me\\r\\n" + b"x" * 1_000_000 + b"END"
s.sendall(data)
if "{end}" == "close": s.close()
elif "{end}" == "kill": os.kill(os.getpid(), signal.SIGKILL)
os._exit(0)
"""
    ended = []

    def scenario(s):
        protocols.upgrade(s, SMTP, certs.case("good"))
        time.sleep(0.3)  # a slow server: the program ends long before the server reads the data
        s.line()
        s.send(SMTP.offers_not)
        s.rest()
        ended.append(len(s.over_tls))
    with Hostile(scenario) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "smtp")
        shim.run(PYTHON, "-c", code, tap.port)
        server.wait_done()
    assert server.over_tls == b"EHLO me\r\n" + b"x" * 1_000_000 + b"END", f"{ended} bytes of 1000012 arrived"


@pytest.mark.slow
def test_slow_reader_holds_up_the_server_not_memory(shim):
    """Backpressure: the relay does not collect what the program does not read."""
    from test_threats_f import memory_is_bounded
    sent = []

    def scenario(s):
        protocols.upgrade(s, IMAP, certs.case("good"))
        s.line()
        digest = hashlib.sha256()
        block = random.Random(2).randbytes(1 << 20)
        for _ in range(40):
            s.send(block)
            digest.update(block)
        sent.append(digest.hexdigest())
        s.shut()
    code = """
import hashlib, socket, sys, time
s = socket.create_connection(("localhost", int(sys.argv[1])))
f = s.makefile("rb", buffering=0)
f.readline()
s.sendall(b"a1 FETCH\\r\\n")
print("asked", flush=True)
sys.stdin.readline()
digest = hashlib.sha256()
while True:
    data = s.recv(1 << 16)
    if not data: break
    digest.update(data)
print(digest.hexdigest())
"""
    with Hostile(scenario) as server, Tap(server.address, keep=False) as tap:
        shim.guard(tap.port, "secure", "imap")
        process = shim.popen(PYTHON, "-c", code, tap.port, stdin=-1)
        assert process.stdout.readline() == b"asked\n"
        count = -1
        while count != tap.count["server to program"]:  # until no more data moves
            count = tap.count["server to program"]
            time.sleep(0.5)
        assert count < 30 << 20, "the relay swallowed it all"
        memory_is_bounded()
        result = shim.finish(process, b"\n")
        server.wait_done()
    assert result.out.decode().strip() == sent[0], result.show()
