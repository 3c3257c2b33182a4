#include "relay/tls/tls_client.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>

#include "relay/tls/remote_key.h"

enum { PUBLIC_KEY_LIMIT = 8192 };

static bool take_certificate(SSL *ssl, BIO *in)
{
    X509 *certificate = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL);
    const bool good = certificate && SSL_use_certificate(ssl, certificate) == 1;

    X509_free(certificate);
    return good;
}

/* The certificates after the first, to the end of the file. */
static bool take_chain(SSL *ssl, BIO *in)
{
    bool good = SSL_clear_chain_certs(ssl) == 1;
    X509 *next;

    while (good && (next = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        good = SSL_add0_chain_cert(ssl, next) == 1;
        if (!good)
            X509_free(next);
    }
    if (!good || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return false;
    ERR_clear_error();
    return true;
}

static bool take_both(SSL *ssl, const uint8_t *text, size_t length)
{
    BIO *const in = BIO_new_mem_buf(text, (int)length);
    const bool good = in && take_certificate(ssl, in) && take_chain(ssl, in);

    BIO_free(in);
    return good;
}

int tls_client_certificate(SSL *ssl, const struct files *files)
{
    uint8_t *const text = malloc(MONITOR_DATA_LIMIT);
    size_t length;
    int error = text ? files_certificate(files, text, MONITOR_DATA_LIMIT, &length) : ENOMEM;

    if (error == 0 && !take_both(ssl, text, length))
        error = TLS_CLIENT_OPENSSL;
    free(text);
    return error;
}

static bool use_key(SSL *ssl, const unsigned char *der, size_t length, uint32_t grant)
{
    EVP_PKEY *const public = d2i_PUBKEY(NULL, &der, (long)length);
    EVP_PKEY *const key = public ? remote_key_new(public, grant) : NULL;
    const bool good = key && SSL_use_PrivateKey(ssl, key) == 1 && SSL_check_private_key(ssl) == 1;

    EVP_PKEY_free(key);
    EVP_PKEY_free(public);
    return good;
}

int tls_client_key(SSL *ssl, const struct files *files)
{
    uint8_t der[PUBLIC_KEY_LIMIT];
    size_t length;
    const int error = files_public_key(files, der, sizeof der, &length);

    if (error != 0)
        return error;
    return use_key(ssl, der, length, files->facts.grant) ? 0 : TLS_CLIENT_OPENSSL;
}

void tls_client_forget(SSL *ssl)
{
    SSL_certs_clear(ssl);
}
