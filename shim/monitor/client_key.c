#include "monitor/client_key.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/heap.h"

enum { FILE_LIMIT = 256 * 1024 /* bytes of a file that we read */ };

/*
 * Reads the file without stdio, which would not wipe its buffer before freeing it: the file may hold the key.
 * OpenSSL wipes its copies of a key's numbers, but not those of its text.
 */
static int read_all(int fd, char *bytes, size_t *used)
{
    ssize_t n = 1;

    *used = 0;
    while (n > 0 && *used < FILE_LIMIT) {
        n = read(fd, bytes + *used, FILE_LIMIT - *used);
        if (n > 0)
            *used += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 1;
    }
    return n < 0 ? errno : 0;
}

/* ---- certificates ---- */

/* The length of the next line of `text`, with its newline; `left` bytes remain. */
static size_t line_length(const char *text, size_t left)
{
    const char *end = memchr(text, '\n', left);

    return end ? (size_t)(end - text) + 1 : left;
}

static bool begins_with(const char *text, size_t length, const char *with)
{
    return length >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

static int copy_certificates(const char *from, size_t left, uint8_t *to, size_t size, size_t *used)
{
    static const char *const begins[] = {"-----BEGIN CERTIFICATE-----", "-----BEGIN X509 CERTIFICATE-----",
                                         "-----BEGIN TRUSTED CERTIFICATE-----"};
    bool inside = false;

    *used = 0;
    while (left > 0) {
        const size_t length = line_length(from, left);

        for (size_t i = 0; !inside && i < sizeof begins / sizeof *begins; i++)
            inside = begins_with(from, length, begins[i]);
        if (inside && length > size - *used)
            return MONITOR_TOO_LARGE;
        if (inside) {
            memcpy(to + *used, from, length);
            *used += length;
        }
        inside = inside && !begins_with(from, length, "-----END ");
        from += length;
        left -= length;
    }
    return *used > 0 ? 0 : MONITOR_NO_CERTIFICATE;
}

int client_certificates(int fd, uint8_t *text, size_t size, size_t *length)
{
    char *const bytes = malloc(FILE_LIMIT);
    size_t used = 0;
    int error = bytes ? read_all(fd, bytes, &used) : ENOMEM;

    if (error == 0)
        error = copy_certificates(bytes, used, text, size, length);
    if (bytes)
        explicit_bzero(bytes, used);
    free(bytes);
    return error;
}

/* ---- the key ---- */

/* There is nobody to ask for a passphrase: OpenSSL must not prompt on the program's terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *unused)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)unused;
    return -1;
}

static int why_no_key(void)
{
    const unsigned long error = ERR_peek_error();
    const int reason = ERR_GET_REASON(error);

    if (reason == ERR_R_INTERRUPTED_OR_CANCELLED ||
        (ERR_GET_LIB(error) == ERR_LIB_PEM && reason == PEM_R_BAD_PASSWORD_READ))
        return MONITOR_HAS_PASSPHRASE;
    return reason == ERR_R_MALLOC_FAILURE ? ENOMEM : MONITOR_NO_KEY;
}

static int key_from(const char *text, size_t length, EVP_PKEY **key)
{
    BIO *in;
    int error = 0;

    ERR_clear_error();
    in = BIO_new_mem_buf(text, (int)length);
    *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
    if (!*key)
        error = in ? why_no_key() : ENOMEM;
    BIO_free(in);
    ERR_clear_error();
    return error;
}

int client_key_read(int fd, EVP_PKEY **key)
{
    char *const bytes = malloc(FILE_LIMIT);
    size_t used = 0;
    int error = bytes ? read_all(fd, bytes, &used) : ENOMEM;

    *key = NULL;
    if (error == 0) {
        /* This is the monitor's first use of OpenSSL. */
        OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
        heap_wipe_all(true);
        error = key_from(bytes, used, key);
        heap_wipe_all(false);
    }
    if (bytes)
        explicit_bzero(bytes, used);
    free(bytes);
    return error;
}

int client_key_public(EVP_PKEY *key, uint8_t *der, size_t size, size_t *length)
{
    unsigned char *made = NULL;
    const int count = i2d_PUBKEY(key, &made);
    int error = 0;

    if (count <= 0)
        error = MONITOR_NO_KEY;
    else if ((size_t)count > size)
        error = MONITOR_TOO_LARGE;
    else
        memcpy(der, made, *length = (size_t)count);
    OPENSSL_free(made);
    ERR_clear_error();
    return error;
}
