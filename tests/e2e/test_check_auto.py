"""`retrotls check` and `explain` with `tls auto`: which of the two ports a program's connection would take, and why."""
import contextlib
import json

import pytest
from support import certs, hostile
from support.play import honest, plaintext_only
from support.protocols import IMAP
from support.tree import one_line
from test_tls_auto import Place
from test_ways import immediate


@pytest.fixture(autouse=True)
def servers_may_be_late(monkeypatch):
    monkeypatch.setattr(hostile.Connection, "may_be_tried_for_tls", True)


@pytest.fixture
def check(shim):
    """Returns what `check --json` and `check` say of a place, and the place."""
    with contextlib.ExitStack() as stack:
        def both(status, first, other, *more, level="secure"):
            where = Place(stack, first, other)
            shim.guard(where.first, level, "imap", f"implicit-port {where.other}", "name localhost", *more)
            shown = [shim.run(shim.command, "check", *options, where.host, where.first, preload=False)
                     for options in (["--json"], [])]
            assert [result.status for result in shown] == [status, status], shown[0].show() + shown[1].show()
            return json.loads(shown[0].out)[0], one_line(shown[1].out.decode()), where
        yield both


def test_starttls(check):
    found, text, where = check(0, honest(IMAP), immediate(IMAP))
    assert (found["verdict"], found["implicit"], found["alternative"]) == ("met", False, False)
    assert "tls auto" not in text and not where.servers["other"].connections


@pytest.mark.parametrize("first", [None, "silent"], ids=["closed", "silent"])
def test_no_connection_to_the_first(check, first):
    found, text, where = check(0, first, immediate(IMAP))
    assert (found["verdict"], found["implicit"], found["alternative"]) == ("met", True, True)
    assert f"tls auto from the first byte, on port {where.other}: port {where.first} does not answer" in text, text
    assert f"{where.host} port {where.first}: " in text and f"; {where.host} port {where.other}" in text, text


def test_no_starttls(check):
    found, text, where = check(0, plaintext_only(IMAP), immediate(IMAP))
    assert (found["verdict"], found["implicit"], found["alternative"]) == ("met", True, True)
    assert f"tls auto from the first byte, on port {where.other}: port {where.first} does not offer STARTTLS" in text, text


def test_neither(check):
    found, text, where = check(1, plaintext_only(IMAP), None)
    assert found["verdict"] == "failed" and f"on port {where.other}, for TLS from the first byte: Connection refused" in text
    found, text, where = check(1, None, None)
    assert found["verdict"] == "unreachable" and len(found["attempts"]) == 2, text


def test_bad_certificate(check):
    found, text, _ = check(1, None, immediate(IMAP, certs.case("self-signed")))
    assert found["verdict"] == "failed" and "is self-signed" in text, text


def test_plaintext_where_it_is_allowed(check):
    found, _, _ = check(0, plaintext_only(IMAP), None, level="may")
    assert found["verdict"] == "plaintext"


def test_tls_starttls(check):
    found, _, where = check(1, None, immediate(IMAP), "tls starttls")
    assert found["verdict"] == "unreachable" and not where.servers["other"].connections


def test_explain(shim):
    shim.policy("match host mail.example.org port 143\n    implicit-port 1993\n")
    text = one_line(shim.run(shim.command, "explain", "mail.example.org:143", preload=False).ok().out.decode())
    assert "tls auto (STARTTLS, or else the port for TLS from the first byte) (built in)" in text, text
    assert f"implicit-port 1993 ({shim.policy_file}:2)" in text, text
    text = one_line(shim.run(shim.command, "explain", "other.example.org:143", preload=False).ok().out.decode())
    assert "implicit-port the protocol's: 465 next to 587, 993 next to 143, 995 next to 110, 563 next to 119 (built in)" in text
