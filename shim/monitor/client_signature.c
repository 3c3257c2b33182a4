#include "monitor/client_signature.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <string.h>

#include "monitor/heap.h"

enum {
    HASH_LEAST = 32, /* bytes of the transcript hash: TLS 1.3's cipher suites use SHA-256 or longer */
    HASH_MOST = 64,
    /* RFC 5246, 7.4 */
    CLIENT_HELLO = 1,
    CLIENT_KEY_EXCHANGE = 16,
    HANDSHAKE_HEAD = 4,
};

/* ---- what ---- */

/* RFC 8446, 4.4.3: 64 spaces, a context string, a NUL, and a hash of the handshake. */
static bool is_of_tls_1_3(const uint8_t *what, size_t length)
{
    static const char whose[] = "TLS 1.3, client CertificateVerify"; /* its NUL is intended */
    enum { SPACES = 64 };

    if (length < SPACES + sizeof whose + HASH_LEAST || length > SPACES + sizeof whose + HASH_MOST)
        return false;
    for (size_t i = 0; i < SPACES; i++) {
        if (what[i] != ' ')
            return false;
    }
    return memcmp(what + SPACES, whose, sizeof whose) == 0;
}

/* RFC 5246, 7.4.8: the handshake messages so far, from ClientHello to ClientKeyExchange. */
static bool is_of_tls_1_2(const uint8_t *what, size_t length)
{
    size_t at = 0;
    unsigned type = 0;

    if (length < HANDSHAKE_HEAD + 2 || what[0] != CLIENT_HELLO || what[4] != 3 || what[5] != 3)
        return false;
    while (length - at >= HANDSHAKE_HEAD) {
        const size_t body = (size_t)what[at + 1] << 16 | (size_t)what[at + 2] << 8 | what[at + 3];

        type = what[at];
        at += HANDSHAKE_HEAD;
        if (body > length - at)
            return false;
        at += body;
    }
    return at == length && type == CLIENT_KEY_EXCHANGE;
}

/* ---- how ---- */

/*
 * A scheme is a key's algorithm, a digest and a padding. We allow those of RFC 8446, 4.2.3, and those of RFC
 * 5246, 7.4.1.4.1 that RFC 9155 has left, for a TLS 1.2 server that asks for nothing better. Never SHA-1 or
 * MD5: we do not speak TLS before 1.2, and the worker's security level excludes SHA-1.
 */
static bool may_sign_in_tls_1_2(const EVP_PKEY *key, const struct monitor_signing *how)
{
    const bool has_digest = how->digest > DIGEST_OF_KEY && how->digest < DIGEST_COUNT;

    if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
        return how->digest == DIGEST_OF_KEY && !how->pss;
    if (EVP_PKEY_is_a(key, "EC"))
        return has_digest && !how->pss;
    if (EVP_PKEY_is_a(key, "RSA"))
        return has_digest && !(how->pss && how->digest == DIGEST_SHA224);
    return EVP_PKEY_is_a(key, "RSA-PSS") && has_digest && how->pss && how->digest != DIGEST_SHA224;
}

/* In TLS 1.3, PKCS1-v1_5 is for certificates only, and each curve has its own digest. */
static bool may_sign_in_tls_1_3(const EVP_PKEY *key, const struct monitor_signing *how)
{
    if (EVP_PKEY_is_a(key, "RSA") && !how->pss)
        return false;
    if (EVP_PKEY_is_a(key, "EC")) {
        const int bits = EVP_PKEY_get_bits(key);

        return !how->pss && ((bits == 256 && how->digest == DIGEST_SHA256) ||
                             (bits == 384 && how->digest == DIGEST_SHA384) ||
                             (bits == 521 && how->digest == DIGEST_SHA512));
    }
    return may_sign_in_tls_1_2(key, how);
}

static bool may_sign(const EVP_PKEY *key, const struct monitor_signing *how, const uint8_t *what,
                     size_t length)
{
    if (is_of_tls_1_3(what, length))
        return may_sign_in_tls_1_3(key, how);
    return is_of_tls_1_2(what, length) && may_sign_in_tls_1_2(key, how);
}

/* ---- signing ---- */

static bool sign(EVP_MD_CTX *context, EVP_PKEY *key, const struct monitor_signing *how, const uint8_t *what,
                 size_t length, uint8_t *signature, size_t *used)
{
    static const char *const digest[DIGEST_COUNT] = {
        [DIGEST_SHA224] = "SHA2-224",
        [DIGEST_SHA256] = "SHA2-256",
        [DIGEST_SHA384] = "SHA2-384",
        [DIGEST_SHA512] = "SHA2-512",
    };
    EVP_PKEY_CTX *settings = NULL;

    return EVP_DigestSignInit_ex(context, &settings, digest[how->digest], NULL, NULL, key, NULL) == 1 &&
           (!how->pss || (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) > 0 &&
                          EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) > 0)) &&
           EVP_DigestSign(context, signature, used, what, length) == 1;
}

int client_signature(EVP_PKEY *key, const struct monitor_signing *how, const uint8_t *what, size_t length,
                     uint8_t *signature, size_t size, size_t *used)
{
    EVP_MD_CTX *context;
    bool good;

    if (!may_sign(key, how, what, length))
        return EPERM;
    heap_wipe_all(true);
    context = EVP_MD_CTX_new();
    *used = size;
    good = context && sign(context, key, how, what, length, signature, used);
    EVP_MD_CTX_free(context);
    heap_wipe_all(false);
    ERR_clear_error();
    return good ? 0 : EIO;
}
