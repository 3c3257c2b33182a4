"""The bundle in another root. The programs there talk to servers on this machine."""
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from . import certs, fresh_root, i386, protocols
from .bundle import archive
from .clients.sessions import reading, refused, sending, upgraded
from .hostile import Hostile
from .play import honest
from .servers.dovecot import Dovecot
from .servers.exim import Exim
from .shim import Shim
from .tap import Tap

LONG_FORM = [fresh_root.needs_root, pytest.mark.timeout(600),
             pytest.mark.skipif("RETROTLS_ROOTS" not in os.environ, reason="of the long form: make roots")]


def in_the_long_form(test):
    """Marks a test in another root."""
    for mark in LONG_FORM:
        test = mark(test)
    return test


WAYS = pytest.mark.parametrize("command", [False, True], ids=["LD_PRELOAD", "retrotls"])
SERVERS = {"imap": Dovecot, "pop3": Dovecot, "smtp": Exim}

# Sends its standard input whatever the greeting says; needs only what perl-base has.
CARELESS_PERL = r"""
use IO::Socket::INET;
my $server = IO::Socket::INET->new(PeerAddr => "localhost", PeerPort => $ARGV[0]) or die "connect: $@";
local $/;
print $server <STDIN>;
print <$server>;
"""

# From the root itself; runs 32-bit programs if the kernel does not.
QEMU = "qemu-i386-static"

# Shell commands that run in the root before its programs start; $1 is the session's folder.
HARDSHIPS = {
    "read-only root": """
mount -o remount,ro,bind / 2>/dev/null || mount -o remount,ro /
if touch /etc/writable /tmp/writable 2>/dev/null; then echo the root can be written; exit 99; fi
""",
    "no /dev/log": """
mount -t tmpfs tmpfs /mnt
for each in null zero random urandom; do touch /mnt/$each && mount --bind /dev/$each /mnt/$each; done
mount --rbind /mnt /dev
if [ -e /dev/log ]; then echo there is a /dev/log; exit 99; fi
""",
    "no HOME": "",
    "hidepid": """
mount -o remount,hidepid=2 /proc
""",
    "noexec tmp": """
mount --bind "$1" /mnt
mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp
mkdir -p "$1"
mount --bind /mnt "$1"
printf '#!/bin/sh\\n' > /tmp/script; chmod 755 /tmp/script
if /tmp/script 2>/dev/null; then echo /tmp executes; exit 99; fi
""",
}
NOBODY = 65534  # for hidepid: root sees all processes anyway
SEES_NOBODY_ELSE = 'if [ -e /proc/1 ]; then echo /proc shows all; exit 99; fi; exec "$@"'

BY_FILE = """
mkdir -p /etc/retrotls
cp "$1/policy" /etc/retrotls/policy
echo {library} > /etc/ld.so.preload
"""


CLIENTS_OF_DEBIAN_11 = """
dpkg --add-architecture i386
apt-get -qq update
apt-get -qq install -y --no-install-recommends curl fetchmail msmtp mutt perl libsasl2-modules bsdutils mailcheck:i386 qemu-user-static
cp /usr/bin/msmtp /usr/local/bin/  # Debian 11's is setgid, which no preload by the environment reaches: a copy is not
"""


def debian_11():
    """The folder of a root with these packages."""
    return fresh_root.furnished("bullseye", "clients", CLIENTS_OF_DEBIAN_11)


def unpacked(folder):
    """Unpacks the bundle into `folder`, where every user can read it. Returns the bundle's own folder."""
    folder.chmod(0o755)
    subprocess.run(["tar", "-xJf", archive(), "-C", folder], check=True)
    bundle, = folder.iterdir()
    return bundle


def fixture(**attributes):
    """The fixture `shim` of a module whose fixture `root` makes a root: a guest with these attributes."""
    def shim(root, bundle):
        with contextlib.closing(Guest(root, bundle)) as guest:
            for name, value in attributes.items():
                setattr(guest, name, value)
            yield guest
    return pytest.fixture(shim)


class Guest(Shim):
    """Runs its programs in a throw-away copy of `root`, where the bundle is in /opt."""

    def __init__(self, root, bundle):
        folder = Path(tempfile.mkdtemp(prefix="retrotls-test-"))
        folder.chmod(0o755)
        super().__init__(folder)
        self.scratch = Path(tempfile.mkdtemp(prefix="retrotls-root-"))
        self.root, self.bundle = root, bundle
        there = Path("/opt", bundle.name)
        self.library, self.library_32, self.library_musl = (there / place / "libretrotls.so" for place in ("", "lib32", "musl"))
        self.command = there / "retrotls"
        self.hardship = None
        self.as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        self.first_in_path = ""  # a folder in the root
        self.by_file = False  # the library is in /etc/ld.so.preload, the policy in /etc/retrotls; the environment has neither

    def close(self):
        shutil.rmtree(self.folder)
        shutil.rmtree(self.scratch)

    def guard(self, *arguments, ca=None, **more):
        shutil.copy(ca or certs.authority().pem, self.folder / "ca.pem")
        super().guard(*arguments, ca=self.folder / "ca.pem", **more)

    def policy(self, text):
        super().policy(f"log {self.log_file}\n{text}" if self.by_file else text)

    def variables(self, command=False, preload=True):
        """Names come from the root's /etc/hosts, so that no library of this machine has to be loaded there."""
        hosts, self.hosts = self.hosts, {}
        environment = super().variables(command, preload and not self.by_file)
        self.hosts = hosts
        if self.by_file:
            del environment["RETROTLS_POLICY"], environment["RETROTLS_LOG"]
        if self.first_in_path:
            environment["PATH"] = f"{self.first_in_path}:{environment['PATH']}"
        if self.hardship == "no HOME":
            del environment["HOME"]
        if self.hardship == "no /dev/log":
            del environment["RETROTLS_LOG"]
        return environment

    def placed(self, words, environment):
        hosts = "127.0.0.1 localhost\n" + "".join(f"{a} {name}\n" for name, addresses in self.hosts.items() for a in addresses)
        script = f"""printf '%s' '{hosts}' > /etc/hosts
{BY_FILE.format(library=self.library) * self.by_file}
{HARDSHIPS.get(self.hardship, '')}
cd "$1"
shift
exec env -i "$@"
"""
        if environment.get("LD_PRELOAD", "").endswith(str(self.library_32)) and not i386.EXECUTED:
            environment = dict(environment)
            words = [QEMU, "-E", f"LD_PRELOAD={environment.pop('LD_PRELOAD')}", *words]
        if self.hardship == "hidepid":
            words = [*self.as_nobody, "sh", "-c", SEES_NOBODY_ELSE, "sh", *words]
            self.policy_file.chmod(0o644)
            self.log_file.touch()
            os.chown(self.log_file, NOBODY, NOBODY)
        binds = [f"{self.bundle.parent}:/opt", f"{self.folder}:{self.folder}"]
        return [*fresh_root.entered(self.root, self.scratch, *binds), "sh", "-ec", script, "sh", str(self.folder),
                *(f"{name}={value}" for name, value in environment.items()), *words], {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


class Servers:
    """Real servers by certificate case and protocol, each started on first use."""

    def __init__(self):
        self.running = {}

    def __call__(self, case, protocol):
        key = case, SERVERS[protocol]
        if key not in self.running:
            self.running[key] = SERVERS[protocol](certs.case(case))
            self.running[key].__enter__()
        return self.running[key]

    def stop(self):
        for each in self.running.values():
            each.stop()


def whole_session(shim, servers, client, **options):
    """The client gets its mail, or sends it, and everything crosses inside TLS."""
    server = servers("good", client.protocol)
    with Tap(server.at(client.protocol)) as tap:
        shim.guard(tap.port, "secure", client.protocol)
        result = (sending if client.sends else reading)(shim, server, client, tap, **options)
        if not client.sends:
            assert client.shows in result.out, result.show() + server.logs() + tap.transcript()
            result.ok()
        upgraded(shim, tap, protocols.BY_NAME[client.protocol], result)


def refusal(shim, servers, client, **options):
    """A server with another host's certificate gets none of the client's data."""
    server = servers("other host", client.protocol)
    with Tap(server.at(client.protocol)) as tap:
        shim.guard(tap.port, "secure", client.protocol)
        refused(shim, server, client, tap, protocols.BY_NAME[client.protocol], **options)


def careless_session(shim, protocol, certificate, words, **options):
    """Runs a program (`words`, with {port} for the server's port) that sends its standard input whatever the greeting says. If
    the certificate is good, all of it goes over TLS. Otherwise none of it does, and the program reads the failure greeting."""
    with Hostile(honest(protocol, certs.case(certificate))) as server, Tap(server.address) as tap:
        shim.guard(tap.port, "secure", protocol.name)
        result = shim.run(*(word.replace("{port}", str(tap.port)) for word in words), stdin=protocol.words, **options)
        tap.wait_closed()
        server.wait_done()
    assert result.status == 0, result.show() + tap.transcript()
    tap.saw_only_tls_after(protocol.preamble)
    tap.never_saw(protocols.SECRET, protocols.SENDER)
    good = certificate == "good"
    assert server.over_tls == (protocol.words if good else b""), result.show()
    if good:
        assert re.match(protocol.upgraded, result.out), result.show()
    else:
        assert re.fullmatch(protocol.failure, result.out) and b"certificate of" in result.out, result.show()
    if shim.hardship != "no /dev/log":  # with that hardship, the log goes to syslog
        assert [line["result"] for line in shim.log_lines()] == ["tls" if good else "failed"], result.show()
