#include "relay/tls/tls_context.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "relay/tls/tls.h"
#include "relay/tls/tls_settings.h"

struct tls_context {
    unsigned char key[TLS_SETTINGS_KEY];
    SSL_CTX *openssl;
    unsigned references; /* guarded by `lock`, like the next */
    uint64_t used;       /* when it was last asked for */
    struct tls_sessions sessions;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tls_context *contexts[TLS_CONTEXTS_LIMIT];
static uint64_t uses;

static void destroy(struct tls_context *c)
{
    tls_sessions_close(&c->sessions);
    SSL_CTX_free(c->openssl);
    free(c);
}

static void release(struct tls_context *c)
{
    if (--c->references == 0)
        destroy(c);
}

static struct tls_context *create(const struct settings *settings, const struct files *files,
                                  const unsigned char *key, const char *server, struct failure *why)
{
    struct tls_context *c = calloc(1, sizeof *c);

    if (!c || !(c->openssl = SSL_CTX_new(TLS_client_method()))) {
        fail(why, FAILURE_NO_MEMORY, server);
        free(c);
        return NULL;
    }
    memcpy(c->key, key, sizeof c->key);
    if (!tls_apply_settings(c->openssl, settings, files, server, why)) {
        SSL_CTX_free(c->openssl);
        free(c);
        return NULL;
    }
    tls_prepare_context(c->openssl);
    tls_sessions_open(&c->sessions);
    return c;
}

/* The place for a new context: a free one, else that of the context unused for the longest. */
static size_t place(void)
{
    size_t oldest = 0;

    for (size_t i = 0; i < TLS_CONTEXTS_LIMIT; i++) {
        if (!contexts[i])
            return i;
        if (contexts[i]->used < contexts[oldest]->used)
            oldest = i;
    }
    release(contexts[oldest]);
    contexts[oldest] = NULL;
    return oldest;
}

struct tls_context *tls_context_get(const struct settings *settings, const struct files *files,
                                    const char *server, struct failure *why)
{
    unsigned char key[TLS_SETTINGS_KEY];
    struct tls_context *found = NULL;

    if (!tls_settings_key(settings, files, key)) {
        fail(why, FAILURE_NO_MEMORY, server);
        return NULL;
    }
    /* Held while a context is made, so that many connections at once do not each read the trust store. */
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < TLS_CONTEXTS_LIMIT && !found; i++) {
        if (contexts[i] && memcmp(contexts[i]->key, key, sizeof key) == 0)
            found = contexts[i];
    }
    if (!found && (found = create(settings, files, key, server, why)) != NULL) {
        found->references = 1;
        contexts[place()] = found;
    }
    if (found) {
        found->references++;
        found->used = ++uses;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void tls_context_put(struct tls_context *context)
{
    pthread_mutex_lock(&lock);
    release(context);
    pthread_mutex_unlock(&lock);
}

SSL_CTX *tls_context_openssl(struct tls_context *context)
{
    return context->openssl;
}

struct tls_sessions *tls_context_sessions(struct tls_context *context)
{
    return &context->sessions;
}

void tls_warm_up(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = context ? SSL_new(context) : NULL;
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

    if (ssl && in && out) {
        BIO_set_mem_eof_return(in, -1);
        SSL_set_bio(ssl, in, out);
        SSL_connect(ssl);
        in = out = NULL;
    }
    BIO_free(in);
    BIO_free(out);
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
}
