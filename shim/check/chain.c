#include "check/chain.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policy/text.h"
#include "relay/tls/certificate.h"

enum { NAME_LIMIT = 255 }; /* bytes of a DNS name */

/* A name may contain NULs; we make them visible. */
static void add_name(struct text *to, const char *name, size_t length)
{
    char copy[NAME_LIMIT + 2];

    if (length > sizeof copy - 1)
        length = sizeof copy - 1;
    for (size_t i = 0; i < length; i++)
        copy[i] = name[i] ? name[i] : '?';
    copy[length] = '\0';
    text_add(to, to->length > 0 ? ", " : "");
    text_add_clean(to, copy, NAME_LIMIT);
}

static void distinguished_name(char to[CHAIN_TEXT_LIMIT], const X509_NAME *name)
{
    struct text text = text_in(to, CHAIN_TEXT_LIMIT);
    char from[2 * CHAIN_TEXT_LIMIT] = "";
    BIO *memory = BIO_new(BIO_s_mem());
    int length = -1;

    if (memory &&
        X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
        length = BIO_read(memory, from, sizeof from - 1);
    BIO_free(memory);
    from[length > 0 ? length : 0] = '\0';
    text_add_clean(&text, from[0] ? from : "no name", CHAIN_TEXT_LIMIT - 8);
}

static void names(char to[CHAIN_TEXT_LIMIT], X509 *certificate)
{
    GENERAL_NAMES *found = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    struct text text = text_in(to, CHAIN_TEXT_LIMIT);

    for (int i = 0; i < sk_GENERAL_NAME_num(found) && !text.cut; i++) {
        const GENERAL_NAME *const name = sk_GENERAL_NAME_value(found, i);
        char address[INET6_ADDRSTRLEN];

        if (name->type == GEN_DNS) {
            add_name(&text, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                     (size_t)ASN1_STRING_length(name->d.dNSName));
        } else if (name->type == GEN_IPADD) {
            const int length = ASN1_STRING_length(name->d.iPAddress);

            if ((length == 4 || length == 16) &&
                inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), address,
                          sizeof address))
                add_name(&text, address, strlen(address));
        }
    }
    if (text.cut) {
        text_cut_back(&text, CHAIN_TEXT_LIMIT - 4);
        memcpy(to + CHAIN_TEXT_LIMIT - 4, "...", 4);
    }
    GENERAL_NAMES_free(found);
}

static void moment(char *to, size_t size, const ASN1_TIME *when)
{
    struct tm tm;

    if (!ASN1_TIME_to_tm(when, &tm) || strftime(to, size, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        snprintf(to, size, "unknown");
}

static void key(char *to, size_t size, X509 *certificate)
{
    EVP_PKEY *const public = X509_get0_pubkey(certificate);
    char group[32] = "";

    if (!public)
        snprintf(to, size, "unknown");
    else if (EVP_PKEY_get_group_name(public, group, sizeof group, NULL) == 1 && group[0])
        snprintf(to, size, "%s %s", EVP_PKEY_get0_type_name(public), group);
    else
        snprintf(to, size, "%s, %d bits", EVP_PKEY_get0_type_name(public), EVP_PKEY_get_bits(public));
}

static void pin(char to[CHAIN_PIN_LIMIT], X509 *certificate, bool of_public_key)
{
    unsigned char digest[32];
    int used = snprintf(to, CHAIN_PIN_LIMIT, of_public_key ? "spki-sha256:" : "sha256:");

    if (!certificate_digest(certificate, of_public_key, digest)) {
        to[0] = '\0';
        return;
    }
    for (size_t i = 0; i < sizeof digest; i++)
        used += snprintf(to + used, (size_t)(CHAIN_PIN_LIMIT - used), "%02x", digest[i]);
}

size_t chain_read(struct chain_certificate chain[CHAIN_LIMIT], SSL *ssl)
{
    /* On a client, the list includes the server's own certificate. */
    STACK_OF(X509) *const sent = SSL_get_peer_cert_chain(ssl);
    size_t count = 0;

    for (int i = 0; i < sk_X509_num(sent) && count < CHAIN_LIMIT; i++) {
        X509 *const certificate = sk_X509_value(sent, i);
        struct chain_certificate *const c = &chain[count++];

        distinguished_name(c->subject, X509_get_subject_name(certificate));
        distinguished_name(c->issuer, X509_get_issuer_name(certificate));
        names(c->names, certificate);
        moment(c->begin, sizeof c->begin, X509_get0_notBefore(certificate));
        moment(c->end, sizeof c->end, X509_get0_notAfter(certificate));
        key(c->key, sizeof c->key, certificate);
        pin(c->sha256, certificate, false);
        pin(c->spki_sha256, certificate, true);
    }
    return count;
}
