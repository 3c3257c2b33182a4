"""What the matrix knows of a program and of each of its sessions."""
import os
import platform
import pwd
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..servers.server import UNPACKED
from ..shim import PYTHON, ROOT

TEXT = "the cat sat on the mat"
ELSEWHERE = "mail.example.org"  # curl and GIO ask no resolver for `localhost`
JARS = "/usr/share/java/bsh.jar:/usr/share/java/commons-net.jar"
INN = UNPACKED / "inn2"
MAILCHECK_32 = UNPACKED / "mailcheck-i386/usr/bin/mailcheck"


def of_package(name):
    """The version of a program that does not print it."""
    return ["dpkg-query", "-W", "-f", "${Version}", name]


# How each program prints its version: a command line. We take the first number with a dot in its output.
PROGRAMS = {
    "alpine": ["alpine", "-v"],
    "bash (/dev/tcp)": ["bash", "--version"],
    "curl": ["curl", "--version"],
    "doveadm (imapc)": ["dovecot", "--version"],
    "esmtp": of_package("esmtp"),
    "fdm": of_package("fdm"),
    "fetchmail": ["fetchmail", "--version"],
    "GIO (python3-gi)": [PYTHON, "-c", "from gi.repository import GLib as g\n"
                                       "print(g.MAJOR_VERSION, g.MINOR_VERSION, g.MICRO_VERSION, sep='.')"],
    "imapfilter": ["imapfilter", "-V"],
    "inc (nmh)": of_package("nmh"),
    "inews (INN)": ["zcat", str(INN / "usr/share/doc/inn2-inews/changelog.Debian.gz")],
    "java (commons-net)": ["java", "-version"],
    "mailcheck": of_package("mailcheck"),
    "mailcheck (32 bits)": of_package("mailcheck"),
    "mbsync": ["mbsync", "--version"],
    "mpop": ["mpop", "--version"],
    "msmtp": ["msmtp", "--version"],
    "musl (a C program)": of_package("musl"),
    "mutt": ["mutt", "-v"],
    "nc (OpenBSD)": of_package("netcat-openbsd"),
    "node": ["node", "--version"],
    "offlineimap": ["offlineimap", "--version"],
    "perl (Net::POP3, SMTP, NNTP)": ["perl", "-e", "printf '%vd', $^V"],
    "python3 (imaplib, poplib, smtplib, nntplib)": [PYTHON, "--version"],
    "ruby (net/imap, pop, smtp)": ["ruby", "--version"],
    "s-nail": ["s-nail", "-V"],
    "slrn": ["slrn", "--version"],
    "swaks": ["swaks", "--version"],
    "tclsh (tcllib)": of_package("tcl"),
    "tcpclient": of_package("ucspi-tcp"),
    "tin": ["tin", "-V"],
}


def offered(package):
    """Why this release lacks a package, if it does."""
    chosen = subprocess.run([ROOT / "tests/choose-packages", f"{package}?"], check=True, stdout=subprocess.PIPE).stdout
    there = "Version" in subprocess.run(["dpkg-query", "-W", "-f", "Version ${Version}", package], check=False,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return "" if chosen or there else f"this release has no {package}"


def version(program):
    result = subprocess.run(PROGRAMS[program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, errors="replace", env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"})
    found = re.search(r"\d+(\.\d+)+\w*", result.stdout)
    assert found, f"{program} does not print its version: {result}"
    return found[0]


@dataclass(frozen=True)
class Client:
    """A program's session in one protocol."""
    program: str  # its name in PROGRAMS
    protocol: str
    words: callable  # Session -> command line
    sends: bool
    by_address: bool  # it asks no resolver: the policy has to name the server
    only: str  # the machine that it runs on
    gone: str  # why this machine's release lacks it
    shows: bytes  # what it writes to standard output, if it reads
    slow: bool  # it takes its time by itself

    @property
    def name(self):
        return self.words.__name__

    def missing(self):
        """Why it does not run here, if it does not."""
        return self.gone or (f"runs on {self.only} alone" if self.only not in ("", platform.machine()) else "")


ALL = []


def _register(program, protocol, sends, by_address=False, only="", gone="", shows=TEXT.encode(), slow=False):
    assert program in PROGRAMS

    def register(words):
        ALL.append(Client(program, protocol, words, sends, by_address, only, gone, shows, slow))
        return words
    return register


def reads(program, protocol, **more):
    """Marks a function from a Session to the command line that fetches the first message to standard output."""
    return _register(program, protocol, False, **more)


def sends(program, protocol, **more):
    """Marks a function from a Session to the command line that sends s.mail to b@localhost (or to local.test)."""
    return _register(program, protocol, True, **more)


class _Some:
    """Clients by whether they send; complete only when all have been registered."""

    def __init__(self, sends):
        self.sends = sends

    def __iter__(self):
        return (client for client in ALL if client.sends == self.sends)


READERS, SENDERS = _Some(False), _Some(True)


class Session:
    """What a client needs to know."""

    def __init__(self, shim, tap, user=None, mail=None, server=None):
        self.shim, self.port, self.user, self.mail, self.server = shim, tap.port, user, mail, server
        shim.hosts = {ELSEWHERE: ["127.0.0.1"]}
        self.folder = shim.folder
        self.stdin = b""
        self.environment = {}

    def file(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text.format(port=self.port, user=self.user, folder=self.folder, mail=self.mail,
                                    me=pwd.getpwuid(os.geteuid()).pw_name))
        path.chmod(mode)
        return path

    def open_to_others(self):
        """As root, some programs connect as a user of their own."""
        self.shim.log_file.touch()
        self.shim.log_file.chmod(0o666)
        if self.shim.policy_file.exists():
            self.shim.policy_file.chmod(0o644)

    def java(self, script):
        """A BeanShell script in a Java machine that is small and starts fast."""
        return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx64m", "-cp", JARS,
                "bsh.Interpreter", str(self.file("Session.bsh", script))]

    def with_keys(self, command, keys):
        """A command line on a terminal, where `keys` are typed when it asks for input after what `expect` says."""
        return [PYTHON, str(Path(__file__).parent / "typist.py"), *keys, "--", *command]
