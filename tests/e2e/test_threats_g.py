"""Threats G: certificates. `secure` accepts only a good certificate for the name asked for; `encrypt` and `may` accept any.
No level accepts what is too weak for today's TLS."""
import ssl

import pytest
from support import certs, protocols
from support.play import honest, play

EACH_PROTOCOL = pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
HOST = "mail.example.org"


def addressed(shim, name=HOST, address="127.0.0.1"):
    shim.hosts = {name: [address]}


# G1: (case, words of the failure)
UNTRUSTED = {
    "expired": "expired",
    "not yet valid": "not valid yet",
    "self-signed": "self-signed|self signed",
    "unknown root": "issue",
    "missing intermediate": "issue",
    "signed by a non-CA": "CA|issue",
    "signed by one not said to be a CA": "is not an authority",
    "client only": "not for servers",
    "outside a name constraint": "may not certify",
    "revoked": "revoked",
}


@EACH_PROTOCOL
@pytest.mark.parametrize("case", UNTRUSTED)
@pytest.mark.parametrize("level", ["secure", "encrypt", "may"])
def test_g1_untrusted_certificate(shim, protocol, case, level):
    certificate = certs.case(case)
    lines = [f"crl-file {certificate.crl}"] if certificate.crl else []
    outcome = play(shim, protocol, honest(protocol, certificate), level, *lines)
    if level == "secure":
        outcome.failed(UNTRUSTED[case], "localhost")
    else:
        outcome.upgraded()


@EACH_PROTOCOL
@pytest.mark.parametrize("level", ["secure", "encrypt", "may"])
def test_g1_wildcard_for_a_host_that_its_issuer_is_excluded_from(shim, protocol, level):
    addressed(shim)
    outcome = play(shim, protocol, honest(protocol, certs.case("excluded wildcard")), level, host=HOST)
    if level == "secure":
        outcome.failed("may not certify", HOST)
    else:
        outcome.upgraded()


@EACH_PROTOCOL
def test_g1_strict_checks(shim, protocol):
    """A certificate without an authority key identifier can still be for the right host. `strict` is for users who want more."""
    certificate = certs.make("localhost", ["localhost"], issuer=certs.authority(), authority_key=False)
    play(shim, protocol, honest(protocol, certificate), "secure", "certificate-checks normal").upgraded()
    shim.log_file.unlink()
    play(shim, protocol, honest(protocol, certificate), "secure",
         "certificate-checks strict").failed("Missing Authority Key Identifier", "'certificate-checks strict'")


@EACH_PROTOCOL
def test_g1_an_intermediate_that_the_policy_names_is_trusted_without_its_root(shim, protocol):
    play(shim, protocol, honest(protocol, certs.case("missing intermediate")), "secure",
         ca=certs.intermediate().pem).upgraded()


# G2: names that a certificate may have and that do not match `mail.example.org`.
NOT_ITS_NAMES = {
    "other host": lambda: certs.issued("other.example.org"),
    "CN alone": lambda: certs.make(HOST, issuer=certs.authority()),
    "star": lambda: certs.issued("*"),
    "star of all": lambda: certs.issued("*.org"),
    "partial wildcard": lambda: certs.issued("m*l.example.org"),
    "two stars": lambda: certs.issued("*.*.org"),
    "star in the middle": lambda: certs.issued("mail.*.org"),
    "star over two labels": lambda: certs.issued("*.example.net", "*.org"),
    "embedded NUL": lambda: certs.issued("mail.example.org\0.attacker.example"),
    "suffix": lambda: certs.issued("example.org"),
}


@EACH_PROTOCOL
@pytest.mark.parametrize("case", NOT_ITS_NAMES)
@pytest.mark.parametrize("level", ["secure", "encrypt", "may"])
def test_g2_certificate_for_another_name(shim, protocol, case, level):
    addressed(shim)
    outcome = play(shim, protocol, honest(protocol, NOT_ITS_NAMES[case]()), level, host=HOST)
    if level == "secure":
        outcome.failed(HOST)
    else:
        outcome.upgraded()


@EACH_PROTOCOL
def test_g2_wildcard_does_not_reach_over_two_labels(shim, protocol):
    addressed(shim, "a.mail.example.org")
    play(shim, protocol, honest(protocol, certs.issued("*.example.org")), "secure",
         host="a.mail.example.org").failed("a.mail.example.org")


@EACH_PROTOCOL
@pytest.mark.parametrize("names", [["127.0.0.1"], ["localhost"]], ids=["IP as dNSName", "no IP at all"])
def test_g2_address_asked_for_needs_an_ip_san(shim, protocol, names):
    """The program asks for a numeric host, which only an IP SAN matches."""
    play(shim, protocol, honest(protocol, certs.issued(*names)), "secure", host="127.0.0.1").failed("127.0.0.1")


# G3: what must match. (name asked for, certificate)
MATCHES = {
    "upper case asked": ("MAIL.Example.ORG", lambda: certs.issued(HOST)),
    "upper case in the certificate": (HOST, lambda: certs.issued("MAIL.EXAMPLE.ORG")),
    "trailing dot asked": (HOST + ".", lambda: certs.issued(HOST)),
    "wildcard of one label": (HOST, lambda: certs.issued("*.example.org")),
    "second of two names": (HOST, lambda: certs.issued("other.example.org", HOST)),
    "A-label asked": ("xn--grn-ioa.example.org", lambda: certs.issued("xn--grn-ioa.example.org")),
    "U-label asked": ("grün.example.org", lambda: certs.issued("xn--grn-ioa.example.org")),
    "IPv4 address": ("127.0.0.1", lambda: certs.issued(addresses=["127.0.0.1"])),
}


@EACH_PROTOCOL
@pytest.mark.parametrize("case", MATCHES)
def test_g3_name_matches(shim, protocol, case):
    name, certificate = MATCHES[case]
    if name != "127.0.0.1":
        addressed(shim, name)
    play(shim, protocol, honest(protocol, certificate()), "secure", host=name).upgraded()


# What no level accepts: options for the server's side of the handshake.
OF_YESTERDAY = {
    "TLS 1.0": {"minimum": ssl.TLSVersion.TLSv1, "maximum": ssl.TLSVersion.TLSv1},
    "TLS 1.1": {"minimum": ssl.TLSVersion.TLSv1_1, "maximum": ssl.TLSVersion.TLSv1_1},
    "anonymous": {"maximum": ssl.TLSVersion.TLSv1_2, "ciphers": "aNULL"},
    "NULL": {"maximum": ssl.TLSVersion.TLSv1_2, "ciphers": "eNULL"},
}


@EACH_PROTOCOL
@pytest.mark.parametrize("case", OF_YESTERDAY)
@pytest.mark.parametrize("level", ["secure", "encrypt", "may"])
def test_g4_tls_of_yesterday(shim, protocol, case, level):
    play(shim, protocol, honest(protocol, certs.case("RSA 2048"), **OF_YESTERDAY[case]), level).failed("TLS")


@EACH_PROTOCOL
@pytest.mark.parametrize("case", ["RSA 1024", "SHA-1 signature"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
@pytest.mark.parametrize("level", ["secure", "encrypt", "may"])
def test_g4_weak_certificate(shim, protocol, case, version, level):
    play(shim, protocol, honest(protocol, certs.case(case), minimum=version, maximum=version), level).failed()


# Only the levels that check the server refuse these (RFC 9325, 4.1 and 4.2). A line in the block allows them.
WITHOUT_FORWARD_SECRECY_OR_AEAD = ["AES256-SHA", "AES128-GCM-SHA256", "ECDHE-RSA-AES256-SHA384"]


@EACH_PROTOCOL
@pytest.mark.parametrize("cipher", WITHOUT_FORWARD_SECRECY_OR_AEAD)
@pytest.mark.parametrize("level", ["secure", "fingerprint", "encrypt", "may"])
def test_g4_cipher_without_forward_secrecy_or_aead(shim, protocol, cipher, level):
    certificate = certs.case("RSA 2048")
    lines = [f"fingerprint {certificate.sha256}"] if level == "fingerprint" else []
    server = honest(protocol, certificate, maximum=ssl.TLSVersion.TLSv1_2, ciphers=cipher)
    outcome = play(shim, protocol, server, level, *lines)
    if level in ("secure", "fingerprint"):
        outcome.failed("no cipher in common with localhost", "'ciphers DEFAULT'")
        shim.log_file.unlink()
        play(shim, protocol, server, level, *lines, "ciphers DEFAULT").upgraded()
    else:
        outcome.upgraded()


@EACH_PROTOCOL
@pytest.mark.parametrize("suite", [b"\x00\x05", b"\x00\x03", b"\x13\x07"], ids=["RC4", "export", "unknown"])
def test_g4_server_chooses_a_cipher_never_offered(shim, protocol, suite):
    """OpenSSL no longer has RC4 and export ciphers, so we write the ServerHello by hand."""
    def scenario(s):
        protocols.greet(s, protocol)
        s.send(protocols.tagged(protocol.yes, protocols.until_starttls(s, protocol)))
        body = b"\x03\x03" + bytes(range(32)) + b"\0" + suite + b"\0"
        hello = b"\x02" + len(body).to_bytes(3, "big") + body
        s.send(b"\x16\x03\x03" + len(hello).to_bytes(2, "big") + hello)
        s.silence()
    for level in ("secure", "may"):
        play(shim, protocol, scenario, level).failed()
        shim.log_file.unlink()


@EACH_PROTOCOL
@pytest.mark.parametrize("level", ["fingerprint", "may"])
def test_g5_other_certificate_than_the_fingerprint_listed(shim, protocol, level):
    """The certificate has a valid chain and the right host, but is not the pinned one."""
    outcome = play(shim, protocol, honest(protocol, certs.case("good")), level,
                   *([f"fingerprint {certs.case('self-signed').sha256}"] if level == "fingerprint" else []))
    if level == "fingerprint":
        outcome.failed("not the one listed", "fingerprint")
    else:
        outcome.upgraded()


@EACH_PROTOCOL
def test_g6_self_signed_certificate_that_was_pinned(shim, protocol):
    certificate = certs.case("self-signed")
    play(shim, protocol, honest(protocol, certificate), "fingerprint",
         f"fingerprint {certificate.sha256}").upgraded()
