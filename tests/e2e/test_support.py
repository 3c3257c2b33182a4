"""Tests the tests' own tools: a recorder that loses bytes, or a server that does no TLS, would make all other tests
worthless."""
import imaplib
import os
import poplib
import re
import smtplib
import socket
import ssl

import pytest
from support import certs, fresh_root, protocols
from support.hostile import Hostile, Unexpected
from support.servers.dovecot import message
from support.tap import Tap


def verifying():
    return ssl.create_default_context(cafile=certs.authority().pem)


def test_tap_records_a_password_in_clear(dovecot):
    user = dovecot.mailbox(message("hello", "good news"))
    with Tap(dovecot.at("imap")) as tap:
        client = imaplib.IMAP4("localhost", tap.port)
        client.login(user, "secret")
        client.select()
        assert b"good news" in client.fetch("1", "(RFC822)")[1][0][1]
        client.logout()
        tap.wait_closed()
    assert b"secret" in tap.up and b"good news" in tap.down
    with pytest.raises(AssertionError):
        tap.never_saw(b"secret")
    with pytest.raises(AssertionError):
        tap.saw_only_tls_after(rb".*")


def test_tap_proves_starttls(dovecot):
    user = dovecot.mailbox(message("hello", "good news"))
    with Tap(dovecot.at("imap")) as tap:
        client = imaplib.IMAP4("localhost", tap.port)
        client.starttls(verifying())
        client.login(user, "secret")
        client.logout()
        tap.wait_closed()
    tap.never_saw(b"secret", b"good news")
    tap.saw_only_tls_after(rb"\w+ CAPABILITY\r\n\w+ STARTTLS\r\n")
    assert "[TLS handshake" in tap.transcript()


def test_dovecot_pop3_does_tls(dovecot):
    user = dovecot.mailbox(message("hello", "good news"))
    with Tap(dovecot.at("pop3")) as tap:
        client = poplib.POP3("localhost", tap.port)
        client.stls(verifying())
        client.user(user)
        client.pass_("secret")
        assert b"good news" in b"\n".join(client.retr(1)[1])
        client.quit()
        tap.wait_closed()
    tap.never_saw(b"secret", b"good news")


@pytest.mark.parametrize("name", ["exim", "postfix"])
def test_exim_and_postfix_take_a_message_over_tls(name, request):
    server = request.getfixturevalue(name)
    with Tap(server.at("smtp")) as tap:
        client = smtplib.SMTP("localhost", tap.port)
        client.starttls(context=verifying())
        if name == "exim":
            client.login("test", "secret")
        client.sendmail("a@example.org", ["b@localhost"], message("hello", "token-of-test-support"))
        client.quit()
        tap.wait_closed()
    server.wait_for_message(b"token-of-test-support")
    assert re.search("cipher=TLS1.* auth=test|TLS connection established", server.main_log())
    tap.never_saw(b"secret", b"token-of-test-support")


@pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
def test_careless_client_gives_its_password_away_without_the_shim(protocol, shim):
    """Without this, a test that no password crossed would prove nothing."""
    def friendly(s):
        protocols.greet(s, protocol)
        protocols.serve(s, protocol)
    with Hostile(friendly) as server, Tap(server.address) as tap:
        result = shim.careless("localhost", tap.port, protocol.words, preload=False).ok()
        tap.wait_closed()
    assert tap.up == protocol.words == server.clear
    assert result.err == b"read: end of stream\n"
    with pytest.raises(AssertionError):
        tap.never_saw(protocols.SECRET)


def test_hostile_server_does_tls_and_tells_a_refused_handshake():
    def scenario(s):
        protocols.upgrade(s, protocols.IMAP, certs.case("expired"))
        protocols.serve(s, protocols.IMAP)
    with Hostile(scenario) as server:
        client = imaplib.IMAP4("localhost", server.port)
        with pytest.raises(ssl.SSLCertVerificationError):
            client.starttls(verifying())
        server.wait_done()
        assert "expired" in server.connections[0].refusal
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        client = imaplib.IMAP4("localhost", server.port)
        client.starttls(trusting)
        client.login("test", "hidden")
        client.logout()
        server.wait_done()
    assert b"hidden" in server.over_tls and b"hidden" not in server.clear


def test_hostile_server_complains_of_an_unexpected_word():
    def scenario(s):
        s.send(b"220 hello\r\n")
        s.expect(rb"EHLO \S+")
    with pytest.raises(Unexpected), Hostile(scenario) as server, \
            socket.create_connection(server.address) as client:
        client.sendall(b"HELO x\r\n")
        assert client.makefile().readline() == "220 hello\n"
        server.wait_done()


def test_inn_serves_and_takes_articles_over_tls(inn):
    def ask(file, line, expected):
        file.write(line + b"\r\n")
        file.flush()
        assert file.readline().startswith(expected)
    with Tap(inn.at("nntp")) as tap:
        with socket.create_connection(("localhost", tap.port)) as client, client.makefile("rwb") as clear:
            assert clear.readline().startswith(b"20")
            ask(clear, b"STARTTLS", b"382")
            with verifying().wrap_socket(client, server_hostname="localhost") as secure, secure.makefile("rwb") as file:
                ask(file, b"AUTHINFO USER test", b"381")
                ask(file, b"AUTHINFO PASS secret", b"281")
                ask(file, b"GROUP local.test", b"211 1 ")
                ask(file, b"ARTICLE 1", b"220")
                assert b"the cat sat on the mat\r\n" in list(iter(file.readline, b".\r\n"))
                ask(file, b"POST", b"340")
                ask(file, b"From: a@example.org\r\nNewsgroups: local.test\r\nSubject: x\r\n\r\ntoken-of-inn\r\n.", b"240")
                ask(file, b"QUIT", b"205")
        tap.wait_closed()
    inn.wait_for_article(b"token-of-inn")
    tap.never_saw(b"secret", b"token-of-inn")


def test_missing_debootstrap_is_a_failure_and_no_skip(monkeypatch, tmp_path):
    """A skip would hide that tests/install-dependencies does not work."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(fresh_root, "ROOTS", tmp_path)
    monkeypatch.setattr(fresh_root, "DEBS", tmp_path / "debs")
    with pytest.raises(AssertionError, match="debootstrap is not installed"):
        fresh_root.make("bookworm")
    assert fresh_root.needs_root.args == (os.geteuid() != 0,)
