"""The tests' own tools: a recorder that lost bytes, or a server that did not do TLS, would make every other test
worthless."""
import imaplib
import poplib
import smtplib
import ssl

import pytest
from support import certs
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


def test_exim_takes_a_message_over_tls(exim):
    with Tap(exim.at("smtp")) as tap:
        client = smtplib.SMTP("localhost", tap.port)
        client.starttls(context=verifying())
        client.login("test", "secret")
        client.sendmail("a@example.org", ["b@localhost"], message("hello", "token-of-test-support"))
        client.quit()
        tap.wait_closed()
    exim.wait_for_message(b"token-of-test-support")
    assert "cipher=TLS1" in exim.main_log() and "auth=test" in exim.main_log()
    tap.never_saw(b"secret", b"token-of-test-support")
