"""Certificates of every kind, good and bad. Each process makes them once, on first use.

`authority()` is the root that tests trust; `Certificate.pem` is a chain file, `.key` its key, ready for a server.
"""
import atexit
import contextlib
import datetime
import functools
import ipaddress
import shutil
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0, tzinfo=None)
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    certificate: x509.Certificate
    private_key: object
    pem: str  # file: the certificate and the chain that a server sends
    key: str  # file
    trusted: str = ""  # file with the root to trust, if it is not authority()
    crl: str = ""  # file with the CRL that revokes it

    @property
    def sha256(self):
        """The fingerprint of the certificate, as written in a policy."""
        return "sha256:" + self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def spki_sha256(self):
        """The fingerprint of the public key, as written in a policy."""
        digest = hashes.Hash(hashes.SHA256())
        digest.update(self.certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
        return "spki-sha256:" + digest.finalize().hex()


@functools.lru_cache(maxsize=None)
def _folder():
    folder = Path(tempfile.mkdtemp(prefix="retrotls-certs-"))
    folder.chmod(0o755)  # servers read it as other users
    atexit.register(clean_up)
    return folder


def clean_up():
    """Removes all files. Runs at exit; pytest-xdist workers do not exit normally, so they call it themselves."""
    shutil.rmtree(_folder(), ignore_errors=True)


@functools.lru_cache(maxsize=None)
def _key(kind="ec", number=0):
    """Certificates share keys where possible: making a key is what takes time."""
    return rsa.generate_private_key(65537, int(kind[3:])) if kind.startswith("rsa") else \
        ec.generate_private_key(ec.SECP256R1())


_count = iter(range(1, 1 << 30))


def make(common_name="", names=(), addresses=(), *, issuer=None, ca=False, key="ec", days=(-1, 30), chain=(),
         usage=ExtendedKeyUsageOID.SERVER_AUTH, constraint=None, excluded=None, digest=None, basic_constraints=True,
         organization="", authority_key=True, trusted="", crl=""):
    """Issues a certificate. `issuer` is a Certificate, or None for self-signed; `chain` are the Certificates that the
    server sends after it."""
    number = next(_count)
    private_key = _key(key, number if ca else 0)
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization, _validate=False)] if organization else []
    if common_name:
        attributes.append(_name(common_name))
    subject = x509.Name(attributes)
    with _lenient():
        issuer_name = issuer.certificate.subject if issuer else subject
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer_name)
               .public_key(private_key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(_NOW + days[0] * _DAY).not_valid_after(_NOW + days[1] * _DAY))
    alternatives = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    if basic_constraints:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if ca:
        builder = builder.add_extension(
            x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
    elif usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if constraint or excluded:
        permitted, barred = ([x509.DNSName(name)] if name else None for name in (constraint, excluded))
        builder = builder.add_extension(
            x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=barred), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(private_key.public_key()), critical=False)
    if issuer and authority_key:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.private_key.public_key()), critical=False)
    signed = builder.sign(issuer.private_key if issuer else private_key, hashes.SHA256())

    stem = _folder() / f"{number}"
    stem.with_suffix(".key").write_bytes(private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    if digest:
        signed = _signed_again(signed, issuer, digest, stem)
    pem = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in (signed, *(link.certificate for link in chain)))
    stem.with_suffix(".pem").write_bytes(pem)
    return Certificate(signed, private_key, f"{stem}.pem", f"{stem}.key", trusted, crl)


def _signed_again(certificate, issuer, digest, stem):
    """Signs with a digest that the cryptography module no longer signs with."""
    def openssl(command, given):
        return subprocess.run(["openssl", "x509", "-copy_extensions", "copy", *command], check=True, input=given,
                              capture_output=True).stdout
    request = openssl(["-x509toreq", "-key", stem.with_suffix(".key")], certificate.public_bytes(serialization.Encoding.PEM))
    return x509.load_pem_x509_certificate(openssl(["-req", "-CA", issuer.pem, "-CAkey", issuer.key, f"-{digest}",
                                                   "-set_serial", str(certificate.serial_number)], request))


@contextlib.contextmanager
def _lenient():
    """Suppresses the warnings about names longer than the standards allow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _name(common_name):
    with _lenient():
        return x509.NameAttribute(NameOID.COMMON_NAME, common_name, _validate=False)


@functools.lru_cache(maxsize=None)
def authority():
    """The root that the tests' policies trust."""
    return make("retrotls test root", ca=True)


@functools.lru_cache(maxsize=None)
def intermediate():
    return make("retrotls test intermediate", ca=True, issuer=authority())


def issued(*names, addresses=(), **options):
    """A certificate for `names`, signed directly by the root."""
    return make(names[0] if names and len(names[0]) < 64 else "", names, addresses, issuer=authority(), **options)


def _revoked():
    certificate = issued("localhost")
    crl = (x509.CertificateRevocationListBuilder().issuer_name(authority().certificate.subject)
           .last_update(_NOW - _DAY).next_update(_NOW + 30 * _DAY)
           .add_revoked_certificate(x509.RevokedCertificateBuilder()
                                    .serial_number(certificate.certificate.serial_number)
                                    .revocation_date(_NOW - _DAY).build())
           .sign(authority().private_key, hashes.SHA256()))
    path = _folder() / "revoked.crl"
    path.write_bytes(crl.public_bytes(serialization.Encoding.PEM))
    return Certificate(certificate.certificate, certificate.private_key, certificate.pem, certificate.key, "", str(path))


def _not_a_ca():
    leaf = issued("not-a-ca.example.org")
    return make("localhost", ["localhost"], issuer=leaf, chain=[leaf])


def _constrained():
    middle = make("constrained to example.org", ca=True, issuer=authority(), constraint="example.org")
    return make("localhost", ["localhost"], issuer=middle, chain=[middle])


def _not_said_to_be_a_ca():
    middle = make("no basicConstraints", ca=True, issuer=authority(), basic_constraints=False)
    return make("localhost", ["localhost"], issuer=middle, chain=[middle])


def _excluded_wildcard():
    middle = make("excluded from mail.example.org", ca=True, issuer=authority(), excluded="mail.example.org")
    return make("*.example.org", ["*.example.org"], issuer=middle, chain=[middle])


# In each case the certificate's owner claims to be `localhost` (or the name that the case is about).
CASES = {
    "good": lambda: issued("localhost", "mail.example.org", addresses=["127.0.0.1", "::1"]),
    "with intermediate": lambda: make("localhost", ["localhost"], issuer=intermediate(), chain=[intermediate()]),
    # must not be trusted
    "expired": lambda: issued("localhost", days=(-30, -1)),
    "not yet valid": lambda: issued("localhost", days=(1, 30)),
    "self-signed": lambda: make("localhost", ["localhost"]),
    "unknown root": lambda: make("localhost", ["localhost"], issuer=make("a root nobody trusts", ca=True)),
    "missing intermediate": lambda: make("localhost", ["localhost"], issuer=intermediate()),
    "signed by a non-CA": _not_a_ca,
    "signed by one not said to be a CA": _not_said_to_be_a_ca,
    "excluded wildcard": _excluded_wildcard,
    "client only": lambda: issued("localhost", usage=ExtendedKeyUsageOID.CLIENT_AUTH),
    "outside a name constraint": _constrained,
    "revoked": _revoked,
    # for somebody else
    "other host": lambda: issued("other.example.org"),
    "CN alone": lambda: make("localhost", issuer=authority()),
    # too weak for today's TLS, and the same with a stronger key
    "RSA 1024": lambda: issued("localhost", key="rsa1024"),
    "SHA-1 signature": lambda: issued("localhost", key="rsa2048", digest="sha1"),
    "RSA 2048": lambda: issued("localhost", key="rsa2048"),
}


@functools.lru_cache(maxsize=None)
def case(name):
    """The certificate of the named case."""
    return CASES[name]()
