"""Programs that do TLS themselves. On TLS-only ports we leave them alone. On a guarded port, the session is already in TLS
when they want STARTTLS, and there is no TLS inside TLS. A program with optional TLS goes on without its own; one that
insists on it reports that the server does not offer it. For such a program the policy has `level none`."""
import re

import pytest
from support import certs
from support.hostile import Hostile
from support.protocols import POP3, SIEVE
from support.servers.dovecot import message
from support.shim import PYTHON
from support.tap import Tap, first_record, is_tls

HOST = "mail.example.org"  # curl asks no resolver for `localhost`
TEXT = b"the cat sat on the mat"


def file(shim, name, text):
    path = shim.folder / name
    path.write_text(text)
    path.chmod(0o600)
    return path


# Each insists on its own TLS, checks the certificate, and reads or sends a message.
def curl(shim, port, user, ca):
    return ["curl", "-sS", "-m", "30", "-u", f"{user}:secret", "--ssl-reqd", "--cacert", ca,
            f"imap://{HOST}:{port}/INBOX;MAILINDEX=1"]


def fetchmail(shim, port, user, ca):
    rc = file(shim, "fetchmailrc", f"poll {HOST} protocol POP3 port {port} user {user} password secret sslproto TLS1.2+ "
              f'sslcertck sslcertfile "{ca}" mda "cat" keep\n')
    return ["fetchmail", "-f", rc, "-d0", "--idfile", shim.folder / "ids", "--pidfile", shim.folder / "pid"]


def mbsync(shim, port, user, ca):
    (shim.folder / "down").mkdir()
    rc = file(shim, "mbsyncrc", f"""
IMAPAccount a
Host {HOST}
Port {port}
User {user}
Pass secret
SSLType STARTTLS
CertificateFile {ca}
SystemCertificates no

IMAPStore far
Account a

MaildirStore near
Path {shim.folder}/down/
Inbox {shim.folder}/down/INBOX

Channel c
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
""")
    return ["sh", "-c", f"mbsync -q -c {rc} -a && cat down/INBOX/*/*"]


def mpop(shim, port, user, ca):
    rc = file(shim, "mpoprc", f"""
account default
host {HOST}
port {port}
user {user}
password secret
auth user
tls on
tls_starttls on
tls_trust_file {ca}
uidls_file {shim.folder}/uidls
keep on
delivery mbox {shim.folder}/mbox
""")
    return ["sh", "-c", f"mpop -q -C {rc} && cat mbox"]


def python(shim, port, user, ca):
    return [PYTHON, "-c", f"""
import imaplib, ssl
c = imaplib.IMAP4("{HOST}", {port})
c.starttls(ssl.create_default_context(cafile="{ca}"))
c.login("{user}", "secret")
c.select()
print(c.fetch("1", "(RFC822)")[1][0][1].decode())
c.logout()
"""]


def msmtp(shim, port, user, ca):
    rc = file(shim, "msmtprc", f"""
account default
host {HOST}
port {port}
from a@example.org
auth plain
user test
password secret
tls on
tls_starttls on
tls_trust_file {ca}
""")
    mail = file(shim, "mail", message("hello", TEXT.decode()).decode().replace("\r\n", "\n"))
    return ["sh", "-c", f"msmtp -C {rc} b@localhost < {mail}"]


PROGRAMS = {"curl": (curl, "imap", "STARTTLS not available"), "fetchmail": (fetchmail, "pop3", "upgrade to TLS failed"),
            "mbsync": (mbsync, "imap", "SSL support not available"), "mpop": (mpop, "pop3", "STLS"),
            "msmtp": (msmtp, "smtp", "STARTTLS"), "python3": (python, "imap", "TLS not supported")}


@pytest.fixture
def session(request, shim, program):
    """Runs the program under the policy that the test writes for the tap's port."""
    words, protocol, says = PROGRAMS[program]
    server = request.getfixturevalue("exim" if protocol == "smtp" else "dovecot")
    user = "test" if protocol == "smtp" else server.mailbox(message("hello", TEXT.decode()))
    shim.hosts = {HOST: ["127.0.0.1"]}
    ca = certs.authority().pem

    with Tap(server.at(protocol)) as tap:
        def run(policy):
            shim.policy(policy.format(port=tap.port, protocol=protocol, ca=ca))
            result = shim.run(*words(shim, tap.port, user, ca))
            tap.wait_closed()
            tap.never_saw(b"secret", TEXT)
            return result
        run.tap, run.protocol, run.says = tap, protocol, says
        yield run


@pytest.mark.parametrize("program", PROGRAMS)
def test_exempt(session, program):
    """The policy exempts the program by name; the port is guarded for all others."""
    name = "python3*" if program == "python3" else program
    result = session(f"match program {name}\n level none\n" "match port {port}\n level secure\n protocol {protocol}\n").ok()
    assert session.protocol == "smtp" or TEXT in result.out, result.show()
    assert result.log == "", result.show()
    (recording,) = session.tap.recordings
    assert first_record(recording.up) and is_tls(recording.up[first_record(recording.up):]), session.tap.transcript()


@pytest.mark.parametrize("program", PROGRAMS)
def test_on_a_guarded_port(session, program):
    result = session("match port {port}\n level secure\n protocol {protocol}\n ca-file {ca}\n")
    assert result.status != 0 and TEXT not in result.out, result.show()
    assert re.search(session.says, result.err.decode()), result.show()
    assert [line["result"] for line in result.lines] == ["tls"], result.show()


def test_tls_where_it_is_offered(shim, dovecot):
    """A program whose TLS is optional goes on without its own."""
    user = dovecot.mailbox(message("hello", TEXT.decode()))
    shim.hosts = {HOST: ["127.0.0.1"]}
    with Tap(dovecot.at("imap")) as tap:
        shim.guard(tap.port, "secure", "imap")
        result = shim.run("curl", "-sS", "-m", "30", "-u", f"{user}:secret", "--ssl",
                          f"imap://{HOST}:{tap.port}/INBOX;MAILINDEX=1").ok()
        tap.wait_closed()
    assert TEXT in result.out, result.show()
    tap.saw_only_tls_after(rb"(\S+ CAPABILITY\r\n)?\S+ STARTTLS\r\n")
    tap.never_saw(b"secret")


def test_sieve_connect(shim, dovecot):
    """It uses TLS whenever the server offers it; no option changes that. Without TLS, it goes on only if it need not check a
    certificate. One session uploads a script, the other downloads it."""
    user = dovecot.mailbox()
    file(shim, "mine.sieve", f"keep; # {TEXT.decode()}\n")
    with Tap(dovecot.at("sieve")) as tap:
        shim.guard(tap.port, "secure", "sieve")
        result = shim.run("sh", "-c", f"""
connect() {{
    echo secret | sieve-connect --server localhost --port {tap.port} --user {user} --passwordfd 0 --remotesieve mine --nosrv \\
        --notlsverify "$@"
}}
connect --localsieve mine.sieve --upload && connect --localsieve back.sieve --download && cat back.sieve
""").ok()
        tap.wait_closed()
    assert TEXT in result.out, result.show()
    assert [line["result"] for line in result.lines] == ["tls", "tls"], result.show()
    tap.saw_only_tls_after(SIEVE.preamble)
    tap.never_saw(b"secret", TEXT)


@pytest.mark.parametrize("guarded", [False, True], ids=["exempt", "guarded"])
def test_openssl_s_client(shim, dovecot, guarded):
    """Its own STARTTLS works if the port is not guarded. If it is, it finds no STARTTLS and ends, and nothing leaks."""
    with Tap(dovecot.at("imap")) as tap:
        if guarded:
            shim.guard(tap.port, "secure", "imap", "name localhost")
        else:
            shim.policy("match port 1\n level secure\n")
        result = shim.run("openssl", "s_client", "-quiet", "-starttls", "imap", "-verify_return_error", "-CAfile",
                          certs.authority().pem, "-connect", f"localhost:{tap.port}", stdin=b"a LOGIN test secret\r\na2 LOGOUT\r\n")
        tap.wait_closed()
    tap.never_saw(b"secret")
    assert (b"a2 OK" in result.out) != guarded, result.show()
    assert (result.log != "") == guarded


def test_tls_from_the_first_byte_on_a_port_of_its_own(shim):
    """The library leaves imaps and similar protocols alone."""
    shim.policy("level secure\n")

    def scenario(s):
        s.tls(certs.case("good"))
        s.send(POP3.greeting)
        s.expect(b"QUIT")
        s.shut()
    with Hostile(scenario) as server, Tap(server.address) as tap:
        result = shim.run("openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", certs.authority().pem,
                          "-connect", f"localhost:{tap.port}", stdin=b"QUIT\r\n")
        tap.wait_closed()
        server.wait_done()
    assert result.out == POP3.greeting and result.log == "", result.show()


def test_curl_on_imaps(shim, dovecot):
    """A real server on a guarded host: the program speaks first, and what it says is not a mail protocol."""
    user = dovecot.mailbox(message("hello", TEXT.decode()))
    shim.hosts = {HOST: ["127.0.0.1"]}
    with Tap((dovecot.address, dovecot.implicit_ports["imap"])) as tap:
        shim.policy(f"match host {HOST}\n level secure\n")
        result = shim.run("curl", "-sS", "-m", "30", "-u", f"{user}:secret", "--cacert", certs.authority().pem,
                          f"imaps://{HOST}:{tap.port}/INBOX;MAILINDEX=1").ok()
        tap.wait_closed()
    assert TEXT in result.out and is_tls(tap.up) and is_tls(tap.down), result.show()
