"""A password passes through the relay and leaves no trace: not in the relay's memory while the connection is idle or after
a refusal, and not in the log."""
import functools
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from support import certs, protocols
from support.hostile import Hostile, handshake_with_both_certificates
from support.play import honest
from support.protocols import IMAP
from support.shim import PYTHON
from support.wait import wait_for

# The program puts the password together, so that no command line or script contains it.
SECRET = b"hunter2" + b"-" + b"correct horse battery"
PROGRAM = """
import socket, sys, time
secret = b"hunter2" + b"-" + b"correct horse battery"
s = socket.create_connection(("localhost", int(sys.argv[1])))
f = s.makefile("rwb", buffering=0)
f.readline()
f.write(b'a1 LOGIN me "' + secret + b'"\\r\\n')
"""
# For each line of standard input, one session that stays open.
SESSIONS_OPEN = """
import socket, sys
opened = []
for port in sys.stdin:
    opened.append(socket.create_connection(("localhost", int(port))))
    print(opened[-1].makefile("rb").readline().decode(), end="", flush=True)
"""


def found_in_memory(pid, wanted):
    """The places in the process's writable memory that contain `wanted`."""
    found = []
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end, access = re.match(r"([0-9a-f]+)-([0-9a-f]+) (....)", line).groups()
            if not access.startswith("rw"):
                continue
            try:
                memory.seek(int(begin, 16))
                content = memory.read(int(end, 16) - int(begin, 16))
            except OSError:
                continue  # a guard page, or reserved by the kernel
            found += [f"{line}: {content[max(at.start() - 30, 0):at.end() + 20]}"
                      for at in re.finditer(re.escape(wanted), content)]
    return found


@pytest.mark.parametrize("level", ["encrypt", "secure"])
def test_password_does_not_stay_in_the_relay(shim, level):
    """encrypt: an open, idle session. secure: refused, because no trusted root matches, and the program writes anyway."""
    shim.private_build()
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, level, "imap", ca=certs.case("self-signed").pem if level == "secure" else None)
        code = PROGRAM + ("f.readline()\n" if level == "encrypt" else "f.read()\n") + """
print("done", flush=True)
sys.stdin.readline()
"""
        process = shim.popen(PYTHON, "-c", code, server.port, stdin=-1)
        assert process.stdout.readline() == b"done\n", process.stderr.read()
        relay, = shim.relays()
        assert found_in_memory(process.pid, SECRET), "the search finds nothing even where it is"
        wait_for(lambda: not found_in_memory(relay, SECRET), "the password to leave the relay's memory")
        assert not found_in_memory(relay, SECRET[8:])
        shim.finish(process, b"\n")
        assert (SECRET in server.over_tls) == (level == "encrypt")
        wait_for(lambda: not shim.relays(), "the relay to end")
    log = shim.log_file.read_bytes()
    assert b"result=" in log and b"hunter2" not in log and b"LOGIN" not in log, log


def test_what_a_server_echoes_enters_no_log(shim):
    """In plaintext, as the level `may` allows. The relay sees password and answer, but keeps and logs neither."""
    shim.private_build()

    def scenario(server):
        protocols.greet(server, IMAP, offer=False)
        line = server.line()
        while b"LOGIN" not in line:
            server.send(protocols.tagged(IMAP.offers_not, line))
            line = server.line()
        server.send(b"a1 NO " + line + b" is wrong\r\n")
        server.line()
    code = PROGRAM + """
f.readline()
print("done", flush=True)
sys.stdin.readline()
f.write(b"a2 AUTHENTICATE PLAIN " + __import__("base64").b64encode(b"\\0me\\0" + secret) + b"\\r\\n")
"""
    with Hostile(scenario) as server:
        shim.guard(server.port, "may", "imap")
        process = shim.popen(PYTHON, "-c", code, server.port, stdin=-1)
        assert process.stdout.readline() == b"done\n", process.stderr.read()
        relay, = shim.relays()
        wait_for(lambda: not found_in_memory(relay, SECRET), "the password to leave the relay's memory")
        shim.finish(process, b"\n")
        wait_for(lambda: not shim.relays(), "the relay to end")
    log = shim.log_file.read_bytes()
    assert b"result=plaintext" in log and b"hunter2" not in log and b"wrong" not in log, log


@pytest.mark.parametrize("kind", ["ec", "rsa2048"])
def test_key_of_a_client_certificate_does_not_stay_in_the_relay(shim, kind):
    """Once the handshake is over, the key is in memory neither as in its file nor decoded, also after a second connection."""
    shim.private_build()
    own = certs.issued("client.example.org", usage=ExtendedKeyUsageOID.CLIENT_AUTH, key=kind)
    key = shim.folder / "client.key"
    key.write_bytes(Path(own.key).read_bytes())
    key.chmod(0o600)
    private = serialization.load_pem_private_key(key.read_bytes(), None).private_numbers()
    numbers = [private.private_value] if kind == "ec" else [private.d, private.p, private.q, private.dmp1, private.iqmp]
    text = key.read_bytes().splitlines()
    forms = [text[1][:40], text[2][:40]]
    for number in numbers:  # in the byte order of the file, and in that of OpenSSL's arithmetic
        big = number.to_bytes((number.bit_length() + 7) // 8, "big")
        forms += [big[:24], big[::-1][:24]]

    def scenario(s):
        s.tls = functools.partial(handshake_with_both_certificates, s)
        honest(IMAP)(s)
    with Hostile(scenario) as server:
        shim.guard(server.port, "secure", "imap", f"client-cert {own.pem}", f"client-key {key}")
        process = shim.popen(PYTHON, "-c", SESSIONS_OPEN, stdin=-1)
        for _ in range(2):
            process.stdin.write(b"%d\n" % server.port)
            process.stdin.flush()
            assert process.stdout.readline().startswith(b"* OK"), process.stderr.read()
            relay, = shim.relays()
            assert [found for form in forms for found in found_in_memory(relay, form)] == []
        shim.finish(process).ok()
    assert [line["result"] for line in shim.log_lines()] == ["tls", "tls"]


def test_mail_does_not_stay_in_the_relay(shim):
    """Once the relay has passed on the server's data, it wipes the memory into which OpenSSL decrypted it."""
    shim.private_build()
    mail = b"a love letter that is nobody's business\r\n" * 5000

    def scenario(server):
        protocols.upgrade(server, IMAP, certs.case("good"))
        server.line()
        server.send(mail)
        protocols.serve(server, IMAP)
    with Hostile(scenario) as server:
        shim.guard(server.port, "secure", "imap")
        code = PROGRAM + f"""
left = {len(mail)}
while left:
    left -= len(s.recv(min(left, 65536)))
print("done", flush=True)
sys.stdin.readline()
"""
        process = shim.popen(PYTHON, "-c", code, server.port, stdin=-1)
        assert process.stdout.readline() == b"done\n", process.stderr.read()
        relay, = shim.relays()
        wait_for(lambda: not found_in_memory(relay, mail[:30]), "the mail to leave the relay's memory")
        shim.finish(process, b"\n")


def test_what_the_server_says_of_itself_does_not_stay_in_the_relay(shim):
    """This is while the relay still looks at each line, in case the program sends its own STARTTLS."""
    shim.private_build()
    news = b"* OK a love letter has come that is nobody's business\r\n"

    def scenario(server):
        protocols.upgrade(server, IMAP, certs.case("good"))
        server.send(news * 20)
        protocols.serve(server, IMAP)
    code = """
import socket, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
f = s.makefile("rb")
for _ in range(21): f.readline()
print("done", flush=True)
sys.stdin.readline()
"""
    with Hostile(scenario) as server:
        shim.guard(server.port, "secure", "imap")
        process = shim.popen(PYTHON, "-c", code, server.port, stdin=-1)
        assert process.stdout.readline() == b"done\n", process.stderr.read()
        relay, = shim.relays()
        assert found_in_memory(process.pid, news[5:30]), "the search finds nothing even where it is"
        wait_for(lambda: not found_in_memory(relay, news[5:30]), "the news to leave the relay's memory")
        shim.finish(process, b"\n")


def test_no_core_and_no_new_privileges(shim):
    shim.private_build()
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "encrypt", "imap")
        process = shim.popen(PYTHON, "-c", PROGRAM + "print('done', flush=True)\nsys.stdin.readline()\n",
                             server.port, stdin=-1)
        assert process.stdout.readline() == b"done\n"
        relay, = shim.relays()
        limits = Path(f"/proc/{relay}/limits").read_text()
        assert re.search(r"Max core file size\s+0\s+0\s", limits), limits
        assert "NoNewPrivs:\t1\n" in Path(f"/proc/{relay}/status").read_text()
        shim.finish(process, b"\n")
