"""Names under `retrotls --supervise`: programs with resolvers of their own ask a DNS server that the test controls, and the
certificate must be for the name that they asked for. An answer never makes another name acceptable."""
import os
import socket

import pytest
from support import certs, dns, loopback
from support.asking import CONNECT
from support.hostile import Hostile
from support.play import Outcome, honest
from support.protocols import POP3
from support.shim import PROGRAMS, PYTHON, Shim
from support.tap import Tap

pytestmark = dns.needed

MUSL, GLIBC, GO = PROGRAMS / "careless-musl", PROGRAMS / "careless-static", PROGRAMS / "careless-go"
EVERY = pytest.mark.parametrize("program", [
    pytest.param(MUSL, marks=pytest.mark.skipif(not MUSL.exists(), reason="no musl-gcc (musl-tools)"), id="musl"),
    pytest.param(GLIBC, id="glibc"),
    pytest.param(GO, marks=pytest.mark.skipif(not GO.exists(), reason="no go (golang-go)"), id="go")])
ONE = "127.0.0.1"


class Supervised(Shim):
    """Runs programs under a supervisor, where `servers` are the DNS servers."""
    program, servers, how, before = GLIBC, [], {}, ()

    def supervise(self, *words, **options):
        return self.run(*dns.inside(self.folder, self.servers, [self.command, "--supervise", *words], **self.how),
                        preload=False, **options)


@pytest.fixture
def shim(tmp_path):
    return Supervised(tmp_path)


def session(shim, program, host, names, servers, *policy, level="secure", before=(), at=ONE):
    """The program reads its mail from `host`, a server whose certificate is for `names`."""
    shim.servers = [server.address for server in servers]
    with Hostile(honest(POP3, certs.issued(*names))) as server, Tap(server.address, at) as tap:
        shim.guard(tap.port, level, "pop3", *policy)
        result = shim.supervise(*before, program, host, tap.port, stdin=POP3.words)
        tap.wait_closed()
        server.wait_done()
        return Outcome(POP3, result, server, tap, POP3.words)


@EVERY
def test_the_name_asked_is_the_name_checked(shim, program):
    with dns.Server({"mail.example": [ONE]}) as server:
        session(shim, program, "mail.example", ["mail.example"], [server]).upgraded()
        assert "mail.example" in server.names()
        shim.log_file.unlink()
        session(shim, program, "mail.example", ["other.example"], [server]).failed("mail.example")


@EVERY
def test_an_alias_does_not_count(shim, program):
    """The answer says where the alias leads, and anybody may have made the answer."""
    with dns.Server({"mail.example": [">evil.example"], "evil.example": [ONE]}) as server:
        session(shim, program, "mail.example", ["evil.example"], [server]).failed("mail.example")
        shim.log_file.unlink()
        session(shim, program, "mail.example", ["mail.example"], [server]).upgraded()


@pytest.mark.parametrize("program, kind, group", [(MUSL, dns.A, 3), (MUSL, 0x100 + dns.A, 1), (GO, dns.A, 3)],
                         ids=["musl class", "musl type", "go class"])
def test_an_address_that_only_some_programs_take_for_one_counts(shim, program, kind, group):
    """Otherwise a name that leads there in an ordinary way, and that the program has asked for before, would do."""
    if not program.exists():
        pytest.skip(f"no {program.name}")

    def odd(question):
        records = [dns.record(b"\xc0\x0c", kind, socket.inet_aton(ONE), group)] if question.kind == dns.A else []
        return question.answer(*records)

    with dns.Server({"mail.example": odd}) as server:
        session(shim, program, "mail.example", ["mail.example"], [server]).upgraded()
        shim.log_file.unlink()
        session(shim, program, "mail.example", ["other.example"], [server]).failed("mail.example")


@EVERY
def test_what_is_cut_is_asked_for_again_over_tcp(shim, program):
    """musl before 1.2.4 uses what arrived: here, nothing."""
    def whole(question):
        if not question.stream:
            return question.answer(cut=True)
        return question.answer(*server._records(question, "other", b"\xc0\x0c"))

    with dns.Server({"mail.example": whole, "other": [ONE]}) as server:
        outcome = None
        if program != MUSL:
            outcome = session(shim, program, "mail.example", ["mail.example"], [server]).upgraded()
            shim.log_file.unlink()
            session(shim, program, "mail.example", ["other.example"], [server]).failed("mail.example")
            assert ("mail.example", dns.A, True) in server.asked, (server.asked, outcome.show())
        else:
            shim.servers = [server.address]
            shim.policy("")
            assert b"lookup:" in shim.supervise(program, "mail.example", 9).err


@pytest.mark.parametrize("program", [GLIBC, GO], ids=["glibc", "go"])
def test_all_over_tcp(shim, program):
    if not program.exists():
        pytest.skip("no go (golang-go)")
    shim.how = {"options": "options use-vc\n"}
    with dns.Server({"mail.example": [ONE]}) as server:
        session(shim, program, "mail.example", ["mail.example"], [server]).upgraded()
        assert all(stream for _, _, stream in server.asked)
        shim.log_file.unlink()
        session(shim, program, "mail.example", ["other.example"], [server]).failed("mail.example")


@EVERY
def test_a_server_that_refuses_is_passed_over_at_once(shim, program):
    """The kernel reports that nobody listens, as it does without us. Otherwise the program would wait too long."""
    shim.how = {"options": "options timeout:30\n"}
    with dns.Server({}, datagrams=False) as dead, dns.Server({"mail.example": [ONE]}) as server:
        session(shim, program, "mail.example", ["mail.example"], [dead, server]).upgraded()


@EVERY
def test_a_server_that_is_silent_costs_what_it_costs_without_us(shim, program):
    shim.how = {"options": "options timeout:1\n"}
    with dns.Server({}, silent=True) as dead, dns.Server({"mail.example": [ONE]}) as server:
        session(shim, program, "mail.example", ["mail.example"], [dead, server]).upgraded()
        assert "mail.example" in dead.names()


@pytest.mark.parametrize("program", [GLIBC, GO], ids=["glibc", "go"])
def test_a_search_list_does_not_make_another_name_count(shim, program):
    """Whoever runs the network sets the list, and says that the name itself does not exist. musl completes no such names."""
    if not program.exists():
        pytest.skip("no go (golang-go)")
    shim.how = {"search": "evil.example"}
    with dns.Server({"imap.bank.example.evil.example": [ONE]}) as server:
        completed = "imap.bank.example.evil.example"
        session(shim, program, "imap.bank.example", [completed], [server]).failed("imap.bank.example")
        assert completed in server.names()


@EVERY
def test_a_short_name_is_completed(shim, program):
    shim.how = {"search": "example"}
    with dns.Server({"mail.example": [ONE]}) as server:
        session(shim, program, "mail", ["mail.example"], [server]).upgraded()


@EVERY
def test_answers_that_belong_to_no_question_and_malformed_ones_do_not_arrive(shim, program):
    """The program might understand them differently than we do."""
    def forged(question):
        other = dns.Question(question.message.replace(b"\4mail", b"\4evil"), False)
        genuine = question.answer(*server._records(question, "other"))
        return [other.answer(dns.record(b"\xc0\x0c", dns.A, b"\x7f\0\0\2")),
                bytes([genuine[0] ^ 1]) + genuine[1:],
                question.answer(dns.record(b"\xc0\x0c", dns.A, b"\x7f\0\0\2"))[:-1],
                question.answer(dns.record(b"\xc0\x0c", dns.CNAME, b"\xc0\xff")),
                genuine]

    with dns.Server({"mail.example": forged, "other": [ONE]}) as server:
        session(shim, program, "mail.example", ["mail.example"], [server]).upgraded()


# What other processes and threads ask for.

SCRIPT = """
import os, socket, struct, subprocess, sys, threading
host, port = sys.argv[-2], int(sys.argv[-1])
def ask(name):
    socket.getaddrinfo(name, port, socket.AF_INET, socket.SOCK_STREAM)
def in_thread(work, *arguments):
    t = threading.Thread(target=work, args=arguments)
    t.start()
    t.join()
    while len(os.listdir("/proc/self/task")) > 1:  # join() returns before the thread ends
        os.sched_yield()
def in_child(name):
    subprocess.run([sys.executable, "-c", "import socket, sys; socket.getaddrinfo(sys.argv[1], 1)", name], check=True)
""" + CONNECT + """
    sys.stderr.write("read: end of stream\\n")
"""


def script(shim, code, names, server):
    return session(shim, "-", "-", names, [server], before=(PYTHON, "-c", SCRIPT + code))


BANK = {"bank.example": [ONE], "evil.example": [ONE], "www.example": [">evil.example"]}


@pytest.mark.parametrize("code, good", [
    ("ask('bank.example')", ["bank.example"]),
    ("ask('evil.example'); ask('bank.example')", ["bank.example"]),
    ("in_child('evil.example'); ask('bank.example')", ["bank.example"]),
    ("ask('bank.example'); in_child('evil.example')", ["bank.example", "evil.example"]),
    ("in_child('bank.example')", ["bank.example"]),
    ("in_child('evil.example'); in_child('bank.example')", ["bank.example", "evil.example"]),
    ("in_thread(ask, 'evil.example'); ask('bank.example')", ["bank.example"]),
    ("ask('bank.example'); threading.Thread(target=threading.Event().wait, daemon=True).start(); ask('evil.example')",
     ["bank.example", "evil.example"]),
    ("ask('www.example'); ask('evil.example')", ["www.example", "evil.example"]),
], ids=["own", "own later", "child before", "child later", "child alone", "children", "thread before",
        "one of several threads", "what an answer named"])
def test_whose_names_count(shim, code, good):
    """All that the process itself asked for last, while it had one thread, and that anybody has asked for since."""
    end = "; connect()" + ("; os._exit(0)" if "daemon" in code else "")
    with dns.Server(BANK) as server:
        script(shim, code + end, good, server).upgraded()
        for name in good if len(good) > 1 else ["evil.example"]:
            shim.log_file.unlink()
            script(shim, code + end, [name], server).failed()


def test_a_name_that_nobody_asked_for_is_lost(shim):
    with dns.Server(BANK) as server:
        script(shim, "connect()", ["bank.example"], server).failed("cannot be seen from outside")


QUERY = """
def query(name, kind=1):
    return b"\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\\0\\0" + bytes([kind]) + b"\\0\\1"
server = open("/etc/resolv.conf").read().split()[1], 53
mapped = "::ffff:" + server[0], 53
u, u6 = socket.socket(type=socket.SOCK_DGRAM), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
u.settimeout(50)
u6.settimeout(50)
def check(answer, address, expected=server):
    assert answer[:2] == b"\\x12\\x34" and answer[-4:] == b"\\x7f\\0\\0\\1", answer
    assert address[:2] == expected, address
"""


@pytest.mark.parametrize("way", [
    "u.connect(server); u.send(query(NAME)); check(u.recv(512), u.getpeername())",
    "u.connect(server); u.send(query(NAME)); check(*u.recvfrom(512))",
    "u.connect(server); os.write(u.fileno(), query(NAME)); u.setblocking(True); check(*u.recvmsg(512)[::3])",
    "u.connect(server); u.sendmsg([query(NAME)[:9], query(NAME)[9:]]); check(*u.recvfrom(512))",
    "u.sendto(query(NAME), server); check(*u.recvfrom(512))",
    "u.bind(('127.0.0.1', 0)); u.sendto(query(NAME), server); check(u.recv(512), server)",
    "u.setblocking(True); u.sendmsg([query(NAME)], [], 0, server); check(*u.recvmsg(512, 100)[::3])",
    "u.sendmsg([query(NAME)[:7], query(NAME)[7:]], [], 0, server); check(*u.recvmsg(512)[::3])",
    "u6.sendto(query(NAME), mapped); check(*u6.recvfrom(512), mapped)",
    "u6.connect(mapped); u6.send(query(NAME)); check(u6.recv(512), u6.getpeername(), mapped)",
    "t = socket.create_connection(server); t.sendall(struct.pack('!H', len(query(NAME))) + query(NAME)); "
    "f = t.makefile('rb'); check(f.read(struct.unpack('!H', f.read(2))[0]), t.getpeername())",
    "t = socket.create_connection(server); q = struct.pack('!H', len(query(NAME))) + query(NAME); "
    "[t.sendall(bytes([b])) for b in q + q]; f = t.makefile('rb'); "
    "[check(f.read(struct.unpack('!H', f.read(2))[0]), t.getpeername()) for _ in range(2)]",
], ids=["connected", "recvfrom", "write, recvmsg", "pieces", "sendto", "bound", "sendmsg", "sendmsg of pieces", "mapped sendto",
        "mapped", "tcp", "tcp by bytes"])
def test_every_way_to_ask(shim, way):
    """The program still sees the server's address."""
    code = QUERY + f"NAME = 'bank.example'\n{way}\nconnect()"
    with dns.Server(BANK) as server:
        script(shim, code, ["bank.example"], server).upgraded()
        shim.log_file.unlink()
        script(shim, code, ["evil.example"], server).failed("bank.example")
        assert server.names()


def test_the_port_of_a_socket_that_is_served_no_more_is_not_free(shim):
    """Another user's process could take it, and answer what the program asks there. The forwarder serves 300 sockets."""
    code = QUERY + """
def sockets():
    return [line.split()[1:3] for line in open("/proc/net/udp")][1:]
def asks():
    s = socket.socket(type=socket.SOCK_DGRAM)
    s.connect(server)
    s.send(query("bank.example"))
    check(s.recv(512), s.getpeername())
    return s
held = [asks()]
own = "0100007F:%04X" % held[0].getsockname()[1]
first = now = next(there for here, there in sockets() if here == own)
held += [asks() for _ in range(305)]
while now == first:
    seen = sockets()
    now = next(there for here, there in seen if here == own)
    assert any(here == now for here, _ in seen), f"{now} is free"
held[0].connect(server)  # a session that is over must not be taken for this one
more = [asks() for _ in range(305)]
held[0].connect(server)
held[0].send(query("bank.example"))
check(held[0].recv(512), held[0].getpeername())
"""
    with dns.Server(BANK) as server:
        shim.servers = [server.address]
        shim.policy("")
        shim.supervise(PYTHON, "-c", SCRIPT + code, "-", 0).ok()


def test_a_forged_answer_from_the_servers_own_port_does_not_arrive(shim):
    """An attacker who guesses the port of a socket that is not connected: the program would take the answer for the server's."""
    def forged(question):
        port = int(question.name.partition(".")[0])
        bad = question.answer(dns.record(b"\xc0\x0c", dns.A, b"\x7f\0\0\2"))
        server.socket.sendto(bad, (ONE, port))
        return question.answer(dns.record(b"\xc0\x0c", dns.A, b"\x7f\0\0\1"))

    class Any(dict):
        def get(self, name, default=None):
            return forged

    code = QUERY + "u.bind(('', 0))\nu.sendto(query('%d.example' % u.getsockname()[1]), server)\ncheck(*u.recvfrom(512))\n"
    with dns.Server({}) as server:
        server.table = Any()
        shim.servers = [server.address]
        shim.policy("")
        shim.supervise(PYTHON, "-c", SCRIPT + code, "-", 0).ok()


@pytest.mark.parametrize("code", [
    "socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 5353))",
    "socket.socket(type=socket.SOCK_DGRAM).connect(('127.0.0.1', 5355))",
    "socket.socket().connect_ex(('127.0.0.1', 853))",
    "socket.socket(socket.AF_UNIX).connect_ex('/run/dbus/system_bus_socket')",
    "u = socket.socket(type=socket.SOCK_DGRAM); u.connect((server[0], 53)); u.send(b'not DNS')",
    "kill_forwarders()",
], ids=["mDNS", "LLMNR", "DoT", "D-Bus", "not DNS", "no forwarder"])
def test_once_names_may_be_unseen_none_is_known(shim, code):
    """`name` in the policy helps, as the message says."""
    more = """
import contextlib, signal
def forwarders():
    parent = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if (os.readlink(f"/proc/{p}/exe").endswith("/retrotls-supervise") and
                    os.readlink(f"/proc/{p}/ns/mnt") == os.readlink("/proc/self/ns/mnt")):
                parent[p] = open(f"/proc/{p}/stat").read().rpartition(")")[2].split()[1]
    return [int(p) for p in parent if parent[p] in parent]
def kill_forwarders():
    killed = 0
    while found := forwarders():
        for p in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(p, signal.SIGKILL)
                killed += 1
    assert killed
"""
    with dns.Server(BANK) as server:
        code = more + QUERY + code + "\nask('bank.example'); ask('bank.example'); connect()"
        script(shim, code, ["bank.example"], server).failed("cannot be seen from outside")
        shim.log_file.unlink()
        session(shim, "-", "-", ["bank.example"], [server], "name bank.example",
                before=(PYTHON, "-c", SCRIPT + code)).upgraded()


@pytest.mark.parametrize("path", ["/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve"])
def test_services_that_would_look_names_up_are_not_reached(shim, path):
    """Then the program asks DNS itself, as it does where they do not run."""
    code = f"""
path = {path!r}
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
os.makedirs(os.path.dirname(path))
with socket.socket(socket.AF_UNIX) as service, socket.socket(socket.AF_UNIX) as client:
    service.bind(path)
    service.listen()
    try:
        client.connect(path)
    except ConnectionRefusedError:
        print("refused")
"""
    shim.policy("")
    assert shim.supervise(PYTHON, "-c", SCRIPT + code, "-", 0).ok().out == b"refused\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file that counts; test_hosts_file has the others")
@EVERY
def test_a_name_in_the_hosts_file(shim, program):
    """The program reads the file itself. It may have meant another name on the line: they are one host."""
    address = loopback.own_address()
    shim.how = {"hosts": f"127.0.0.1 localhost\n{address} mail.example m\n"}
    with dns.Server({}) as server:
        session(shim, program, "m", ["mail.example"], [server], at=address).upgraded()
        shim.log_file.unlink()
        session(shim, program, "m", ["other.example"], [server], at=address).failed("mail.example")


@EVERY
def test_a_name_in_the_hosts_file_does_not_stand_for_the_one_asked_for(shim, program):
    """A forged answer may lead to its host, and an answer about that host's owner may lead to another's."""
    shim.how = {"hosts": "127.0.0.1 localhost\n127.0.0.1 printer.example\n"}
    with dns.Server({"mail.example": [ONE]}) as server:
        for name in "printer.example", "mail.example":
            session(shim, program, "mail.example", [name], [server]).failed("mail.example")
            shim.log_file.unlink()
        session(shim, program, "mail.example", ["mail.example", "printer.example"], [server]).upgraded()
