"""Policy errors that only OpenSSL can find: retrotls lint shows them like other errors, and a program reads them in the
greeting. Also blocks that never decide, and other warnings."""
import re

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from support import certs
from support.hostile import Hostile
from support.play import honest
from support.protocols import IMAP
from support.tree import assert_fits, one_line

NOT_ITS_KEY = "it is not the key of the client-cert"


def write(folder, name, text, mode=0o600):
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def lint(shim):
    return shim.run(shim.command, "lint", shim.policy_file, preload=False)


def pair(shim, certificate, key, together):
    """The settings for a certificate and a key, in one file or in two."""
    if together:
        return [f"client-cert {write(shim.folder, 'both.pem', read(certificate.pem) + key)}"]
    return [f"client-cert {write(shim.folder, 'cert.pem', read(certificate.pem))}",
            f"client-key {write(shim.folder, 'key.pem', key)}"]


def as_pem(key, form=serialization.PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(serialization.Encoding.PEM, form, encryption or serialization.NoEncryption()).decode()


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("kind, key", [
    ("ec", lambda: ec.generate_private_key(ec.SECP256R1())),
    ("rsa2048", lambda: rsa.generate_private_key(65537, 2048)),
    ("rsa2048", lambda: ec.generate_private_key(ec.SECP256R1())),
    ("ec", lambda: ed25519.Ed25519PrivateKey.generate()),
], ids=["ec", "rsa", "rsa and ec", "ec and ed25519"])
def test_key_of_another_certificate(shim, kind, key, together):
    certificate = certs.make("client", ["client.example.org"], issuer=certs.authority(), key=kind)
    settings = pair(shim, certificate, as_pem(key()), together)
    with Hostile(honest(IMAP)) as server:
        shim.guard(server.port, "secure", "imap", *settings)
        result = lint(shim)
        session = shim.careless("localhost", server.port, IMAP.words)
    blamed = "client-cert" if together else "client-key"
    line = 5 + len(settings) - 1
    assert result.status == 1
    assert result.out.decode().splitlines()[0] == \
        f"{shim.policy_file}:{line}:{6 + len(blamed)}: '{blamed}' cannot be used: {NOT_ITS_KEY}"
    assert f"'{blamed} {shim.folder}"[:40].encode() in session.out and NOT_ITS_KEY.encode() in session.out, session.show()


@pytest.mark.parametrize("together", [False, True])
def test_pair_that_belongs_together(shim, together):
    certificate = certs.make("client", ["client.example.org"], issuer=certs.authority())
    shim.guard(143, "secure", "imap", *pair(shim, certificate, read(certificate.key), together))
    result = lint(shim).ok()
    assert result.out.decode() == f"{shim.policy_file}: no errors\n"


@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
def test_key_with_a_passphrase(shim, form):
    certificate = certs.make("client", ["client.example.org"], issuer=certs.authority())
    key = as_pem(certificate.private_key, form, serialization.BestAvailableEncryption(b"secret"))
    cert = write(shim.folder, "cert.pem", read(certificate.pem))
    shim.policy(f"client-cert {cert}\nclient-key {write(shim.folder, 'key.pem', key)}\n")
    assert b"it has a passphrase, and there is nobody to ask for it" in lint(shim).out


@pytest.mark.parametrize("setting, value", [
    ("ciphers", "HIHG"), ("ciphersuites", "TLS_AES_512"), ("groups", "X25518"),
    ("ca-file", "garbage"), ("crl-file", "garbage"), ("client-cert", "garbage"),
])
def test_value_that_openssl_cannot_use(shim, setting, value):
    write(shim.folder, "garbage", "".join(f"-----BEGIN {what}-----\nAAAA\n-----END {what}-----\n"
                                          for what in ("CERTIFICATE", "X509 CRL", "PRIVATE KEY")))
    shim.policy(f"match port 143\n    level secure\nmatch port 110\n    {setting} {value}\n")
    result = lint(shim)
    first, excerpt, caret = result.out.decode().splitlines()
    assert result.status == 1
    assert first.startswith(f"{shim.policy_file}:4:{6 + len(setting)}: '{setting}' cannot be used: ")
    assert (excerpt.strip(), caret.strip()[0]) == (f"{setting} {value}", "^")


def test_everything_at_once(shim):
    """OpenSSL's errors together with those of the policy language. An error that several blocks inherit is reported once."""
    shim.policy("ciphers HIHG\nmatch port 143\n    level encrypt\nmatch port 110\n    levle may\nmatch port 25\n"
                "    groups X25518\n    level encrypt\n    ciphers HIGH\n")
    told = [line for line in lint(shim).out.decode().splitlines() if line.startswith("/")]
    assert [line.split(":")[1] for line in told] == ["5", "1", "7"], told


def test_blocks_that_never_decide(shim):
    shim.policy("match host *.example.org port 143\n    level may\nmatch port 143 host *.example.org program mutt\n"
                "    level secure\nmatch port 110\n")
    result = lint(shim).ok()
    out = result.out.decode()
    assert out.splitlines()[0] == f"{shim.policy_file}: no errors"
    assert one_line(out.partition("\n")[2]) == \
        f"{shim.policy_file}:3: warning: this block never decides: the one at {shim.policy_file}:1 comes first, and " \
        "fits everything that it fits"
    assert_fits(out)


@pytest.mark.parametrize("settings, warned", [
    ("tls implicit", True), ("tls implicit\n    level may", True), ("tls implicit\n    connect-to 9993", True),
    ("tls implicit\n    protocol imap", False), ("tls implicit\n    connect-to 993", False),
    ("tls implicit\n    level none", False), ("level encrypt", False)])
def test_server_whose_protocol_nothing_tells(shim, settings, warned):
    """retrotls cannot ask such a server to prove that it is a mail server."""
    shim.policy(f"match port 9143\n    {settings}\n")
    out = lint(shim).ok().out.decode()
    assert (f"{shim.policy_file}:1: warning: retrotls cannot know which protocol the server at port 9143 speaks" in one_line(out)) == warned, out
    assert ("'protocol NAME'" in out) == warned
    assert_fits(out)


@pytest.mark.parametrize("port, plaintext", [("993", 143), ("465", 25), ("995", 110), ("nntps", 119)])
def test_starttls_at_a_port_for_tls_from_the_first_byte(shim, port, plaintext):
    shim.policy(f"match port 25 {port}\nmatch port 143 {port} host a.example.org\n    tls implicit\n"
                f"match port {port} host b.example.org\n    level none\n")
    out = lint(shim).ok().out.decode()
    assert out.count("warning") - out.count("never decides") == 1
    assert re.search(rf"{shim.policy_file}:1: warning: servers at port \d+ speak TLS .* such as {plaintext}, and add 'tls implicit'",
                     one_line(out)), out
