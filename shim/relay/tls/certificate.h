/*
 * A certificate in words for a person, and its SHA-256 in the policy's notation.
 *
 * A stranger wrote what a certificate says: it may hold control bytes, NUL and ten thousand characters. All
 * of it is cleaned and cut here.
 */
#ifndef RETROTLS_RELAY_TLS_CERTIFICATE_H
#define RETROTLS_RELAY_TLS_CERTIFICATE_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "relay/protocol/failure.h"

enum { DIGEST_HEX = 65 }; /* SHA-256 in hex digits, with the NUL */

struct certificate_words {
    char names[CLEAN_FIELD_LIMIT + 1];  /* "mail.example.org, 192.0.2.1"; the subject if it has no names */
    char issuer[CLEAN_FIELD_LIMIT + 1]; /* "Example CA" */
    char begin[16], end[16];            /* "2026-11-24" */
    char issue[CLEAN_FIELD_LIMIT + 1];  /* "ends 2026-11-24, issued by Example CA" */
    char sha256[DIGEST_HEX];            /* of the whole certificate, lower case */
};

void certificate_in_words(struct certificate_words *words, X509 *certificate);

/* SHA-256 of the certificate (DER), or of its public key (SubjectPublicKeyInfo, DER; RFC 7469, 2.4). */
bool certificate_digest(X509 *certificate, bool of_public_key, unsigned char digest[32]);

/*
 * Says what makes the certificate too weak for any level that checks certificates ("an RSA key of 1024 bits",
 * "a signature with SHA1"); NULL if nothing does. The signature of a self-signed certificate proves nothing,
 * and is ignored.
 */
const char *certificate_weakness(X509 *certificate, char *words, size_t size);

#endif
