"""retrotls check: what it reports about a server, and its exit status."""
import json
import os
import re
import shutil
import signal
import subprocess

import pytest
from support import certs, hostile, loopback, tables
from support.hostile import Hostile
from support.play import honest, plaintext_only
from support.protocols import IMAP, SMTP, upgrade
from support.shim import BUILD
from support.tree import assert_fits, on_terminal, one_line

USAGE, NOT_MET = 2, 1
HOST = "mail.example.org"  # dovecot's, by its certificate
STEPS = {"connect", "greeting", "starttls", "handshake"}


@pytest.fixture(autouse=True)
def servers_may_be_late(monkeypatch):
    monkeypatch.setattr(hostile.Connection, "may_be_tried_for_tls", True)


@pytest.fixture
def shim(shim, dovecot):
    shim.hosts = {HOST: [dovecot.address], "localhost": ["127.0.0.1"]}
    return shim


def check(shim, *arguments, **options):
    shim.environment.setdefault("LANG", "C")
    return shim.run(shim.command, "check", *arguments, preload=False, **options)


def as_json(shim, status, *arguments):
    """What --json reports for the one port."""
    result = check(shim, "--json", *arguments)
    assert result.status == status, result.show()
    assert result.err == b""
    found, = json.loads(result.out)
    assert found["good"] == (status == 0)
    return found


def text(result):
    return one_line(result.out.decode("ascii"))


def test_policy_met_by_dovecot(shim, dovecot):
    shim.guard(dovecot.ports["imap"])
    result = check(shim, f"{HOST}:{dovecot.ports['imap']}").ok()
    said = text(result)
    good = certs.case("good")
    for words in (f"{HOST}, port {dovecot.ports['imap']}: imap", f"rule {shim.policy_file}:1, level secure",
                  "lookup ", "connect ", f"{dovecot.address} port {dovecot.ports['imap']}", "greeting ", "STARTTLS ",
                  "handshake ", "TLS TLSv1.3 TLS_",
                  f"verified for {HOST}", "subject CN=localhost", "names localhost, mail.example.org, 127.0.0.1, ::1",
                  "issuer CN=retrotls test root", "key EC prime256v1", good.sha256, good.spki_sha256,
                  "verdict the policy is met"):
        assert words in said, result.show()
    assert_fits(result.out.decode())


def test_json_of_a_policy_that_is_met(shim, dovecot):
    shim.guard(dovecot.ports["imap"])
    found = as_json(shim, 0, f"{HOST}:{dovecot.ports['imap']}")
    assert (found["host"], found["port"], found["verdict"], found["guarded"], found["level"], found["protocol"]) == \
        (HOST, dovecot.ports["imap"], "met", True, "secure", "imap")
    assert found["rule"] == f"{shim.policy_file}:1"
    assert set(found["milliseconds"]) == STEPS | {"lookup", "answer over TLS"}
    assert all(ms >= 0 for ms in found["milliseconds"].values())
    assert found["attempts"][-1] == {"address": dovecot.address, "port": dovecot.ports["imap"], "error": None}
    assert found["version"] == "TLSv1.3" and found["verified"] == HOST and found["failure"] is None
    certificate = found["chain"][0]
    assert certificate["sha256"] == certs.case("good").sha256
    assert certificate["spki-sha256"] == certs.case("good").spki_sha256


@pytest.mark.parametrize("case, cause", [
    ("self-signed", "certificate of localhost is self-signed"),
    ("expired", "certificate of localhost has expired"),
    ("other host", "certificate of localhost is not for localhost but for other.example.org"),
    ("unknown root", "certificate of localhost has an unknown issuer"),
    ("RSA 1024", "certificate of localhost is too weak"),
])
def test_bad_certificate_is_shown_with_the_relays_words(shim, case, cause):
    bad = certs.case(case)
    with Hostile(honest(IMAP, bad)) as server:
        shim.guard(server.port)
        found = as_json(shim, NOT_MET, f"localhost:{server.port}")
        result = check(shim, f"localhost:{server.port}")
    assert found["verdict"] == "failed" and found["failure"].startswith(cause)
    assert set(found["milliseconds"]) == STEPS | {"lookup"}
    assert found["chain"][0]["sha256"] == bad.sha256 and found["verified"] is None
    assert found["version"] == "TLSv1.3"
    assert result.status == NOT_MET and f"verdict fails: {cause}" in text(result), result.show()
    assert bad.sha256 in text(result)


def test_chain_of_two_is_shown_whole(shim):
    with Hostile(honest(IMAP, certs.case("with intermediate"))) as server:
        shim.guard(server.port)
        found = as_json(shim, 0, f"localhost:{server.port}")
    assert [c["subject"] for c in found["chain"]] == ["CN=localhost", "CN=retrotls test intermediate"]
    assert found["chain"][1]["sha256"] == certs.intermediate().sha256


def test_lines_for_a_policy_make_it_met(shim):
    """For a self-signed server, check offers lines for a policy. With them, the next check succeeds."""
    with Hostile(honest(IMAP, certs.case("self-signed"))) as server:
        shim.guard(server.port)
        lines = as_json(shim, NOT_MET, f"localhost:{server.port}")["policy"]
        shown = check(shim, f"localhost:{server.port}").out.decode()
        assert "\n".join(f"    {line}" for line in lines) in shown
        shim.policy("\n".join(lines) + "\n")
        found = as_json(shim, 0, f"localhost:{server.port}")
    assert (found["level"], found["verified"]) == ("fingerprint", certs.case("self-signed").spki_sha256)


@pytest.mark.parametrize("level, status, verdict", [("secure", NOT_MET, "failed"), ("may", 0, "plaintext")])
def test_server_without_tls(shim, level, status, verdict):
    with Hostile(plaintext_only(IMAP)) as server:
        shim.guard(server.port, level)
        found = as_json(shim, status, f"localhost:{server.port}")
    assert found["verdict"] == verdict and "TLS not offered by localhost" in found["failure"]
    assert found["chain"] == [] and found["policy"] == [] and found["version"] is None


def test_testing_is_not_met(shim):
    with Hostile(honest(SMTP, certs.case("expired"))) as server:
        shim.guard(server.port, "secure", "smtp", "testing yes")
        found = as_json(shim, NOT_MET, f"localhost:{server.port}")
        result = check(shim, f"localhost:{server.port}")
    assert found["verdict"] == "testing" and "has expired" in found["failure"]
    assert "continues because the policy says 'testing'" in text(result)


def test_implicit_tls(shim, dovecot):
    port = dovecot.implicit_ports["imap"]
    shim.guard(port, "secure", "imap", "tls implicit", f"connect-to {HOST}:{port}")
    found = as_json(shim, 0, f"{HOST}:{port}")
    assert set(found["milliseconds"]) == {"lookup", "connect", "handshake", "greeting over TLS"}
    assert found["verified"] == HOST


# ---- the proof that what answers inside TLS speaks the protocol

def inside_tls(*words):
    """TLS from the first byte; then the server says these words, each after a line of the client's but for the first."""
    def scenario(s):
        s.tls(certs.case("good"))
        for number, word in enumerate(words):
            if number > 0:
                s.line()
            s.send(word)
        s.rest()
    return Hostile(scenario)


@pytest.mark.parametrize("protocol, words, steps", [
    (IMAP, [b"* OK ready\r\n"], {"greeting over TLS"}),
    (SMTP, [b"220 localhost ESMTP\r\n", b"250 localhost\r\n"], {"greeting over TLS", "answer over TLS"}),
])
def test_mail_server_inside_tls(shim, protocol, words, steps):
    with inside_tls(*words) as server:
        shim.guard(server.port, "secure", protocol.name, "tls implicit", f"connect-to localhost:{server.port}")
        found = as_json(shim, 0, f"localhost:{server.port}")
    assert (found["verdict"], found["protocol"]) == ("met", protocol.name)
    assert set(found["milliseconds"]) == {"lookup", "connect", "handshake"} | steps


@pytest.mark.parametrize("protocol, words, cause", [
    (IMAP, [b"HTTP/1.1 400 Bad Request\r\n\r\n"], "malformed dialogue: localhost sent 'HTTP/1.1 400 Bad Request' instead of "),
    (SMTP, [b"220 ftp.example.org FTP server ready\r\n", b"500 EHLO not understood\r\n"],
     "inside TLS, localhost does not speak smtp: it said '500 EHLO not understood' to EHLO "),
    (IMAP, [], "no complete answer from localhost in time; "),
])
def test_other_service_inside_tls(shim, protocol, words, cause):
    """Its certificate is good, but the program would get nothing. No lines are proposed for it."""
    with inside_tls(*words) as server:
        shim.guard(server.port, "secure", protocol.name, "tls implicit", f"connect-to localhost:{server.port}",
                   "greeting-timeout 1s")
        found = as_json(shim, NOT_MET, f"localhost:{server.port}")
    assert found["verdict"] == "failed" and found["failure"].startswith(cause), found
    assert found["verified"] == "localhost" and found["policy"] == []


def test_other_service_behind_starttls(shim):
    """Whoever is on the path may have played the mail server until TLS began."""
    def scenario(s):
        upgrade(s, IMAP, certs.case("good"))
        s.question = None  # this server does not answer the relay's own as IMAP does
        s.line()
        s.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        s.rest()
    with Hostile(scenario) as server:
        shim.guard(server.port)
        found = as_json(shim, NOT_MET, f"localhost:{server.port}")
    assert found["failure"].startswith("inside TLS, localhost does not speak imap: it said 'HTTP/1.1 400 Bad Request' to ")
    assert set(found["milliseconds"]) == STEPS | {"lookup", "answer over TLS"}


def test_server_that_does_not_greet_inside_tls(shim):
    with inside_tls() as server:
        shim.guard(server.port, "secure", "imap", "tls implicit", f"connect-to localhost:{server.port}", "greeting-timeout 77s")
        process = shim.popen(shim.command, "check", f"localhost:{server.port}", preload=False)
        said = b""
        while b"more" not in said and (more := process.stderr.read1()):
            said += more
        process.kill()
        process.communicate()
    assert one_line(said.decode()) == (f"retrotls: check: no greeting yet inside TLS from localhost port {server.port}. "
                                       "Waiting for up to 77 s more")


def test_what_the_policy_leaves_alone_is_not_met(shim, dovecot):
    shim.policy(f"ca-file {certs.authority().pem}\n")
    found = as_json(shim, NOT_MET, f"{HOST}:{dovecot.ports['imap']}")
    assert (found["guarded"], found["verdict"]) == (False, "met")
    result = check(shim, f"{HOST}:{dovecot.ports['imap']}")
    assert "not guarded: a program's connection would be left alone; level secure would be met" in text(result)


def test_managesieve(shim, dovecot):
    shim.guard(dovecot.ports["sieve"], "secure", "sieve")
    found = as_json(shim, 0, f"{HOST}:{dovecot.ports['sieve']}")
    assert found["protocol"] == "sieve" and "greeting over TLS" in found["milliseconds"]


def test_each_address_in_turn(shim, dovecot):
    shim.guard(dovecot.ports["imap"])
    shim.hosts[HOST] = ["127.0.0.1", dovecot.address]
    found = as_json(shim, 0, f"mail.example.org:{dovecot.ports['imap']}")
    assert [(a["address"], a["error"]) for a in found["attempts"]] == \
        [("127.0.0.1", "Connection refused"), (dovecot.address, None)]


def test_addresses_that_do_not_answer_share_the_time(shim):
    """check does not wait long for any silent address, and still tries the one after them."""
    addresses = [loopback.own_address() for _ in range(4)]
    silent = [each for address in addresses[:3] for each in loopback.full_listener(address, 4190)]
    with loopback.listen(addresses[3], 4190):
        shim.hosts["many.example.org"] = addresses
        shim.policy("greeting-timeout 1s\nmatch host many.example.org\n    level secure\n")
        result = check(shim, "--json", "-P", "sieve", "many.example.org")
    for each in silent:
        each.close()
    found, = json.loads(result.out)
    assert [a["error"] for a in found["attempts"]] == ["Connection timed out"] * 3 + [None], result.show()


@pytest.mark.parametrize("protocol, rule", [(IMAP, True), (SMTP, False)])
def test_rule_that_depends_on_the_greeting(shim, protocol, rule):
    """A block without a port applies if the greeting shows its protocol."""
    with Hostile(honest(protocol)) as server:
        shim.policy(f"ca-file {certs.authority().pem}\nmatch protocol imap host localhost\n    level encrypt\n")
        found = as_json(shim, 0 if rule else NOT_MET, f"localhost:{server.port}")
    assert (found["guarded"], found["verdict"], found["protocol"]) == (rule, "met", protocol.name)
    assert found["level"] == ("encrypt" if rule else "secure")
    assert found["rule"] == (f"{shim.policy_file}:2" if rule else "built-in defaults")


def test_unreachable(shim):
    with loopback.refusing_port() as bound:
        port = bound.getsockname()[1]
        shim.guard(port)
        found = as_json(shim, NOT_MET, f"127.0.0.1:{port}")
    assert found["verdict"] == "unreachable" and found["attempts"][0]["error"] == "Connection refused"


def test_without_a_port_the_protocols_ports(shim):
    shim.policy("match address 127.0.0.0/8\n    level secure\n")
    address = loopback.own_address()
    result = check(shim, "--json", "-P", "smtp", address)
    assert [(c["port"], c["verdict"]) for c in json.loads(result.out)] == [(25, "unreachable"), (587, "unreachable")]
    assert result.status == NOT_MET
    everything = json.loads(check(shim, "--json", address).out)
    assert [c["port"] for c in everything] == tables.USUAL_PORTS


def test_program_decides_the_rule(shim, dovecot):
    shim.policy(f"ca-file {certs.authority().pem}\nmatch program special port {dovecot.ports['imap']}\n"
                "    protocol imap\n    level encrypt\n")
    assert as_json(shim, 0, "--program", "special", f"{HOST}:{dovecot.ports['imap']}")["level"] == "encrypt"
    assert not as_json(shim, NOT_MET, "--program", "another", f"{HOST}:{dovecot.ports['imap']}")["guarded"]


def test_policy_in_error(shim, dovecot):
    shim.policy(f"match port {dovecot.ports['imap']}\n    level sekure\n")
    result = check(shim, "--json", f"{HOST}:{dovecot.ports['imap']}")
    assert result.status == NOT_MET and b"sekure" in result.err
    assert json.loads(result.out)[0]["verdict"] == "error"


def test_server_that_does_not_greet(shim):
    """Nor does it answer TLS, and the policy does not name it. check says so, and does not wait five minutes."""
    shim.policy("")
    with loopback.listen() as listener:
        port = listener.getsockname()[1]
        process = shim.popen(shim.command, "check", f"127.0.0.1:{port}", preload=False)
        said = b""
        while b"more" not in said and (more := process.stderr.read1()):
            said += more
        process.kill()
        process.communicate()
    assert one_line(said.decode()) == (
        f"retrotls: check: no greeting yet from 127.0.0.1 port {port}, nor an answer to TLS. Waiting for up to 20 s more")


@pytest.mark.parametrize("subcommand", [["check", "127.0.0.1:1"], ["check", "--json", "127.0.0.1:1"], ["lint"], ["status"]])
def test_who_reads_has_seen_enough(shim, subcommand):
    """As in `retrotls lint | head -1`: the command dies of SIGPIPE, without a complaint."""
    shim.policy("level secrue\n")
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as nobody:
        result = shim.run(shim.command, *subcommand, preload=False, stdout=nobody)
    assert result.status == -signal.SIGPIPE, result.show()
    assert b"standard output" not in result.err, result.show()


def test_strangers_words_are_cleaned(shim):
    evil = certs.make("\x1b[31mred\x9b", ["localhost"], issuer=certs.authority())
    with Hostile(honest(IMAP, evil)) as server:
        shim.guard(server.port)
        result = check(shim, f"localhost:{server.port}").ok()
        found = as_json(shim, 0, f"localhost:{server.port}")
    assert not re.search(rb"[^\n -~]", result.out)
    assert re.fullmatch(r"[ -~]*red[ -~]*", found["chain"][0]["subject"])


@pytest.mark.parametrize("columns", [40, 60])
def test_narrow_terminal(tree, shim, dovecot, columns):
    policy = tree.folder / "policy"
    policy.write_text(f"ca-file {certs.authority().pem}\nmatch port {dovecot.ports['imap']}\n    level secure\n"
                      "    protocol imap\n")
    policy.chmod(0o600)
    environment = {**shim.variables(preload=False), "NO_COLOR": "1", "LANG": "C"}
    out = on_terminal(tree, columns, "-p", "policy", "check", f"{HOST}:{dovecot.ports['imap']}", **environment)
    assert "the policy is met" in one_line(out)
    narrow = shim.run(tree.command, "-p", policy, "check", f"{HOST}:{dovecot.ports['imap']}", preload=False,
                      env={"LANG": "C", "COLUMNS": str(columns)}).ok().out.decode("ascii")
    assert re.sub("[0-9]+[.][0-9] ms", "TIME", narrow) == re.sub("[0-9]+[.][0-9] ms", "TIME", out)
    # A path is one word, and may be longer than what is left of the line.
    assert_fits(out.partition("For a policy")[0].replace(str(policy), "PATH"), columns)
    assert "\033" not in out


@pytest.mark.parametrize("arguments, words", [
    ([], "which HOST?"), (["--wat", "a"], "unknown option '--wat'"),
    (["-P", "gopher", "a"], "'gopher' is not a protocol"), (["a:99999"], "'99999' is not a port"),
])
def test_usage_errors(shim, arguments, words):
    result = check(shim, *arguments)
    assert result.status == USAGE and words in one_line(result.err.decode()), result.show()


def test_unknown_host(shim):
    result = check(shim, "nowhere.invalid:143")
    assert result.status == NOT_MET and b"nowhere.invalid" in result.err
    assert json.loads(check(shim, "--json", "nowhere.invalid:143").out) == []


@pytest.mark.parametrize("subcommand", ["check", "lint"])
def test_installed_in_libexec(tmp_path, subcommand):
    (tmp_path / "bin").mkdir()
    (tmp_path / "libexec" / "retrotls").mkdir(parents=True)
    shutil.copy(BUILD / "retrotls", tmp_path / "bin")
    command = [tmp_path / "bin" / "retrotls", subcommand, "--help"]
    missing = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert missing.returncode == NOT_MET and "install retrotls again" in one_line(missing.stderr)
    shutil.copy(BUILD / "retrotls-check", tmp_path / "libexec" / "retrotls")
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0 and found.stdout.startswith(f"Usage: retrotls {subcommand}")


def test_command_needs_no_openssl():
    needed = subprocess.run(["ldd", BUILD / "retrotls"], capture_output=True, text=True, check=True).stdout
    assert "libssl" not in needed and "libcrypto" not in needed
