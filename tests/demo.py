#!/usr/bin/python3
"""Shows what retrotls does. Unmodified programs that know nothing of TLS read and send mail, first without retrotls, then
through it, with real servers on loopback and a recorder on the path. `make demo` prepares and runs it."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/e2e"))
sys.dont_write_bytecode = True

from support import certs  # noqa: E402
from support.servers.dovecot import Dovecot, message  # noqa: E402
from support.servers.exim import Exim  # noqa: E402
from support.shim import COMMAND, fields  # noqa: E402
from support.tap import UP, Tap, describe  # noqa: E402

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
WIDTH = min(shutil.get_terminal_size((110, 40)).columns, 130)
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
TEXT = "Dear Ada, the launch is on Friday."


def paint(text, code):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


class Demo:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.log = self.folder / "log"

    def policy(self, port, protocol, ca):
        """retrotls leaves loopback alone by default, so the demo's servers need a rule."""
        file = self.folder / "policy"
        file.write_text(f"match address 127.0.0.1 port {port}\n    level secure\n    protocol {protocol}\n"
                        f"    ca-file {ca}\n")
        return {"RETROTLS_POLICY": str(file), "RETROTLS_LOG": str(self.log)}

    def run(self, words, through, environment):
        """Runs a program, with or without retrotls (`through`); returns its output."""
        done = subprocess.run([str(COMMAND), *words] if through else words, cwd=self.folder, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8",
                                   **environment})
        return done.stdout.decode(errors="replace").strip()

    def session(self, server, protocol, words, through):
        """One session; returns the program's output, what crossed, the log's fields, and the recorder."""
        self.log.unlink(missing_ok=True)
        with Tap(server.at(protocol)) as tap:
            output = self.run(words(tap.port), through, self.policy(tap.port, protocol, certs.authority().pem))
            tap.wait_closed()
            crossed = [line for c in tap.recordings[0].crossings
                       for line in (("> " if c.direction == UP else "< ") + d for d in describe(c.data))]
            lines = self.log.read_text().splitlines() if self.log.exists() else []
            return output, crossed, fields(lines[0]) if lines else {}, tap


def write(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def clients(demo, user):
    """Returns [(title, protocol, function that makes the command line for a port)]."""
    mail = write(demo.folder / "mail", message("hello", TEXT).decode().replace("\r\n", "\n"))

    def msmtp(port):
        rc = write(demo.folder / "msmtprc", f"account default\nhost localhost\nport {port}\nfrom a@example.org\n"
                   "auth plain\nuser test\npassword secret\ntls off\n")
        return ["sh", "-c", f"msmtp -C {rc} b@localhost < {mail} && echo sent"]

    def fetchmail(port):
        (demo.folder / "ids").unlink(missing_ok=True)
        rc = write(demo.folder / "fetchmailrc", f"poll localhost protocol POP3 port {port} user {user} password secret "
                   'sslproto "" mda "cat" keep\n')
        return ["fetchmail", "-s", "-f", rc, "-d0", "--idfile", "ids", "--pidfile", "pid"]

    def mbsync(port):
        shutil.rmtree(demo.folder / "down", ignore_errors=True)
        (demo.folder / "down").mkdir()
        rc = write(demo.folder / "mbsyncrc", f"IMAPAccount a\nHost localhost\nPort {port}\nUser {user}\nPass secret\n"
                   "SSLType None\nAuthMechs LOGIN\n\nIMAPStore far\nAccount a\n\nMaildirStore near\nPath down/\n"
                   "Inbox down/INBOX\n\nChannel c\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSyncState *\n")
        return ["sh", "-c", f"mbsync -q -c {rc} -a && cat down/INBOX/*/*"]
    return [("mbsync reads over IMAP", "imap", mbsync), ("fetchmail reads over POP3", "pop3", fetchmail),
            ("msmtp sends over SMTP", "smtp", msmtp)]


def in_brief(crossed, limit):
    """The lines that matter: secrets if there are any, else the dialogue before TLS and the records."""
    def tells(line):
        return any(word in line for word in ("LOGIN", "AUTH", "PASS", "USER", "STARTTLS", "STLS", "TLS", TEXT)) and \
            not line.startswith(("< 250", "< STLS", "< USER", "< SASL", "< AUTH-", "< RESP-")) and "CAPABILITY" not in line
    kept = [crossed[0]]
    for line in crossed[1:]:
        if tells(line) and not (line.startswith(("> [TLS", "< [TLS")) and kept[-1][:12] == line[:12]):
            kept.append(line)
    records = sum("[TLS application data" in line for line in crossed)
    if records:
        kept = [line for line in kept if "application data" not in line and "change cipher" not in line][:limit - 1]
        kept.append(f"... and {records} records of application data")
    return kept[:limit]


def side_by_side(left, right):
    half = WIDTH // 2 - 2
    for number in range(max(len(left), len(right))):
        a, b = (column[number] if number < len(column) else "" for column in (left, right))
        shown = a[:half].ljust(half)
        for secret in ("secret", TEXT, "AHRlc3QAc2VjcmV0"):
            shown = shown.replace(secret, paint(secret, "1;31"))
        print(f" {shown} | {b[:half]}")


def main():
    folder = tempfile.mkdtemp(prefix="retrotls-demo-")
    try:
        with Dovecot(certs.case("good"), ("imap", "pop3")) as dovecot, Exim(certs.case("good")) as exim:
            show(Demo(folder), dovecot, exim)
    finally:
        certs.clean_up()
        shutil.rmtree(folder, ignore_errors=True)


def show(demo, dovecot, exim):
    user = dovecot.mailbox(message("hello", TEXT))
    print(paint(" what crosses the network WITHOUT retrotls".ljust(WIDTH // 2) + "| and WITH it", 1))
    for title, protocol, words in clients(demo, user):
        server = exim if protocol == "smtp" else dovecot
        _, clear, _, _ = demo.session(server, protocol, words, False)
        output, upgraded, log, tap = demo.session(server, protocol, words, True)
        tap.never_saw(b"secret", TEXT.encode())
        tap.saw_only_tls_after(rb"[^\x16]*")
        assert TEXT in output or "sent" in output, output
        print(paint(f"-- {title} ".ljust(WIDTH, "-"), 1))
        side_by_side(in_brief(clear, 6), in_brief(upgraded, 6))
        print(paint(f"   {log['version']}, {log['cipher']}, certificate verified for {log['verified']}; "
                    f"the program got: {output.splitlines()[-1].strip()}", 32))
    title = "-- the same msmtp, and a server that shows a certificate for somebody else "
    print(paint(title.ljust(WIDTH, "-"), 1))
    with Exim(certs.case("other host")) as impostor:
        output, crossed, _, tap = demo.session(impostor, "smtp", clients(demo, user)[2][2], True)
        tap.never_saw(b"secret", TEXT.encode())
    assert "retrotls:" in output, output
    for line in output.splitlines():
        while line:
            print("   " + paint(line[:WIDTH - 4], 33 if "retrotls:" in line else 0))
            line = line[WIDTH - 4:]
    print(paint("   nothing of the message or the password crossed", 32))


def end(number, _):
    for each in SIGNALS:  # ignore further signals, so that the cleanup finishes
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    for each in SIGNALS:
        signal.signal(each, end)
    main()
