"""Without a ca-file, we use the system's authorities, from the place where each family of distributions keeps them; or, if the
policy says so, those next to the relay."""
import os
import subprocess
from pathlib import Path

import pytest
from support import certs, namespaces
from support.hostile import Hostile
from support.play import Outcome, honest
from support.protocols import POP3
from support.shim import PROGRAMS
from support.tap import Tap

# In a mount namespace, replaces what this machine trusts in /etc by what the test has put into $1.
WITH_ITS_PLACES = """
set -e
here=$1
shift
mkdir "$here/own-etc"
mount -t tmpfs tmpfs "$here/own-etc"
cp -a /etc/. "$here/own-etc" 2> /dev/null || :
rm -rf "$here/own-etc/ssl" "$here/own-etc/pki" "$here/own-etc/ca-certificates"
cp -a "$here/etc/." "$here/own-etc"
mount --bind "$here/own-etc" /etc
mount -t tmpfs tmpfs /var/lib
cp -a "$here/var/lib/." /var/lib
exec "$@"
"""

ROOT, LINK = "root", "link"
# {path: what is there}: the tests' root, possibly under its hash, or a link to another place.
FAMILIES = {
    "Debian": {"/etc/ssl/certs/HASH.0": ROOT, "/etc/ssl/certs/ca-certificates.crt": ROOT},
    "Debian without a folder of hashes": {"/etc/ssl/certs/ca-certificates.crt": ROOT},
    "Red Hat": {"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem": ROOT, "/etc/ssl/certs": (LINK, "/etc/pki/tls/certs"),
                "/etc/pki/tls/certs/ca-bundle.crt": (LINK, "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem")},
    "Red Hat 5": {"/etc/pki/tls/certs/ca-bundle.crt": ROOT},
    "Fedora, by hashes alone": {"/etc/pki/ca-trust/extracted/pem/directory-hash/HASH.0": ROOT},
    "SUSE": {"/var/lib/ca-certificates/pem/HASH.0": ROOT, "/var/lib/ca-certificates/ca-bundle.pem": ROOT,
             "/etc/ssl/certs": (LINK, "/var/lib/ca-certificates/pem"),
             "/etc/ssl/ca-bundle.pem": (LINK, "/var/lib/ca-certificates/ca-bundle.pem")},
    "SUSE, its file alone": {"/var/lib/ca-certificates/ca-bundle.pem": ROOT},
    "SUSE 11": {"/etc/ssl/ca-bundle.pem": ROOT},
    "Alpine": {"/etc/ssl/cert.pem": ROOT},
    "Arch": {"/etc/ca-certificates/extracted/tls-ca-bundle.pem": ROOT,
             "/etc/ssl/certs/ca-certificates.crt": (LINK, "/etc/ca-certificates/extracted/tls-ca-bundle.pem")},
    "Arch, its file alone": {"/etc/ca-certificates/extracted/tls-ca-bundle.pem": ROOT},
}

needs_mounts = pytest.mark.skipif(not namespaces.possible("mount"), reason="this kernel gives an ordinary user no namespaces: "
                                  "run the tests as root for this one")


def lay_out(shim, family, root=None):
    """Creates the files of a family in the test's folder."""
    for each in ("etc", "var/lib"):
        (shim.folder / each).mkdir(parents=True)
    root = root or certs.authority().pem
    name = subprocess.run(["openssl", "x509", "-noout", "-hash", "-in", root], check=True, capture_output=True,
                          text=True).stdout.strip()
    for path, what in family.items():
        place = shim.folder / path.replace("HASH", name).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if what == ROOT:
            place.write_bytes(Path(root).read_bytes())
        else:
            place.symlink_to(what[1])


def session(shim, *lines, command=False, before="match port {port}"):
    """A session of the careless client with a server signed by the tests' root, under a policy that does not name that root."""
    with Hostile(honest(POP3)) as server, Tap(server.address) as tap:
        shim.policy("\n".join([before.replace("{port}", str(tap.port)), "    protocol pop3", "    level secure",
                               *(f"    {line}" for line in lines)]) + "\n")
        start = [shim.command] if command else ["env", f"LD_PRELOAD={shim.library}"]
        result = shim.run(*namespaces.command("mount"), "sh", "-c", WITH_ITS_PLACES, "sh", shim.folder, *start,
                          PROGRAMS / "careless", "localhost", tap.port, stdin=POP3.words, preload=False)
        tap.wait_closed()
        server.wait_done()
        return Outcome(POP3, result, server, tap, POP3.words)


@needs_mounts
@pytest.mark.parametrize("family", FAMILIES)
def test_the_systems_authorities_are_found(shim, family):
    lay_out(shim, FAMILIES[family])
    session(shim, command=len(family) % 2 == 0).upgraded()


@needs_mounts
@pytest.mark.parametrize("family", [{}, {"/etc/ssl/certs/README": ROOT}], ids=["nothing at all", "a folder without any"])
def test_a_system_without_authorities_is_told(shim, family):
    lay_out(shim, family)
    session(shim).failed("localhost cannot be checked, because this machine trusts no authority", "install ca-certificates, or name your authorities with 'ca-file'")


@needs_mounts
def test_authorities_of_another_decade_are_told(shim):
    old = certs.make("A Root of Old", ca=True, days=(-4400, 3000))
    lay_out(shim, FAMILIES["Red Hat"], old.pem)
    session(shim).failed(f"newest roots are from {old.certificate.not_valid_before.year}: update ca-certificates, or name the authority with 'ca-file'")


@needs_mounts
def test_authorities_of_today_are_not_called_old(shim):
    lay_out(shim, FAMILIES["Red Hat"], certs.make("Another Root", ca=True).pem)
    session(shim).failed("unknown issuer|unknown root")


@needs_mounts
def test_the_environment_does_not_choose_authorities(shim):
    lay_out(shim, FAMILIES["Alpine"], certs.make("Another Root", ca=True).pem)
    shim.environment.update(SSL_CERT_FILE=certs.authority().pem, SSL_CERT_DIR=str(Path(certs.authority().pem).parent))
    session(shim).failed("unknown issuer|unknown root")


@needs_mounts
def test_ca_file_system_takes_a_defaults_ca_file_back(shim):
    lay_out(shim, FAMILIES["Arch"])
    other = certs.make("Another Root", ca=True).pem
    session(shim, "ca-file system", before=f"ca-file {other}\nmatch port {{port}}").upgraded()


def bundled(shim, *, root=True, mode=0o644):
    """Sets up the build as in the archive of `make bundle`, but with the tests' root."""
    shim.private_build()
    if root:
        beside = shim.build / "ca-certificates.pem"
        beside.write_text("# Of 2023-03-11: the tests'\n" + Path(certs.authority().pem).read_text())
        beside.chmod(mode)


@needs_mounts
@pytest.mark.parametrize("command", [False, True], ids=["LD_PRELOAD", "retrotls"])
def test_bundled_authorities_where_the_policy_says_so(shim, command):
    bundled(shim)
    lay_out(shim, {})
    session(shim, "ca-file bundled", command=command).upgraded()


@needs_mounts
def test_bundled_authorities_nowhere_else(shim):
    bundled(shim)
    lay_out(shim, {})
    session(shim).failed("trusts no authority")


@needs_mounts
def test_bundled_authorities_are_instead_of_the_systems(shim):
    bundled(shim)
    (shim.build / "ca-certificates.pem").write_bytes(Path(certs.make("Another Root", ca=True).pem).read_bytes())
    lay_out(shim, FAMILIES["Debian"])
    session(shim, "ca-file bundled").failed("unknown issuer|unknown root")


@needs_mounts
@pytest.mark.parametrize("why,options", [("there is no ca-certificates.pem beside the relay", {"root": False}),
                                         ("somebody else can write to it", {"mode": 0o664})])
def test_bundled_authorities_that_cannot_be_used(shim, why, options):
    bundled(shim, **options)
    lay_out(shim, FAMILIES["Debian"])
    session(shim, "ca-file bundled").failed("'ca-file bundled' cannot be used: " + why)


def test_explain_shows_which_authorities(shim):
    bundled(shim)
    shim.policy("ca-file /nothing\nmatch host a.example.org\n ca-file bundled\nmatch host b.example.org\n ca-file system\n")
    shim.policy(shim.policy_file.read_text().replace("/nothing", str(certs.authority().pem)))

    def explained(host):
        text = subprocess.run([shim.command, "-p", shim.policy_file, "explain", f"{host}:143"], check=True, capture_output=True,
                              text=True, env={**os.environ, "COLUMNS": "400"}).stdout
        return " ".join(next(line for line in text.splitlines() if line.startswith("  ca-file")).split())
    assert explained("a.example.org") == (f"ca-file bundled: {shim.build}/ca-certificates.pem, of 2023-03-11 "
                                          f"({shim.policy_file}:3)")
    assert explained("b.example.org") == f"ca-file the system's ({shim.policy_file}:5)"
    (shim.build / "ca-certificates.pem").unlink()
    assert "missing" in explained("a.example.org")
