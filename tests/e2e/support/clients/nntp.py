"""Clients that read or post over NNTP."""
import importlib.util

from ..shim import PYTHON
from .registry import INN, reads, sends


@reads("python3 (imaplib, poplib, smtplib, nntplib)", "nntp",
       gone="" if importlib.util.find_spec("nntplib") else "Python has no nntplib since 3.13")
def python_nntp(s):
    return [PYTHON, "-W", "ignore", "-c", f"""
import nntplib
c = nntplib.NNTP("localhost", {s.port}, "test", "secret", readermode=True)
c.group("local.test")
print(b"\\n".join(c.article("1")[1].lines).decode())
c.quit()
"""]


@reads("perl (Net::POP3, SMTP, NNTP)", "nntp")
def perl_nntp(s):
    return ["perl", "-MNet::NNTP", "-e", f"""
my $c = Net::NNTP->new("localhost", Port => {s.port}, Timeout => 30) or die "connect: $@";
$c->authinfo("test", "secret") && $c->group("local.test") or die $c->message;
print @{{$c->article(1)}};
$c->quit;
"""]


@sends("perl (Net::POP3, SMTP, NNTP)", "nntp")
def perl_nntp_post(s):
    return ["perl", "-MNet::NNTP", "-e", f"""
my $c = Net::NNTP->new("localhost", Port => {s.port}, Timeout => 30) or die "connect: $@";
open my $f, "<", "{s.mail}" or die;
$c->authinfo("test", "secret") && $c->post(<$f>) or die $c->message;
$c->quit;
"""]


@sends("inews (INN)", "nntp")
def inews(s):
    """Two streams of stdio over duplicates of one descriptor; connect() without blocking, then with."""
    conf = s.folder / "inn.conf"
    conf.write_text((s.server.folder / "news/etc/inn.conf").read_text().replace(
        f"server: {s.server.address}", "server: localhost"))
    conf.chmod(0o644)
    s.environment = {"INNCONF": str(conf), "LD_LIBRARY_PATH": f"{INN}/usr/lib/news:{INN}/usr/lib/x86_64-linux-gnu"}
    s.stdin = s.mail.read_bytes()
    return [str(INN / "usr/bin/inews"), "-h", "-R", "-S", "-p", str(s.port)]


@reads("slrn", "nntp")
def slrn(s):
    rc = s.file("slrnrc", """
set hostname "example.org"
set username "a"
nnrpaccess "localhost" "test" "secret"
""")
    s.file("newsrc", "local.test:\n")
    return s.with_keys(["slrn", "-n", "-i", str(rc), "-f", "newsrc", "-h", "localhost", "-p", str(s.port)],
                       ["local.test", "\\r", "hello", "\\r", "cat sat", "q", "local.test", "q", "quit?", "y"])


@reads("tin", "nntp")
def tin(s):
    """In batch mode, it saves what is unread."""
    s.file(".newsauth", "localhost secret test\n")
    s.file(".newsrc", "local.test:\n")
    return ["sh", "-c", f"tin -r -A -S -q -n -g localhost -p {s.port} >&2; cat $(find . -type f -path '*local*' | head -1)"]
