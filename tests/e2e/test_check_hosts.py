"""retrotls check: the ways to name a server, several of them, servers that expect TLS from the first byte, and what the
terminal shows meanwhile."""
import json
import os
import re

import pytest
from support import certs, hostile, loopback
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP
from support.tree import assert_fits, on_terminal, one_line

HOST = "mail.example.org"  # dovecot's, by its certificate


@pytest.fixture(autouse=True)
def servers_may_be_late(monkeypatch):
    monkeypatch.setattr(hostile.Connection, "may_be_tried_for_tls", True)


@pytest.fixture
def shim(shim, dovecot):
    shim.hosts = {HOST: [dovecot.address], "localhost": ["127.0.0.1"]}
    shim.environment["LANG"] = "C"
    return shim


def check(shim, *arguments):
    return shim.run(shim.command, "check", *arguments, preload=False)


def text(result):
    return one_line(result.out.decode("ascii"))


def as_json(shim, status, *arguments):
    result = check(shim, "--json", *arguments)
    assert (result.status, result.err) == (status, b""), result.show()
    return json.loads(result.out)


# ---- naming a server

@pytest.mark.parametrize("words", ["{host}:{port}", "{host} {port}", "imap://{host}:{port}", "IMAP://ada:secret@{host}:{port}/INBOX;UID=1"])
def test_ways_to_name_a_server(shim, dovecot, words):
    """The policy says nothing of the protocol; a URL does."""
    shim.policy(f"ca-file {certs.authority().pem}\nmatch protocol imap host {HOST} port {dovecot.ports['imap']}\n    level encrypt\n")
    found, = as_json(shim, 0, *words.format(host=HOST, port=dovecot.ports["imap"]).split())
    assert (found["host"], found["port"], found["verdict"], found["level"]) == (HOST, dovecot.ports["imap"], "met", "encrypt")


@pytest.mark.parametrize("words, ports", [
    ("imap://mail.example.org/", [143]), ("imaps://mail.example.org", [993]), ("smtp://ada@mail.example.org", [25, 587]),
    ("submission://mail.example.org", [587]), ("smtps://[2001:db8::1]", [465]), ("pop3://[2001:db8::1]:1110", [1110]),
    ("mail.example.org 1143", [1143]), ("mail.example.org imaps", [993]), ("2001:db8::1 nntp", [119]),
    ("[2001:db8::1] 24", [24]),
])
def test_ports_of_a_name_without_one(shim, words, ports):
    """All commands read them alike. explain connects to nothing."""
    shim.policy("")
    result = shim.run(shim.command, "explain", "--address", "192.0.2.1", *words.split(), preload=False).ok()
    found = re.findall(r"^\S+, ports? ([0-9, ]+)", result.out.decode(), re.M)
    assert sorted(int(port) for ports in found for port in ports.split(",") if port.strip()) == ports


@pytest.mark.parametrize("words, complaint", [
    ("http://mail.example.org", "'http' is not a mail service"), ("imap:///", "'' is not HOST[:PORT]"),
    ("imap://a:99999", "'99999' is not a port"), ("a 99999", "'99999' is not a port"), ("a:1 b c:0", "'0' is not a port"),
    ("imap://a@" + "x" * 600, "the URL is too long"),
])
def test_mistake_costs_no_wait(shim, words, complaint):
    """Not even to those named before it."""
    result = check(shim, *words.split())
    assert (result.status, result.out) == (2, b"") and complaint in one_line(result.err.decode()), result.show()


def test_several_hosts(shim, dovecot):
    shim.policy(f"ca-file {certs.authority().pem}\nmatch host {HOST} port {dovecot.ports['imap']} {dovecot.ports['pop3']}\n"
                "    level secure\n")
    words = [f"{HOST}:{dovecot.ports['imap']}", HOST, str(dovecot.ports["pop3"])]
    assert [(each["port"], each["verdict"], each["protocol"]) for each in as_json(shim, 0, *words)] == \
        [(dovecot.ports["imap"], "met", "imap"), (dovecot.ports["pop3"], "met", "pop3")]
    result = check(shim, words[0], "nowhere.invalid:143", *words[1:])
    assert result.status == 1 and "nowhere.invalid" in one_line(result.err.decode())
    assert text(result).count("the policy is met") == 2


def test_policy_after_the_host(shim, dovecot):
    shim.guard(dovecot.ports["imap"])
    shim.environment["RETROTLS_POLICY"] = "/nonexistent"
    found, = as_json(shim, 0, f"{HOST}:{dovecot.ports['imap']}", "-p", shim.policy_file.name)
    assert found["verdict"] == "met"


# ---- this machine

def test_host_that_is_this_machine_takes_one_line(shim):
    address = loopback.own_address()
    shim.hosts["localhost"] = [address]
    shim.policy("")
    with loopback.listen(address, 4190):
        result = check(shim, "-P", "sieve", "localhost")
    assert (result.status, text(result)) == (1, "localhost: not guarded: it is this machine (loopback), and no block names "
                                                "it. Of the usual ports, these answer: 4190. 'retrotls check localhost 4190' tries one.")
    assert_fits(result.out.decode())
    result = check(shim, "-P", "sieve", "localhost")
    assert result.status == 1 and text(result).endswith("None of the usual ports answers.")
    shim.policy("match host localhost\n    level secure\n")
    assert "fails: no connection" in text(check(shim, "-P", "sieve", "localhost"))


# ---- TLS from the first byte

def implicit(case="good", **place):
    """A server that says nothing before TLS. retrotls connects three times: to wait, to try TLS, and to negotiate."""
    def scenario(s):
        s.tls(certs.case(case))
        s.send(IMAP.greeting or b"* OK ready\r\n")
        s.rest()
    return Hostile(scenario, **place)


def lines_met(shim, found):
    """The lines that check proposes are a policy that the same server meets."""
    shim.policy("\n".join(found["policy"]) + "\n")
    again, = as_json(shim, 0, f"localhost:{found['port']}")
    assert (again["verdict"], again["guarded"], again["implicit"]) == ("met", True, True)
    return again


def test_server_that_expects_tls_on_a_port_that_nobody_named(shim):
    """check does not wait for it to speak: there is no complaint after three seconds."""
    shim.policy(f"ca-file {certs.authority().pem}\n")
    with implicit() as server:
        found, = as_json(shim, 1, f"localhost:{server.port}")
        assert len(server.connections) == 3
        assert (found["guarded"], found["implicit"], found["protocol"], found["verified"]) == (False, True, "imap", "localhost")
        result = check(shim, f"localhost:{server.port}")
        assert result.err == b"" and "The server expects TLS from the first byte: with 'tls implicit', level secure would be " \
            "met" in text(result), result.show()
        assert found["policy"] == [f"match host localhost port {server.port}", "    protocol imap", "    tls implicit",
                                   f"    connect-to {server.port}", "    level secure", f"    ca-file {certs.authority().pem}"]
        assert lines_met(shim, found)["level"] == "secure"


def test_server_that_expects_tls_where_the_policy_says_starttls(shim):
    with implicit() as server:
        shim.guard(server.port)
        found, = as_json(shim, 1, f"localhost:{server.port}")
        assert (found["guarded"], found["verdict"]) == (True, "failed")
        assert found["failure"] == ("no greeting from localhost: it expects TLS from the first byte, and the policy says STARTTLS; "
                                    "add 'tls implicit' to its block")
        assert lines_met(shim, found)["level"] == "secure"


def test_server_that_expects_tls_and_has_a_bad_certificate(shim):
    with implicit("self-signed") as server:
        shim.guard(server.port)
        result = check(shim, f"localhost:{server.port}")
        assert "fails: the server expects TLS from the first byte, and the policy says STARTTLS; with 'tls implicit', too: " \
            "certificate of localhost is self-signed" in text(result), result.show()
        found, = as_json(shim, 1, f"localhost:{server.port}")
        assert lines_met(shim, found)["level"] == "fingerprint"


def test_url_that_says_tls(shim):
    """Then there is nothing to find out."""
    shim.policy(f"ca-file {certs.authority().pem}\n")
    with implicit() as server:
        found, = as_json(shim, 1, f"imaps://localhost:{server.port}/")
        assert len(server.connections) == 1
        assert (found["implicit"], found["protocol"], found["verdict"]) == (True, "imap", "met")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="to listen on port 993 takes root; the lines of other ports are tried above")
def test_lines_for_a_port_that_is_known_for_tls(shim, dovecot):
    """A program that needs retrotls speaks plaintext, so the block is for its port. A block for 993 would break those that
    do TLS themselves."""
    shim.policy(f"ca-file {certs.authority().pem}\n")
    address = loopback.own_address()
    shim.hosts[HOST] = [address]
    with implicit(host=address, port=993):
        found, = as_json(shim, 0, f"imaps://{HOST}")
        result = check(shim, f"imaps://{HOST}").ok()
        assert found["policy"] == [f"match host {HOST} port 143", "    tls implicit", "    level secure",
                                   f"    ca-file {certs.authority().pem}"]
        assert "For a policy, for a program that speaks plaintext:" in text(result)
        shim.policy("\n".join(found["policy"]) + "\n")
        assert as_json(shim, 0, f"{HOST}:143")[0]["guarded"]


# ---- the lines

def test_lines_name_what_made_the_certificate_pass(shim):
    """They also work as the whole policy: the roots, the name, the server that is really connected to."""
    with Hostile(honest(IMAP)) as server:
        shim.hosts["old.example.org"] = ["127.0.0.1"]
        shim.guard(1143, "secure", "imap", f"connect-to localhost:{server.port}", "name localhost")
        found, = as_json(shim, 0, "old.example.org:1143")
        assert found["policy"] == ["match host old.example.org port 1143", "    protocol imap",
                                   f"    connect-to localhost:{server.port}", "    level secure",
                                   f"    ca-file {certs.authority().pem}", "    name localhost"]
        shim.policy("\n".join(found["policy"]) + "\n")
        assert as_json(shim, 0, "old.example.org:1143")[0]["verified"] == "localhost"


# ---- on a terminal

def test_waiting_is_shown_on_a_terminal_and_erased(tree, shim):
    """Without one, the complaint about the greeting is all: test_server_that_does_not_greet compares it."""
    with loopback.listen() as listener:
        port = listener.getsockname()[1]
        shim.guard(port, "secure", "imap", "greeting-timeout 1s")
        variables = {**shim.variables(preload=False), "NO_COLOR": "1"}
        out = on_terminal(tree, 80, "check", f"localhost:{port}", **variables)
    waits = re.findall(r"\r(retrotls: [^\r\n\033]*)\033\[K", out)
    assert any(re.fullmatch(rf"retrotls: localhost port {port}: waiting for its greeting, \d s", line) for line in waits), waits
    assert all(len(line) < 80 for line in waits)
    seen = re.sub(r"[^\n]*\r(?=[^\n])", "", out.replace("\033[K", ""))  # what the last \r of a line leaves
    assert "waiting for" not in seen
    assert "no complete answer from localhost in time" in one_line(seen)
