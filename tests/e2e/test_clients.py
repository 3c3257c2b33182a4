"""Real programs that were told nothing of TLS, each one whole session with a real server through the shim. The
recorder on the path proves that neither password nor mail crossed in clear, and that nothing but the shim's own
dialogue and TLS did."""
import os
import pwd
import shutil
import uuid

import pytest
from support import protocols
from support.servers.dovecot import message
from support.shim import PYTHON
from support.tap import Tap

BY_NAME = {p.name: p for p in protocols.ALL}
TEXT = "the cat sat on the mat"
CURL_HOST = "mail.example.org"  # for `localhost` curl asks no resolver


class Session:
    """What a client needs to know."""

    def __init__(self, shim, tap, user, mail):
        self.shim, self.port, self.user, self.mail = shim, tap.port, user, mail
        shim.hosts = {CURL_HOST: ["127.0.0.1"]}
        self.folder = shim.folder

    def file(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text.format(port=self.port, user=self.user, folder=self.folder, me=pwd.getpwuid(os.geteuid()).pw_name))
        path.chmod(mode)
        return path


def mutt_rc(s):
    return s.file("muttrc", """
set ssl_starttls=no ssl_force_tls=no imap_pass=secret smtp_pass=secret
set smtp_url=smtp://test@localhost:{port}/ smtp_authenticators=plain from=a@example.org
set folder={folder}
set header_cache= message_cachedir= record= certificate_file={folder}/none sendmail= copy=no
set imap_keepalive=900 wait_key=no confirmappend=no mail_check=900 timeout=900
""")


# Reading: each returns the command line that fetches the first message of the mailbox to standard output.
def curl_imap(s):
    return ["curl", "-sS", "-u", f"{s.user}:secret", f"imap://{CURL_HOST}:{s.port}/INBOX;MAILINDEX=1"]


def python_imap(s):
    return [PYTHON, "-c", f"""
import imaplib
c = imaplib.IMAP4("localhost", {s.port})
c.login("{s.user}", "secret")
c.select()
print(c.fetch("1", "(RFC822)")[1][0][1].decode())
c.logout()
"""]


def mutt_imap(s):
    keys = "<last-entry><display-message><exit><pipe-message>cat>got<enter><exit>"
    mutt = f"mutt -F {mutt_rc(s)} -f imap://{s.user}@localhost:{s.port}/INBOX -e 'push \"{keys}\"'"
    return ["sh", "-c", 'script -qefc "$1" /dev/null && cat got', "mutt", mutt]


def mbsync(s):
    (s.folder / "down").mkdir()
    rc = s.file("mbsyncrc", """
IMAPAccount a
Host localhost
Port {port}
User {user}
Pass secret
SSLType None
AuthMechs LOGIN

IMAPStore far
Account a

MaildirStore near
Path {folder}/down/
Inbox {folder}/down/INBOX

Channel c
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
""")
    return ["sh", "-c", f"mbsync -q -c {rc} -a && cat down/INBOX/*/*"]


def doveadm(s):
    """It gets an address: a name it would have looked up by another process, which does not run here."""
    user = pwd.getpwnam("mail") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    home = s.folder / "home"
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, user.pw_uid, user.pw_gid)  # it refuses to be root
    conf = s.file("imapc.conf", """
log_path = /dev/stderr
ssl = no
import_environment = TZ LD_PRELOAD RETROTLS_POLICY RETROTLS_LOG RETROTLS_TEST_HOSTS
mail_location = imapc:{folder}/home/imapc
mail_home = {folder}/home
mail_uid = %d
mail_gid = %d
first_valid_uid = 1
first_valid_gid = 1
imapc_host = 127.0.0.1
imapc_port = {port}
imapc_user = {user}
imapc_password = secret
imapc_ssl = no
base_dir = {folder}/run
stats_writer_socket_path =
service stats {{
  chroot =
}}
""" % (user.pw_uid, user.pw_gid), 0o644)
    open_to_others(s)
    return ["doveadm", "-c", str(conf), "fetch", "text", "mailbox", "INBOX", "uid", "1:20"]


def curl_pop3(s):
    return ["curl", "-sS", "-u", f"{s.user}:secret", f"pop3://{CURL_HOST}:{s.port}/1"]


def python_pop3(s):
    return [PYTHON, "-c", f"""
import poplib
c = poplib.POP3("localhost", {s.port})
c.user("{s.user}")
c.pass_("secret")
print(b"\\n".join(c.retr(1)[1]).decode())
c.quit()
"""]


def fetchmail(s):
    rc = s.file("fetchmailrc", 'poll localhost protocol POP3 port {port} user {user} password secret sslproto "" '
                               'mda "cat" keep\n')
    return ["fetchmail", "-f", str(rc), "-d0", "--idfile", str(s.folder / "ids"), "--pidfile", str(s.folder / "pid")]


def mpop(s):
    rc = s.file("mpoprc", """
account default
host localhost
port {port}
user {user}
password secret
auth user
tls off
keep on
uidls_file {folder}/uidls
delivery mbox {folder}/mbox
""")
    return ["sh", "-c", f"mpop -q -C {rc} && cat mbox"]


def open_to_others(s):
    """As root, some programs connect as a user of their own."""
    s.shim.log_file.touch()
    s.shim.log_file.chmod(0o666)
    if s.shim.policy_file.exists():
        s.shim.policy_file.chmod(0o644)


def fdm(s):
    open_to_others(s)
    rc = s.file("fdmrc", """
set lock-file "{folder}/lock"
set default-user "{me}"
account "p" pop3 server "localhost" port {port} user "{user}" pass "secret"
action "keep" mbox "{folder}/mbox"
match all action "keep"
""")
    return ["sh", "-c", f"fdm -f {rc} -q -a p fetch && cat mbox"]


def perl_pop3(s):
    return ["perl", "-MNet::POP3", "-e", f"""
my $c = Net::POP3->new("localhost", Port => {s.port}, Timeout => 30) or die "connect: $@";
defined $c->login("{s.user}", "secret") or die "login: " . $c->message;
print @{{$c->get(1)}};
$c->quit;
"""]


def bash_dev_tcp(s):
    """The builtin printf writes with stdio; the exec'ed cat reads the same descriptor."""
    return ["bash", "-c", f"""
set -e
exec 3<>/dev/tcp/localhost/{s.port}
read -r greeting <&3
printf 'USER %s\\r\\n' {s.user} >&3
read -r reply <&3
printf 'PASS %s\\r\\n' secret >&3
read -r reply <&3
printf 'RETR 1\\r\\nQUIT\\r\\n' >&3
cat <&3
"""]


def tcpclient(s):
    """The connection is handed to an exec'ed program on descriptors 6 and 7."""
    script = s.file("script", """#!/bin/bash
read -r greeting <&6
printf 'USER %s\\r\\nPASS secret\\r\\nRETR 1\\r\\nQUIT\\r\\n' {user} >&7
cat <&6
""", 0o700)
    return ["tcpclient", "-RHl", "localhost", "127.0.0.1", str(s.port), str(script)]


# Sending: each returns the command line that sends s.mail to b@localhost.
def curl_smtp(s):
    return ["curl", "-sS", "-u", "test:secret", f"smtp://{CURL_HOST}:{s.port}", "--mail-from", "a@example.org",
            "--mail-rcpt", "b@localhost", "-T", str(s.mail)]


def python_smtp(s):
    return [PYTHON, "-c", f"""
import smtplib
c = smtplib.SMTP("localhost", {s.port})
c.login("test", "secret")
c.sendmail("a@example.org", ["b@localhost"], open("{s.mail}", "rb").read())
c.quit()
"""]


def msmtp(s):
    rc = s.file("msmtprc", """
account default
host localhost
port {port}
from a@example.org
auth plain
user test
password secret
tls off
""")
    return ["sh", "-c", f"msmtp -C {rc} b@localhost < {s.mail}"]


def mutt_smtp(s):
    return ["sh", "-c", f"mutt -F {mutt_rc(s)} -s hello b@localhost < {s.mail}"]


def swaks(s):
    return ["swaks", "--server", "localhost", "--port", str(s.port), "--auth", "PLAIN", "--auth-user", "test",
            "--auth-password", "secret", "--from", "a@example.org", "--to", "b@localhost", "--data", f"@{s.mail}"]


def perl_smtp(s):
    return ["perl", "-MNet::SMTP", "-e", f"""
my $c = Net::SMTP->new("localhost", Port => {s.port}, Timeout => 30) or die "connect: $@";
$c->mail("a\\@example.org") && $c->to("b\\@localhost") or die $c->message;
open my $f, "<", "{s.mail}" or die;
$c->data(<$f>) or die $c->message;
$c->quit;
"""]


READERS = {"imap": [curl_imap, python_imap, mutt_imap, mbsync, doveadm],
           "pop3": [curl_pop3, python_pop3, fetchmail, mpop, fdm, perl_pop3, bash_dev_tcp, tcpclient]}
SENDERS = [curl_smtp, python_smtp, msmtp, mutt_smtp, swaks, perl_smtp]

WAYS = pytest.mark.parametrize("command", [False, True], ids=["LD_PRELOAD", "retrotls"])
READING = pytest.mark.parametrize("protocol,client", [(p, c) for p, clients in READERS.items() for c in clients],
                                  ids=lambda value: getattr(value, "__name__", value))


def upgraded(shim, tap, protocol, result):
    """Asserts what the path and the log show of a good session."""
    tap.wait_closed()
    try:
        tap.never_saw(b"secret", TEXT.encode())
        tap.saw_only_tls_after(protocol.preamble)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{result.show()}") from None
    for line in shim.log_lines():
        assert line["result"] == "tls" and line["level"] == "secure" and line["version"].startswith("TLSv1."), result.show()


@WAYS
@READING
def test_reads_mail(shim, dovecot, protocol, client, command):
    user = dovecot.mailbox(message("hello", TEXT))
    with Tap(dovecot.at(protocol)) as tap:
        # Those that are given an address ask no resolver: the policy says what the certificate must be for.
        shim.guard(tap.port, "secure", protocol, *(["name localhost"] if client in (tcpclient, doveadm) else []))
        words = client(Session(shim, tap, user, None))
        assert shutil.which(words[0]), f"{words[0]} is not installed"
        result = shim.run(*words, command=command)
        assert TEXT.encode() in result.out, result.show() + dovecot.logs() + tap.transcript()
        result.ok()
        upgraded(shim, tap, BY_NAME[protocol], result)


@WAYS
@pytest.mark.parametrize("client", SENDERS, ids=lambda c: c.__name__)
def test_sends_mail(shim, exim, client, command):
    token = uuid.uuid4().hex
    mail = shim.folder / "mail"
    mail.write_bytes(message("hello", f"{TEXT}\r\n{token}").replace(b"\r\n", b"\n"))
    with Tap(exim.at("smtp")) as tap:
        shim.guard(tap.port, "secure", "smtp")
        result = shim.run(*client(Session(shim, tap, None, mail)), command=command)
        assert result.status == 0, result.show() + exim.logs() + tap.transcript()
        assert TEXT.encode() in exim.wait_for_message(token.encode())
        upgraded(shim, tap, protocols.SMTP, result)
    assert b"S3cret" not in tap.up


@READING
def test_the_same_program_sends_all_in_clear_without_the_shim(shim, dovecot, protocol, client):
    """The proof above is worth something only if the program really knows nothing of TLS."""
    user = dovecot.mailbox(message("hello", TEXT))
    with Tap(dovecot.at(protocol)) as tap:
        result = shim.run(*client(Session(shim, tap, user, None)), preload=False)
        tap.wait_closed()
    assert TEXT.encode() in tap.down, result.show() + tap.transcript()
    assert TEXT.encode() in result.out, result.show()
