#include "relay/tls/certificate.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SECURITY_BITS = 112 }; /* what OpenSSL's security level 2 asks for: RSA of 2048 bits, SHA-224 */

/* Appends a word, cleaned, as far as there is room, with a comma before it unless it is the first. */
static void append(char *to, size_t size, const char *from, size_t length)
{
    size_t used = strlen(to);

    if (used > 0 && used + 2 < size) {
        memcpy(to + used, ", ", 3);
        used += 2;
    }
    clean_text(to + used, size - used, from, length);
}

static void append_name(char *to, size_t size, const GENERAL_NAME *name)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (name->type == GEN_DNS) {
        append(to, size, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
               (size_t)ASN1_STRING_length(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
        const int length = ASN1_STRING_length(name->d.iPAddress);

        if (length == 4 || length == 16)
            inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), text,
                      sizeof text);
        append(to, size, text, strlen(text));
    }
}

/* The common name, else the organisation, else nothing. */
static void append_subject(char *to, size_t size, const X509_NAME *subject)
{
    static const int wanted[] = {NID_commonName, NID_organizationName};

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const int at = X509_NAME_get_index_by_NID(subject, wanted[i], -1);
        unsigned char *utf8 = NULL;
        int length;

        if (at < 0)
            continue;
        length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        if (length >= 0)
            append(to, size, (const char *)utf8, (size_t)length);
        OPENSSL_free(utf8);
        if (length >= 0)
            return;
    }
}

static void names_of(char *to, size_t size, const X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    to[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && strlen(to) + 1 < size; i++)
        append_name(to, size, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    if (to[0] == '\0')
        append_subject(to, size, X509_get_subject_name(certificate));
    if (to[0] == '\0')
        append(to, size, "no name", 7);
}

static void day_of(char *to, size_t size, const ASN1_TIME *when)
{
    struct tm tm;

    if (!ASN1_TIME_to_tm(when, &tm) || strftime(to, size, "%Y-%m-%d", &tm) == 0)
        snprintf(to, size, "unknown");
}

void certificate_in_words(struct certificate_words *words, X509 *certificate)
{
    unsigned char digest[32] = {0};

    memset(words, 0, sizeof *words);
    names_of(words->names, sizeof words->names, certificate);
    append_subject(words->issuer, sizeof words->issuer, X509_get_issuer_name(certificate));
    if (words->issuer[0] == '\0')
        append(words->issuer, sizeof words->issuer, "an unnamed issuer", 17);
    day_of(words->begin, sizeof words->begin, X509_get0_notBefore(certificate));
    day_of(words->end, sizeof words->end, X509_get0_notAfter(certificate));
    snprintf(words->issue, sizeof words->issue, "ends %.10s, issued by %.36s", words->end, words->issuer);
    certificate_digest(certificate, false, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(words->sha256 + 2 * i, 3, "%02x", digest[i]);
}

bool certificate_digest(X509 *certificate, bool of_public_key, unsigned char digest[32])
{
    unsigned char *der = NULL;
    int length;
    bool done;

    if (!of_public_key)
        return X509_digest(certificate, EVP_sha256(), digest, NULL) == 1;
    length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (length <= 0)
        return false;
    done = EVP_Digest(der, (size_t)length, digest, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return done;
}

const char *certificate_weakness(X509 *certificate, char *words, size_t size)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    int digest = NID_undef, bits = -1;

    if (!key || EVP_PKEY_get_security_bits(key) < SECURITY_BITS) {
        snprintf(words, size, "a key (%s) of %d bits", key ? EVP_PKEY_get0_type_name(key) : "unknown",
                 key ? EVP_PKEY_get_bits(key) : 0);
        return words;
    }
    if (X509_self_signed(certificate, 0) == 1)
        return NULL;
    if (!X509_get_signature_info(certificate, &digest, NULL, &bits, NULL) || bits < SECURITY_BITS) {
        snprintf(words, size, "a signature with %s",
                 digest == NID_undef ? "an unknown digest" : OBJ_nid2sn(digest));
        return words;
    }
    return NULL;
}
