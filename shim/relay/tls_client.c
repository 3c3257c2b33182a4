#include "relay/tls_client.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/memory.h"

enum { FILE_LIMIT = 256 * 1024 }; /* bytes of a file that is read */

/*
 * Read here and not by stdio, whose buffer is given back as it is: either file may hold the key. The rest is
 * OpenSSL's, which wipes its own copies of a key's numbers, but not of its text.
 */
static size_t read_all(const char *path, char *bytes)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t n = fd < 0 ? -1 : 1;

    while (n > 0 && used < FILE_LIMIT) {
        n = read(fd, bytes + used, FILE_LIMIT - used);
        if (n > 0)
            used += (size_t)n;
    }
    if (n < 0)
        ERR_raise(ERR_LIB_SYS, errno);
    if (fd >= 0)
        close(fd);
    return n < 0 ? 0 : used;
}

static bool take_certificate(SSL *ssl, BIO *in)
{
    X509 *certificate = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL);
    const bool good = certificate && SSL_use_certificate(ssl, certificate) == 1;

    X509_free(certificate);
    return good;
}

/* Those behind it, to the end of the file. */
static bool take_chain(SSL *ssl, BIO *in)
{
    bool good = SSL_clear_chain_certs(ssl) == 1;
    X509 *next;

    while (good && (next = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        good = SSL_add0_chain_cert(ssl, next) == 1;
        if (!good)
            X509_free(next);
    }
    if (!good || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return false;
    ERR_clear_error();
    return true;
}

static bool take_both(SSL *ssl, BIO *in)
{
    return take_certificate(ssl, in) && take_chain(ssl, in);
}

/* Nobody can be asked for a passphrase: OpenSSL must not do it on the program's terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *unused)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)unused;
    return -1;
}

static bool take_key(SSL *ssl, BIO *in)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
    const bool good = key && SSL_use_PrivateKey(ssl, key) == 1;

    EVP_PKEY_free(key);
    return good;
}

static bool take_from(SSL *ssl, const char *path, bool (*take)(SSL *ssl, BIO *in))
{
    char *const bytes = malloc(FILE_LIMIT);
    const size_t length = bytes ? read_all(path, bytes) : 0;
    BIO *in;
    bool good;

    memory_wipe_all(true);
    in = length > 0 ? BIO_new_mem_buf(bytes, (int)length) : NULL;
    good = in && take(ssl, in);
    BIO_free(in);
    memory_wipe_all(false);
    if (bytes)
        explicit_bzero(bytes, length);
    free(bytes);
    return good;
}

bool tls_client_certificate(SSL *ssl, const char *path)
{
    return take_from(ssl, path, take_both);
}

bool tls_client_key(SSL *ssl, const char *path)
{
    return take_from(ssl, path, take_key);
}

void tls_client_forget(SSL *ssl)
{
    memory_wipe_all(true);
    SSL_certs_clear(ssl);
    memory_wipe_all(false);
}
