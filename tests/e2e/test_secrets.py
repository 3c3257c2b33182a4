"""A password passes through the relay, and nothing of it stays: not in its memory while the connection is idle, nor
after a refusal, and not in the log."""
import re
from pathlib import Path

import pytest
from support import certs, protocols
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP
from support.shim import PYTHON
from support.wait import wait_for

# The password is put together by the program, so that no command line or script of the test's holds it.
SECRET = b"hunter2" + b"-" + b"correct horse battery"
PROGRAM = """
import socket, sys, time
secret = b"hunter2" + b"-" + b"correct horse battery"
s = socket.create_connection(("localhost", int(sys.argv[1])))
f = s.makefile("rwb", buffering=0)
f.readline()
f.write(b'a1 LOGIN me "' + secret + b'"\\r\\n')
"""


def found_in_memory(pid, wanted):
    """Where in the process's own memory `wanted` stands."""
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
                continue  # a guard page, or what the kernel keeps for itself
            found += [f"{line}: {content[max(at.start() - 30, 0):at.end() + 20]}"
                      for at in re.finditer(re.escape(wanted), content)]
    return found


@pytest.mark.parametrize("level", ["encrypt", "secure"])
def test_password_does_not_stay_in_the_relay(shim, level):
    """encrypt: an open session, idle; secure: refused, as no root is trusted, and the program writes on."""
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


def test_mail_does_not_stay_in_the_relay(shim):
    """What the server sent is wiped from where OpenSSL decrypted it, once it has been passed on."""
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
