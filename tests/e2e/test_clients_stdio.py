"""Two programs of another age, that read and write their sockets with stdio alone: not one read() or write() of theirs
goes through the library. Each a whole session; the recorder proves that nothing crossed in clear."""
import uuid

import pytest
from support import protocols
from support.servers.dovecot import message
from support.servers.server import UNPACKED
from support.tap import Tap

WAYS = pytest.mark.parametrize("command", [False, True], ids=["LD_PRELOAD", "retrotls"])


@WAYS
@pytest.mark.parametrize("protocol", [protocols.POP3, protocols.IMAP], ids=lambda p: p.name)
def test_mailcheck_counts_messages(shim, dovecot, protocol, command):
    """gethostbyname(), one stream for reading and writing."""
    user = dovecot.mailbox(message("one", "text"), message("two", "text"), message("three", "text"))
    netrc = shim.folder / ".netrc"
    netrc.write_text(f"machine localhost login {user} password secret\n")
    netrc.chmod(0o600)
    with Tap(dovecot.at(protocol.name)) as tap:
        shim.guard(tap.port, "secure", protocol.name)
        rc = shim.folder / "rc"
        rc.write_text(f"{protocol.name}://{user}@localhost:{tap.port}/" + ("INBOX" if protocol.name == "imap" else ""))
        result = shim.run("mailcheck", "-f", rc, command=command).ok()
        tap.wait_closed()
    assert b" 3 " in result.out, result.show() + tap.transcript()
    tap.never_saw(b"secret")
    tap.saw_only_tls_after(protocol.preamble)


@WAYS
def test_inews_posts_an_article(shim, inn, command):
    """Two streams over duplicates of one descriptor; connect() without blocking, then with."""
    token = uuid.uuid4().hex
    conf = shim.folder / "inn.conf"
    conf.write_text((inn.folder / "news/etc/inn.conf").read_text().replace(f"server: {inn.address}", "server: localhost"))
    conf.chmod(0o644)
    tree = UNPACKED / "inn2"
    article = f"From: a@example.org\nNewsgroups: local.test\nSubject: x\n\nthe cat sat {token}\n".encode()
    with Tap(inn.at("nntp")) as tap:
        shim.guard(tap.port, "secure", "nntp")
        result = shim.run(tree / "usr/bin/inews", "-h", "-R", "-S", "-p", tap.port, stdin=article, command=command, env={
            "INNCONF": str(conf), "LD_LIBRARY_PATH": f"{tree}/usr/lib/news:{tree}/usr/lib/x86_64-linux-gnu"})
        assert result.status == 0, result.show() + tap.transcript()
        tap.wait_closed()
    assert b"the cat sat" in inn.wait_for_article(token.encode())
    tap.never_saw(token.encode())
    tap.saw_only_tls_after(protocols.NNTP.preamble)
