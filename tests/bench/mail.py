"""Real loads: dovecot and exim, curl and fetchmail, which do TLS themselves or know nothing of it."""
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from contenders import Native, Plain, Shim, Stunnel, Target
from measures import in_turns, median_of, paired, started
from support import certs
from support.servers.dovecot import Dovecot, message
from support.servers.exim import Exim

KINDS = (Plain, Native, Shim, Stunnel)
TIMEOUT = 300  # seconds per run


def timed(contender, command, folder):
    """Seconds from a command's start to its end. The command must succeed."""
    started_at = time.monotonic()
    done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=TIMEOUT, cwd=folder,
                          env={"PATH": "/usr/bin:/bin", "LANG": "C", "HOME": str(folder), **contender.environment()})
    seconds = time.monotonic() - started_at
    if done.returncode:
        raise AssertionError(f"{contender.name}: {command} gave {done.returncode}\n{done.stdout[-2000:]}")
    return seconds


def table(runs):
    return {"s": median_of(runs, float), "x native": paired(runs, "native", "retrotls", float),
            "x stunnel": paired(runs, "stunnel", "retrotls", float)}


def curl(contender, scheme, *options):
    """curl's command line up to the URLs, and the start of every URL."""
    if contender.does_tls:
        return (["curl", "-sS", "--ssl-reqd", "--cacert", certs.authority().pem, "--connect-to",
                 f"localhost:{contender.port}:{contender.address}:{contender.port}", *options],
                f"{scheme}://localhost:{contender.port}")
    return ["curl", "-sS", *options], f"{scheme}://{contender.address}:{contender.port}"


def text_of(size):
    line = "So that a line of mail is as long as lines of mail are, these words are here.\r\n"
    return (line * (size // len(line) + 1))[:size]


def curl_from_dovecot(scale, folder):
    """One IMAP connection, FETCH after FETCH."""
    count = scale(1000, 50)
    with Dovecot(certs.case("good")) as server:
        user = server.mailbox(*[message(f"number {i}", text_of(50000)) for i in range(count)])

        def fetch(contender):
            command, url = curl(contender, "imap", "-u", f"{user}:secret", "-o", "out")
            return timed(contender, [*command, f"{url}/INBOX;MAILINDEX=[1-{count}]"], folder)
        with started(KINDS, Target(*server.at("imap"), protocol="imap")) as contenders:
            for contender in contenders.values():
                fetch(contender)  # dovecot fills its index and caches
            return table(in_turns(contenders, scale(9, 2), fetch))


class Queue(Exim):
    """exim that accepts messages and keeps them in its queue: we measure only how it accepts them."""

    def configure(self):
        command, environment = super().configure()
        return [*command, "-odq"], environment

    def forget(self):
        """Empties the queue; returns how many messages it held."""
        held = list((self.folder / "spool/input").rglob("*-H"))
        for name in ("input", "msglog"):
            for file in (self.folder / "spool" / name).rglob("*"):
                if file.is_file():
                    file.unlink()
        return len(held)


def curl_to_exim(scale, folder):
    """One SMTP connection, message after message."""
    count = scale(1000, 50)
    letter = folder / "letter"
    letter.write_bytes(message("a letter", text_of(4000)))
    with Queue(certs.case("good")) as server:
        def send(contender):
            command, url = curl(contender, "smtp", "--mail-from", "a@example.org", "--mail-rcpt", "b@localhost")
            file = folder / "curl.config"
            file.write_text(f'url = "{url}"\nupload-file = "{letter}"\n' * count)
            seconds = timed(contender, [*command, "-K", file], folder)
            taken = server.forget()
            if taken != count:
                raise AssertionError(f"{contender.name}: exim took {taken} of {count} messages")
            return seconds
        with started(KINDS, Target(*server.at("smtp"), protocol="smtp")) as contenders:
            return table(in_turns(contenders, scale(7, 2), send))


def fetchmail_from_dovecot(scale, folder):
    """POP3: fetchmail reads and deletes every message."""
    count = scale(2000, 50)
    letters = [message(f"number {i}", text_of(4000)) for i in range(count)]
    with Dovecot(certs.case("good")) as server:
        def empty(contender):
            user = server.mailbox(*letters)
            tls = (f'sslproto "TLS1.2+" sslcertfile "{certs.authority().pem}" sslcertck sslcommonname "localhost"'
                   if contender.does_tls else 'sslproto ""')
            file = folder / "fetchmailrc"
            file.write_text(f'poll {contender.address} protocol POP3 port {contender.port} timeout 60\n'
                            f'user "{user}" password "secret" {tls} fetchall no rewrite bsmtp "/dev/null"\n')
            file.chmod(0o600)
            seconds = timed(contender, ["fetchmail", "-f", file, "-d0", "-s", "--pidfile", folder / "pid"], folder)
            left = len(server.messages(user))
            if left:
                raise AssertionError(f"{contender.name}: fetchmail left {left} messages")
            return seconds
        with started(KINDS, Target(*server.at("pop3"), protocol="pop3")) as contenders:
            return table(in_turns(contenders, scale(7, 2), empty))


def all_loads(scale):
    folder = Path(tempfile.mkdtemp(prefix="retrotls-bench-mail-"))
    try:
        return {"curl, IMAP: 1,000 x 50 KB from dovecot": curl_from_dovecot(scale, folder),
                "curl, SMTP: 1,000 x 4 KB to exim": curl_to_exim(scale, folder),
                "fetchmail, POP3: 2,000 x 4 KB from dovecot": fetchmail_from_dovecot(scale, folder)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
