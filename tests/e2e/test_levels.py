"""Each level with each kind of server: the policy's promise is kept."""
import pytest
from support import certs, protocols
from support.play import honest, plaintext_only, play

CERTIFICATES = ["good", "self-signed", "other host", "expired"]
# The outcome for each server at each level.
TABLE = {
    "none": {"good": "clear", "self-signed": "clear", "other host": "clear", "expired": "clear", "no TLS": "clear"},
    "may": {"good": "tls", "self-signed": "tls", "other host": "tls", "expired": "tls", "no TLS": "clear"},
    "encrypt": {"good": "tls", "self-signed": "tls", "other host": "tls", "expired": "tls", "no TLS": "failed"},
    "secure": {"good": "tls", "self-signed": "failed", "other host": "failed", "expired": "failed",
               "no TLS": "failed"},
    # The policy lists the self-signed certificate's fingerprint.
    "fingerprint": {"good": "failed", "self-signed": "tls", "other host": "failed", "expired": "failed",
                    "no TLS": "failed"},
}
REASONS = {"self-signed": ["self-signed|self signed", "localhost"], "other host": ["other.example.org", "localhost"],
           "expired": ["expired", "localhost"], "no TLS": ["localhost"], "good": []}


@pytest.mark.parametrize("protocol", protocols.ALL, ids=lambda p: p.name)
@pytest.mark.parametrize("server", [*CERTIFICATES, "no TLS"])
@pytest.mark.parametrize("level", TABLE)
def test_level(shim, level, server, protocol):
    scenario = plaintext_only(protocol) if server == "no TLS" or level == "none" else \
        honest(protocol, certs.case(server))
    lines = [f"fingerprint {certs.case('self-signed').sha256}"] if level == "fingerprint" else []
    outcome = play(shim, protocol, scenario, level, *lines)
    expected = TABLE[level][server]
    if level == "none":
        assert outcome.tap.up == protocol.words, outcome.show()
        assert outcome.result.lines == [], "an untouched connection is nobody's business"
    elif expected == "tls":
        outcome.upgraded()
    elif expected == "clear":
        outcome.in_clear()
    else:
        outcome.failed(*(REASONS[server] if level != "fingerprint" or server == "no TLS" else ["not the one listed"]))


@pytest.mark.parametrize("pin", ["sha256", "spki_sha256"])
def test_fingerprint_of_certificate_and_of_public_key(shim, pin):
    certificate = certs.case("self-signed")
    play(shim, protocols.IMAP, honest(protocols.IMAP, certificate), "fingerprint",
         f"fingerprint {getattr(certificate, pin)}").upgraded()


def test_one_of_several_fingerprints_is_enough(shim):
    """For a rollover: the policy lists the next certificate before the server uses it."""
    play(shim, protocols.POP3, honest(protocols.POP3, certs.case("self-signed")), "fingerprint",
         f"fingerprint sha256:{'00' * 32} {certs.case('self-signed').sha256}").upgraded()


def test_name_of_the_policy_overrides_the_name_asked(shim):
    certificate = certs.case("other host")
    play(shim, protocols.SMTP, honest(protocols.SMTP, certificate), "secure", "name other.example.org").upgraded()
    shim.log_file.unlink()
    play(shim, protocols.SMTP, honest(protocols.SMTP, certs.case("good")), "secure",
         "name other.example.org").failed("other.example.org")
