"""Which name the certificate must have: the rules of the name memory, with a resolver that the test controls.

Each program looks up names and connects in some order. The server's certificate has one or more names, and the test
says whether the session may go on."""
import pytest
from support import certs
from support.asking import CONNECT, IN_THREAD
from support.hostile import Hostile
from support.play import honest, plaintext_only
from support.protocols import IMAP
from support.tap import Tap

PRELUDE = """
import os, socket, sys, threading
port, other = int(sys.argv[1]), int(sys.argv[1]) ^ 1
def ask(name, service=port):
    socket.getaddrinfo(name, service, type=socket.SOCK_STREAM)
""" + IN_THREAD + CONNECT


@pytest.fixture
def session(shim):
    """Runs a program against a server whose certificate has `names`; true if it got through."""
    shim.hosts = {name: ["127.0.0.1"] for name in ("a.example", "b.example", "c.example")}
    shim.hosts["elsewhere.example"] = ["127.0.0.2"]

    def run(code, *names, level="secure", options=()):
        certificate = certs.issued(*names)
        with Hostile(honest(IMAP, certificate)) as server, Tap(server.address) as tap:
            shim.guard(tap.port, level, "imap", *options)
            run.result = shim.python(PRELUDE + code, tap.port, stdin=b"a1 LOGOUT\r\n").ok()
            server.wait_done()
            through = b"a1 LOGOUT" in server.over_tls
        assert through != (b"* BYE retrotls: " in run.result.out), run.result.show()
        return through
    return run


def test_name_asked_is_the_name_checked(session):
    code = "ask('a.example'); connect()"
    assert session(code, "a.example")
    assert not session(code, "b.example")
    assert b"a.example" in session.result.out and b"b.example" in session.result.out


def test_latest_name_asked_in_the_same_thread_wins(session):
    code = "ask('a.example'); ask('b.example'); connect()"
    assert session(code, "b.example")
    assert not session(code, "a.example")


@pytest.mark.parametrize("count, through", [(16, True), (17, False)])
def test_names_that_are_too_many_to_tell_which_one_counts(session, shim, count, through):
    """Each thread looks up one name. The certificate must match all of them, and a message to the relay has room for 16."""
    names = [f"n{number}.example" for number in range(count)]
    shim.hosts |= {name: ["127.0.0.1"] for name in names}
    assert session("".join(f"in_thread(ask, '{name}'); " for name in names) + "connect()", *names) == through
    if not through:
        assert b"is lost (too many names" in session.result.out and b"with 'name HOST'" in session.result.out
        assert session("".join(f"in_thread(ask, '{name}'); " for name in names) + "connect()", *names,
                       options=["name n3.example"])


def test_name_asked_again_is_the_latest(session):
    code = "ask('a.example'); ask('b.example'); ask('a.example'); connect()"
    assert session(code, "a.example")
    assert not session(code, "b.example")


def test_what_another_thread_asked_for_later_must_match_too(session):
    """The other thread may be this thread's resolver."""
    code = "ask('a.example'); in_thread(ask, 'b.example'); connect()"
    assert session(code, "a.example", "b.example")
    assert not session(code, "a.example")
    assert not session(code, "b.example")


def test_what_another_thread_asked_for_before_does_not_count(session):
    code = "in_thread(ask, 'b.example'); ask('a.example'); connect()"
    assert session(code, "a.example")
    assert not session(code, "b.example")


def test_another_thread_may_have_asked(session):
    """As in programs with a resolver thread."""
    code = "in_thread(ask, 'a.example'); connect()"
    assert session(code, "a.example")
    assert not session(code, "b.example")


def test_names_of_different_threads_that_disagree_must_all_match(session):
    code = "in_thread(ask, 'a.example'); in_thread(ask, 'b.example'); connect()"
    assert session(code, "a.example", "b.example")
    assert not session(code, "a.example")
    assert not session(code, "b.example")


def test_all_names_of_a_resolver_thread_must_match(session):
    code = "in_thread(lambda: (ask('a.example'), ask('b.example'))); connect()"
    assert session(code, "a.example", "b.example")
    assert not session(code, "a.example")
    assert not session(code, "b.example")


def test_same_port_goes_before_no_port(session):
    code = "ask('b.example', None); ask('a.example'); connect()"
    assert session(code, "a.example")
    assert not session(code, "b.example")


def test_later_lookup_without_a_port_must_match_too(session):
    """It may be for this connection. Requiring more names is the safe choice."""
    code = "ask('a.example'); ask('b.example', None); connect()"
    assert session(code, "a.example", "b.example")
    assert not session(code, "a.example")
    assert not session(code, "b.example")


def test_other_threads_same_port_and_own_threads_no_port_must_both_match(session):
    code = "ask('b.example', None); in_thread(ask, 'a.example'); connect()"
    assert session(code, "a.example", "b.example")
    assert not session(code, "a.example")
    assert not session(code, "b.example")


def test_lookup_without_a_service_counts_where_none_named_the_port(session):
    code = "ask('a.example', None); connect()"
    assert session(code, "a.example")
    assert not session(code, "b.example")


def test_own_threads_no_port_goes_before_earlier_others_no_port(session):
    code = "in_thread(ask, 'b.example', None); ask('a.example', None); connect()"
    assert session(code, "a.example")
    assert not session(code, "b.example")


def test_others_no_port_that_disagree_must_all_match(session):
    code = "in_thread(ask, 'a.example', None); in_thread(ask, 'b.example', None); connect()"
    assert session(code, "a.example", "b.example")
    assert not session(code, "a.example")


def test_lookup_with_another_port_counts_where_none_had_this(session):
    code = "ask('a.example', other); connect()"
    assert session(code, "a.example")
    assert not session(code, "b.example")
    assert not session("in_thread(ask, 'b.example'); " + code, "b.example")
    assert session("in_thread(ask, 'b.example', other); ask('a.example'); connect()", "a.example")


def test_lookup_of_another_address_does_not_count(session):
    code = "ask('a.example'); ask('elsewhere.example'); connect()"
    assert session(code, "a.example")
    assert not session("ask('elsewhere.example'); connect()", "elsewhere.example")


def test_reverse_lookup_feeds_nothing(session):
    """The owner of an address decides what name it resolves to."""
    code = """
import ctypes, struct
def reverse():  # socket.getnameinfo() would look the address up forwards first
    address = struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + bytes([127, 0, 0, 1]) + bytes(8)
    host = ctypes.create_string_buffer(256)
    assert ctypes.CDLL(None).getnameinfo(address, len(address), host, 256, None, 0, 0) == 0
    return host.value
"""
    assert session(code + "ask('a.example'); reverse(); connect()", "a.example")
    assert not session(code + "assert reverse() != b'127.0.0.1'; connect()", "localhost")


def test_nobody_asked_and_the_message_says_which_line_to_add(session):
    assert not session("connect()", "a.example")
    assert b"name" in session.result.out
    assert session("connect()", "a.example", options=["name a.example"])


def test_gethostbyname_counts(session):
    code = "socket.gethostbyname('a.example'); connect()"
    assert session(code, "a.example")
    assert not session(code, "b.example")


def test_child_inherits_the_names(session):
    code = "ask('a.example')\npid = os.fork()\nif not pid: connect(); os._exit(0)\nos.waitpid(pid, 0)"
    assert session(code, "a.example")
    assert not session(code, "b.example")


def test_resolver_child_answers_for_its_parent(session):
    """Some programs look up names in a forked child, so that they do not block."""
    code = "pid = os.fork()\nif not pid: ask('a.example'); os._exit(0)\nos.waitpid(pid, 0); connect()"
    assert session(code, "a.example")
    assert not session(code, "b.example")


def test_upper_case_and_trailing_dot_are_the_same_name(session, shim):
    shim.hosts["A.EXAMPLE."] = ["127.0.0.1"]
    assert session("ask('A.EXAMPLE.'); connect()", "a.example")


# The program looks up the server's name; then the name is lost in one of these ways.
LOSE = {
    # An answer with more addresses than we remember. Whoever can forge the server's answer can send one.
    "huge answer": "in_thread(ask, 'huge.example')",
    # More names of that address than a list has room for, each looked up by a different thread.
    "many names": "[in_thread(ask, f'n{i}.example') for i in range(20)]",
    # So many lookups that they push the name out.
    "pushed out": "in_thread(lambda: [ask(f'n{i % 20}.example', i + 1) for i in range(1000)])",
}


@pytest.mark.parametrize("way", LOSE)
@pytest.mark.parametrize("rule", ["match host mail.example port {port}\n level secure\n",
                                  "match host !mail.example port {port}\n level none\n"
                                  "match port {port}\n level secure\n"], ids=["guards", "excludes"])
def test_name_that_was_lost_may_be_the_one_that_the_policy_guards(shim, way, rule):
    """Whoever answers the program's lookups must not be able to choose which rule applies."""
    shim.hosts = {"mail.example": ["127.0.0.1"], **{f"n{i}.example": ["127.0.0.1"] for i in range(20)},
                  "huge.example": [f"10.1.{i // 250}.{i % 250}" for i in range(400)]}
    with Hostile(plaintext_only(IMAP)) as server, Tap(server.address) as tap:
        shim.policy(rule.format(port=tap.port) + " protocol imap\n")
        result = shim.python(PRELUDE + f"in_thread(ask, 'mail.example')\n{LOSE[way]}\ntry: connect()\n"
                             "except OSError as e: print(e)", tap.port, stdin=b"a1 LOGOUT\r\n").ok()
    assert b"LOGOUT" not in tap.up and [line["result"] for line in result.lines] == ["failed"], result.show()
    assert "is lost (too many names" in result.log and f"'match address 127.0.0.1 port {tap.port}'" in result.log, result.show()
