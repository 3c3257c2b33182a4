"""Threats H: which name the certificate must have. It is the name that the program itself looked up. We repeat each race
twice, or 500 times with RETROTLS_SOAK=1 (`make soak`)."""
import re
import subprocess

import pytest
from support import certs, faults, namespaces, protocols
from support.hostile import Hostile
from support.play import Outcome, honest, plaintext_only, play
from support.protocols import IMAP
from support.shim import PROGRAMS
from support.tap import Tap

EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
LEVELS = pytest.mark.parametrize("level", ["secure", "encrypt", "may"])

ASKS_TWO = """
import socket, sys
first, second, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
socket.getaddrinfo(first, port, type=socket.SOCK_STREAM)
address = socket.getaddrinfo(second, port, type=socket.SOCK_STREAM)[0][4]
s = socket.socket()
s.connect(address)
stream = s.makefile("rwb", buffering=0)
sys.stdout.buffer.write(stream.readline())
stream.write(sys.stdin.buffer.read())
sys.stdout.buffer.write(stream.read())
"""


@EACH_PROTOCOL
@LEVELS
@pytest.mark.parametrize("certificate_of", ["first", "second"])
def test_h1_two_names_of_one_address(shim, protocol, level, certificate_of):
    """If the address is spoofed, a lookup of the attacker's host (a link in a mail) must not make the attacker's certificate
    valid for the mail server."""
    names = {"first": "attacker.example", "second": "mail.example.org"}
    shim.hosts = {name: ["127.0.0.1"] for name in names.values()}
    with Hostile(honest(protocol, certs.issued(names[certificate_of]))) as server, Tap(server.address) as tap:
        shim.guard(tap.port, level, protocol.name)
        result = shim.python(ASKS_TWO, *names.values(), tap.port, stdin=protocol.words)
        tap.wait_closed()
        server.wait_done()
    tap.never_saw(protocols.SECRET)
    if level == "secure" and certificate_of == "first":
        assert server.over_tls == b"" and b"mail.example.org" in result.out, result.show()
    else:
        assert server.over_tls == protocol.words, result.show()


@EACH_PROTOCOL
@LEVELS
def test_h2_name_is_unknown(shim, protocol, level):
    """A numeric host without a matching IP SAN: the message says which line to add."""
    outcome = play(shim, protocol, honest(protocol, certs.issued("mail.example.org")), level, host="127.0.0.1")
    if level == "secure":
        outcome.failed("name", "mail.example.org")
    else:
        outcome.upgraded()


@EACH_PROTOCOL
def test_h2_the_line_that_the_message_asks_for_helps(shim, protocol):
    play(shim, protocol, honest(protocol, certs.issued("mail.example.org")), "secure", "name mail.example.org",
         host="127.0.0.1").upgraded()


AGAIN = """
import os, socket, sys
how, port = sys.argv[1], int(sys.argv[2])
def session():
    s = socket.create_connection(("localhost", port))
    f = s.makefile("rwb", buffering=0)
    greeting = f.readline()
    f.write(b"a1 LOGIN test S3cret-Passw0rd\\r\\n")
    f.read()
    return greeting
print(session())
if how == "reconnect":
    print(session())
elif how == "fork":
    pid = os.fork()
    if not pid:
        print(session(), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
elif how == "exec":
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-c", sys.argv[3], "once", str(port), ""])
elif how == "thread":
    import threading
    t = threading.Thread(target=lambda: print(session()))
    t.start()
    t.join()
elif how == "fork and exec":
    import subprocess
    sys.stdout.flush()
    subprocess.run([sys.executable, "-c", sys.argv[3], "once", str(port), ""])
"""


@pytest.mark.parametrize("how", ["reconnect", "fork", "exec", "thread", "fork and exec"])
def test_h3_policy_is_applied_again_each_time(shim, how):
    """The first connection is good. On the second, an attacker on the path has a certificate of another host."""
    played = []

    def scenario(s):
        played.append(s)
        protocols.upgrade(s, IMAP, certs.case("good" if len(played) == 1 else "other host"))
        line = s.line()
        s.send(line.split(b" ")[0] + b" OK\r\n")
        s.shut()
    with Hostile(scenario) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", "imap")
        result = shim.python(AGAIN, how, tap.port, AGAIN)
        tap.wait_closed()
        server.wait_done()
    assert len(played) == 2, result.show()
    assert played[0].over_tls.startswith(b"a1 LOGIN") and not played[1].over_tls, result.show()
    assert result.out.count(b"* BYE retrotls:") == 1, result.show()
    tap.never_saw(protocols.SECRET)


# ---- H4 to H8: an attacker has a good certificate for his own host, and DNS gives that host the bank's address

BANK, EVIL = "bank.example", "evil.example"
RUNS = 500 if faults.is_soak() else 2


def each(ways, for_all):
    """Every way with IMAP, and those in `for_all` with each protocol. The name memory does not depend on the protocol."""
    return pytest.mark.parametrize("protocol, way", [
        pytest.param(protocol, ways[way], id=f"{protocol.name}-{way}")
        for protocol in protocols.ALL for way in ways if protocol is IMAP or way in for_all])


PLAY = """
import os, socket, sys, threading
port = int(sys.argv[1])
def ask(name, service=port):
    return socket.getaddrinfo(name, service, type=socket.SOCK_STREAM)
def in_thread(work, *arguments):
    t = threading.Thread(target=work, args=arguments)
    t.start()
    t.join()
def in_child(work, *arguments):
    pid = os.fork()
    if not pid:
        work(*arguments)
        os._exit(0)
    os.waitpid(pid, 0)
def connect():
    s = socket.socket()
    s.connect(("127.0.0.1", port))
    stream = s.makefile("rwb", buffering=0)
    sys.stdout.buffer.write(stream.readline())
    stream.write(sys.stdin.buffer.read())
    sys.stdout.buffer.write(stream.read())
"""


@pytest.fixture
def attacked(shim):
    """Plays a program against a server with a certificate for `names`. True if it got through over TLS; otherwise the program
    has read a failure greeting, and nothing that it wrote has crossed."""
    shim.hosts = {BANK: ["127.0.0.1"], EVIL: ["127.0.0.1"],
                  **{f"n{i}.evil.example": ["127.0.0.1"] for i in range(60)},
                  "huge.evil.example": ["127.0.0.1", *(f"10.1.{i // 250}.{i % 250}" for i in range(299))]}

    def run(protocol, level, code, *names, before="", more=()):
        run.result = None
        with Hostile(honest(protocol, certs.issued(*names))) as server, Tap(server.address) as tap:
            shim.guard(tap.port, level, protocol.name, *more)
            shim.policy(before.format(port=tap.port) + shim.policy_file.read_text())
            run.result = shim.python(PLAY + code, tap.port, stdin=protocol.words)
            tap.wait_closed()
            server.wait_done()
        tap.never_saw(protocols.SECRET)
        assert run.result.status == 0, run.result.show()
        assert server.over_tls in (b"", protocol.words), run.result.show()
        assert (server.over_tls == b"") == (b"retrotls: " in run.result.out), run.result.show()
        return server.over_tls != b""
    return run


# This thread looked up the attacker's host long ago (a link in a mail). A thread or child that resolves for it looked up the
# bank's.
SOMEBODY_ELSE_ASKS = {"thread": "ask('evil.example'); in_thread(ask, 'bank.example'); connect()",
                      "child": "ask('evil.example'); in_child(ask, 'bank.example'); connect()",
                      "without a port": "ask('evil.example'); in_thread(ask, 'bank.example', None); connect()",
                      "the other way round": "ask('bank.example'); in_thread(ask, 'evil.example'); connect()",
                      "one resolver for both": "in_thread(lambda: (ask('bank.example'), ask('evil.example'))); connect()"}


@each(SOMEBODY_ELSE_ASKS, ["thread", "child"])
@LEVELS
def test_h4_somebody_else_in_the_program_asks_for_the_bank(attacked, protocol, level, way):
    """Nobody can tell which of the two is meant, so the attacker's certificate alone is not enough."""
    assert attacked(protocol, level, way, EVIL) == (level != "secure")
    if level == "secure":
        assert BANK.encode() in attacked.result.out, attacked.result.show()
    assert attacked(protocol, level, way, EVIL, BANK)


IT_IS_KNOWN = {"last": "ask('evil.example'); ask('bank.example'); connect()",
               "after a thread": "in_thread(ask, 'evil.example'); ask('bank.example'); connect()",
               "after a child": "in_child(ask, 'evil.example'); ask('bank.example'); connect()",
               "by a thread": "in_thread(ask, 'bank.example'); connect()"}


@each(IT_IS_KNOWN, ["after a thread"])
@LEVELS
def test_h4_the_bank_that_is_known_to_be_meant_is_reached(attacked, protocol, level, way):
    assert attacked(protocol, level, way, BANK)


def test_h4_the_line_that_the_policy_needs(attacked):
    """A program with a resolver thread, and a bank's server that shares its address."""
    assert attacked(IMAP, "secure", SOMEBODY_ELSE_ASKS["thread"], BANK, more=[f"name {BANK}"])
    assert not attacked(IMAP, "secure", SOMEBODY_ELSE_ASKS["thread"], EVIL, more=[f"name {BANK}"])


OVERFLOW = {
    "300 addresses of one name": "in_thread(ask, 'huge.evil.example')",
    "1000 lookups": "in_thread(lambda: [ask(f'n{i % 60}.evil.example', 1 + i) for i in range(1000)])",
    "300 threads": "[in_thread(ask, 'evil.example') for i in range(300)]",
    "300 children": "[in_child(ask, 'evil.example') for i in range(300)]",
}


@each(OVERFLOW, ["300 addresses of one name"])
@LEVELS
def test_h5_memory_of_names_overflows(attacked, protocol, level, way):
    """The attacker's answers may push out the name that is meant."""
    code = f"in_thread(ask, 'bank.example'); {way}; in_thread(ask, 'evil.example'); connect()"
    assert attacked(protocol, level, code, EVIL) == (level != "secure")
    if level == "secure":
        assert re.search(rb"is lost \(too many names.*'match address 127.0.0.1 port \d+' with 'name HOST'|bank.example",
                         attacked.result.out), attacked.result.show()


@each(OVERFLOW, ["300 addresses of one name"])
def test_h5_what_this_thread_asks_for_afterwards_counts(attacked, protocol, way):
    code = f"ask('evil.example'); {way}; ask('bank.example'); connect()"
    assert attacked(protocol, "secure", code, BANK)
    assert not attacked(protocol, "secure", code, EVIL)
    assert not attacked(protocol, "secure", f"ask('bank.example'); {way}; connect()", EVIL)


# A rule for a name other than the one meant, before the rule that guards the port.
ANOTHERS = {"none": "match host evil.example huge.evil.example *.evil.example port {port}\n    level none\n",
            "may": "match host evil.example port {port}\n    level may\n",
            "name": "match host evil.example port {port}\n    name evil.example\n"}


# H5 shows what makes the memory overflow; here it matters that it has.
@each({**SOMEBODY_ELSE_ASKS, **{name: f"in_thread(ask, 'bank.example'); {OVERFLOW[name]}; in_thread(ask, 'evil.example'); connect()"
                               for name in ("300 addresses of one name", "1000 lookups")}}, ["thread", "300 addresses of one name"])
@pytest.mark.parametrize("level", ["secure", "encrypt"])
@pytest.mark.parametrize("anothers", ANOTHERS)
def test_h6_rule_of_a_name_that_may_not_be_meant(attacked, protocol, level, anothers, way):
    """The strictest rule of all names that may be meant applies: never plaintext, never the attacker's certificate alone."""
    before = ANOTHERS[anothers] + f"    protocol {protocol.name}\n"
    through = attacked(protocol, level, way, EVIL, before=before)
    assert not through or (level == "encrypt" and anothers != "name"), attacked.result.show()
    assert all(line["result"] != "plaintext" for line in attacked.result.lines), attacked.result.show()
    assert attacked.result.lines, attacked.result.show()  # the connection was guarded


@EACH_PROTOCOL
@pytest.mark.parametrize("by", ["this thread", "a thread"])
def test_h6_name_that_was_asked_for_with_another_port(attacked, protocol, by):
    """A rule for the bank also applies if the program passes the resolver another port than the one it connects to."""
    code = {"this thread": "ask('bank.example', port ^ 1); connect()",
            "a thread": "in_thread(ask, 'bank.example', port ^ 1); connect()"}[by]
    before = f"match host !{BANK} port {{port}}\n    level none\n    protocol {protocol.name}\n"
    assert not attacked(protocol, "secure", code, EVIL, before=before)
    assert attacked(protocol, "secure", code, BANK, before=before)
    assert [line["result"] for line in attacked.result.lines] == ["failed", "tls"], attacked.result.show()


# A name from an answer, which the program then looks up.
DERIVED = {
    "ai_canonname": "n = socket.getaddrinfo('bank.example', port, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)[0][3]",
    "h_name": """
import ctypes
class Host(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p)]
call = ctypes.CDLL(None).gethostbyname
call.restype = ctypes.POINTER(Host)
n = call(b"bank.example").contents.name.decode()
""",
    "MX": """
import ctypes
answer = ctypes.create_string_buffer(1024)
length = ctypes.CDLL(None).res_query(b"bank.example", 1, 15, answer, 1024)
assert length > 0, length
at, labels = answer.raw.index(b"\\0\\x0a", 40) + 2, []
while answer.raw[at]:
    labels.append(answer.raw[at + 1:at + 1 + answer.raw[at]].decode())
    at += 1 + answer.raw[at]
n = ".".join(labels)
""",
    "getnameinfo": """
import ctypes, struct
ask('bank.example')  # socket.getnameinfo() would look the address up forwards first
address = struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + bytes([127, 0, 0, 1]) + bytes(8)
host = ctypes.create_string_buffer(256)
assert ctypes.CDLL(None).getnameinfo(address, len(address), host, 256, None, 0, 0) == 0
n = host.value.decode()
""",
    "gethostbyaddr": """
import ctypes
class Host(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p)]
call = ctypes.CDLL(None).gethostbyaddr
call.restype = ctypes.POINTER(Host)
ask('bank.example')
n = call(bytes([127, 0, 0, 1]), 4, socket.AF_INET).contents.name.decode()
""",
    "PTR": """
import ctypes
ask('bank.example')
answer = ctypes.create_string_buffer(1024)
length = ctypes.CDLL(None).res_query(b"1.0.0.127.in-addr.arpa", 1, 12, answer, 1024)
assert length > 0, length
at, labels = answer.raw.index(b"\\0\\x0c", 40) + 10, []
while answer.raw[at]:
    labels.append(answer.raw[at + 1:at + 1 + answer.raw[at]].decode())
    at += 1 + answer.raw[at]
n = ".".join(labels)
""",
}


@EACH_PROTOCOL
@LEVELS
@pytest.mark.parametrize("by", DERIVED)
def test_h7_name_out_of_an_answer_is_looked_up_again(attacked, shim, protocol, level, by):
    """Whoever forges the answer chooses the host that the program goes to next. A certificate for that host is not enough."""
    shim.hosts |= {BANK: ["127.0.0.1", f">{EVIL}", f"@{EVIL}"], "ptr:127.0.0.1": [f">{EVIL}"]}
    code = DERIVED[by] + f"\nassert n == {EVIL!r}, n\nask(n); connect()"
    assert attacked(protocol, level, code, EVIL) == (level != "secure")
    if level == "secure":
        assert BANK.encode() in attacked.result.out, attacked.result.show()
    assert attacked(protocol, level, code, BANK, EVIL)


@EACH_PROTOCOL
@pytest.mark.parametrize("by", DERIVED)
def test_h7_answer_about_the_attackers_host_names_the_bank(attacked, shim, protocol, by):
    """The program then looks up the bank. That the bank's name came from an answer does not make any other name valid."""
    shim.hosts[BANK] = ["127.0.0.1"]
    shim.hosts |= {EVIL: ["127.0.0.1", f">{BANK}", f"@{BANK}"], "ptr:127.0.0.1": [f">{BANK}"]}
    code = DERIVED[by].replace(BANK, EVIL) + f"\nassert n == {BANK!r}, n\nask(n); connect()"
    assert not attacked(protocol, "secure", code, EVIL)


@EACH_PROTOCOL
def test_h7_address_that_was_typed_has_a_name(attacked, shim, protocol):
    """The program looks up the name of the address, then that name. But the user typed the address."""
    shim.hosts["ptr:127.0.0.1"] = [f">{EVIL}"]
    code = DERIVED["getnameinfo"].replace("ask('bank.example')", "") + "\nask(n); connect()"
    assert not attacked(protocol, "secure", code, EVIL)
    assert b"127.0.0.1" in attacked.result.out, attacked.result.show()


@EACH_PROTOCOL
def test_h7_mail_exchanger_that_the_policy_names(attacked, shim, protocol):
    """A policy that names an exchanger accepts the exchanger's own certificate. A pattern that matches everything does not."""
    shim.hosts = {"partner.example": [f"@mx1.{EVIL}"], f"mx1.{EVIL}": ["127.0.0.1"]}
    code = DERIVED["MX"].replace(BANK, "partner.example") + "\nask(n); connect()"
    lines = f"    protocol {protocol.name}\n    level secure\n    ca-file {certs.authority().pem}\n"
    for pattern, through in [(f"mx?.{EVIL}", True), (f".{EVIL}", True), ("*", False), ("partner.example", False)]:
        before = "match host " + pattern + " port {port}\n" + lines
        assert attacked(protocol, "secure", code, f"mx1.{EVIL}", before=before) == through, attacked.result.show()
    before = f"match host mx1.{EVIL} port {{port}}\n" + lines
    assert not attacked(protocol, "secure", code, "partner.example", before=before)


# `level none` for the attacker's host must not put the bank's session into plaintext.
RACED = {"secure": "", "encrypt": ANOTHERS["none"]}
ATTACKS = 16


@pytest.mark.timeout(4 * 3600 if faults.is_soak() else 180)
@pytest.mark.parametrize("level", RACED)
def test_h4_to_h7_lookups_that_race(attacked, shim, level):
    """The attacks, each of their two lookups begun before the other is answered. Every run counts in which it was."""
    program = PROGRAMS / "raced_names"
    shim.hosts |= {BANK: ["127.0.0.1", f">{EVIL}", f"@{EVIL}"], "ptr:127.0.0.1": [f">{EVIL}"]}
    attacks = shim.run(program, preload=False).ok().out.decode().splitlines()
    assert len(attacks) == ATTACKS
    with Hostile(honest(IMAP, certs.issued(EVIL))) as server, Tap(server.address) as tap:
        shim.guard(tap.port, level, IMAP.name)
        shim.policy(RACED[level].format(port=tap.port) + shim.policy_file.read_text())
        over_tls = 0
        for attack in attacks:
            result = shim.run(program, tap.port, RUNS, attack, timeout=120 + 10 * RUNS).ok()
            programs, raced, through = map(int, re.findall(rb"\d+", result.out))
            if faults.is_soak():
                print(f"{level}, {attack}: {programs} programs, {raced} raced, {through} through", flush=True)
            assert raced == RUNS and (through == 0 or level == "encrypt"), result.show()
            over_tls += through
        tap.wait_closed()
        server.wait_done()
    outcomes = [line["result"] for line in shim.log_lines()]  # where names were lost, the library refuses by itself
    assert len(outcomes) == RUNS * ATTACKS and set(outcomes) <= {"failed", "tls"}
    assert outcomes.count("tls") == over_tls
    tap.never_saw(protocols.SECRET)
    tap.saw_only_tls_after(IMAP.preamble)
    assert (server.over_tls == b"") == (level == "secure")


USUAL = {"imap": 143, "pop3": 110, "smtp": 25, "nntp": 119, "sieve": 4190, "lmtp": 24}


def to_loopback(shim, protocol, level, scenario, host):
    """A session at the protocol's usual port on a loopback address. No block of the policy names it."""
    with Hostile(scenario) as server, Tap(server.address, port=USUAL[protocol.name]) as tap:
        shim.policy(f"level {level}\nca-file {certs.authority().pem}\n")
        shim.log_file.unlink(missing_ok=True)
        result = shim.careless(host, tap.port, protocol.words)
        tap.wait_closed()
        server.wait_done()
    return Outcome(protocol, result, server, tap, protocol.words)


# A lookup with another port, and programs that look up a numeric address, in any thread.
H8_LOOKUPS = ["ask('bank.example', port ^ 1)",
              "ask('bank.example'); ask('127.0.0.1')",
              "ask('bank.example', None); ask('127.1', None); ask('0.0.0.0', None)",
              "in_child(ask, 'bank.example'); ask('127.0.0.1')"]

UDP = "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
OWN_RESOLVER = [UDP + "u.connect(('127.0.0.1', 53))",
                "in_child(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'?', ('::1', 53)))",
                UDP + "u.sendmsg([b'?'], [], 0, ('127.0.0.1', 53)); ask('127.0.0.1')",
                "socket.socket().connect_ex(('127.0.0.1', 853))"]


@namespaces.needed("net")
@pytest.mark.parametrize("protocol, address", [
    pytest.param(protocol, address, id=f"{protocol.name}-{address}")
    for protocol in protocols.ALL for address in ("127.0.0.1", "0.0.0.0", "::ffff:0.0.0.0")
    if protocol is IMAP or address[0] != ":"])
def test_h8_host_that_spoofed_dns_leads_to_loopback(shim, protocol, address):
    """Another user of this machine listens there, and the exemption for loopback addresses must not help him. connect() treats
    the unspecified address as loopback, too."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    shim.hosts = {BANK: [address], "mail.localhost": ["127.0.0.1"]}
    evil = honest(protocol, certs.issued(EVIL))
    to_loopback(shim, protocol, "secure", evil, BANK).failed(BANK)
    to_loopback(shim, protocol, "encrypt", evil, BANK).upgraded()
    to_loopback(shim, protocol, "secure", plaintext_only(protocol), BANK).failed("not offered")
    to_loopback(shim, protocol, "encrypt", plaintext_only(protocol), BANK).failed("not offered")
    to_loopback(shim, protocol, "may", plaintext_only(protocol), BANK).in_clear()
    to_loopback(shim, protocol, "secure", honest(protocol, certs.issued(BANK)), BANK).upgraded()
    for way in H8_LOOKUPS:
        shim.log_file.unlink(missing_ok=True)
        with Hostile(plaintext_only(protocol)) as server, Tap(server.address, port=USUAL[protocol.name]) as tap:
            result = shim.python(PLAY + f"{way}; connect()", tap.port, stdin=protocol.words)
            tap.wait_closed()
            server.wait_done()
        outcome = Outcome(protocol, result, server, tap, protocol.words)
        assert b"TLS not offered by bank.example" in result.ok().out, way + outcome.show()
        assert [line["result"] for line in result.lines] == ["failed"], way + outcome.show()
        outcome.nothing_leaked()
    # Whoever asked a DNS server without libc may have the address from there.
    for way in OWN_RESOLVER if protocol is IMAP and address == "127.0.0.1" else []:
        shim.log_file.unlink(missing_ok=True)
        with Hostile(plaintext_only(protocol)) as server, Tap(server.address, port=USUAL[protocol.name]) as tap:
            result = shim.python(PLAY + f"{way}; connect()", tap.port, stdin=protocol.words)
            tap.wait_closed()
            server.wait_done()
        outcome = Outcome(protocol, result, server, tap, protocol.words)
        assert b"TLS not offered by 127.0.0.1" in result.ok().out, way + outcome.show()
        assert [line["result"] for line in result.lines] == ["failed"], way + outcome.show()
        outcome.nothing_leaked()
    # A program that asks for this machine reaches it as usual, and the log says that it is not guarded.
    for host in ("localhost", "mail.localhost", "127.0.0.1"):
        left_alone = to_loopback(shim, protocol, "secure", plaintext_only(protocol), host)
        assert left_alone.tap.up == protocol.words, left_alone.show()
        assert [line["result"] for line in left_alone.result.lines] == ["unguarded"], left_alone.show()
