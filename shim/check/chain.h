/*
 * Describes a server's certificates for a person. All of the text comes from a stranger, so we clean it here.
 */
#ifndef RETROTLS_CHECK_CHAIN_H
#define RETROTLS_CHECK_CHAIN_H

#include <openssl/ssl.h>
#include <stddef.h>

enum {
    CHAIN_LIMIT = 10,       /* certificates that we show */
    CHAIN_TEXT_LIMIT = 512, /* bytes of one text; a longer one is cut and ends in "..." */
    CHAIN_PIN_LIMIT = 80,
};

struct chain_certificate {
    char subject[CHAIN_TEXT_LIMIT], issuer[CHAIN_TEXT_LIMIT];   /* RFC 4514 */
    char names[CHAIN_TEXT_LIMIT];                               /* "mail.example.org, 192.0.2.1"; "": none */
    char begin[32], end[32];                                    /* "2026-11-24 08:00:00 UTC" */
    char key[64];                                               /* "RSA, 2048 bits", "EC P-256" */
    char sha256[CHAIN_PIN_LIMIT], spki_sha256[CHAIN_PIN_LIMIT]; /* as written in a policy */
};

/*
 * Reads the chain as the server sent it, verified or not, starting with the server's own certificate. Returns
 * how many certificates there are.
 */
size_t chain_read(struct chain_certificate chain[CHAIN_LIMIT], SSL *ssl);

#endif
