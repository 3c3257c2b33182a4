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
    unsigned references; /* guarded by `lock`, like the next two */
    uint64_t used;       /* when it was last asked for */
    bool made;           /* it can be used; until then only the thread that makes it may touch it */
    struct tls_sessions sessions;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t made_or_not = PTHREAD_COND_INITIALIZER;
static struct tls_context *contexts[TLS_CONTEXTS_LIMIT];
static uint64_t uses;

/* ---- the first one ---- */

static pthread_mutex_t warming = PTHREAD_MUTEX_INITIALIZER;
static SSL_CTX *warm; /* guarded by `warming` */

/*
 * If the one that is being warmed up is not ready yet, waits for it: making a second one would take as long.
 */
static SSL_CTX *new_openssl_context(void)
{
    SSL_CTX *context;

    pthread_mutex_lock(&warming);
    context = warm;
    warm = NULL;
    pthread_mutex_unlock(&warming);
    return context ? context : SSL_CTX_new(TLS_client_method());
}

static void destroy(struct tls_context *c)
{
    if (c->made)
        tls_sessions_close(&c->sessions);
    SSL_CTX_free(c->openssl);
    free(c);
}

static void release(struct tls_context *c)
{
    if (--c->references == 0)
        destroy(c);
}

static bool make(struct tls_context *c, const struct settings *settings, const struct files *files,
                 const char *server, struct failure *why)
{
    c->openssl = new_openssl_context();
    if (!c->openssl) {
        fail(why, FAILURE_NO_MEMORY, server);
        return false;
    }
    if (!tls_apply_settings(c->openssl, settings, files, server, why))
        return false;
    tls_prepare_context(c->openssl);
    tls_sessions_open(&c->sessions);
    return true;
}

/* ---- the table of contexts; call these under the lock ---- */

static struct tls_context **place_of(const struct tls_context *c)
{
    for (size_t i = 0; i < TLS_CONTEXTS_LIMIT; i++) {
        if (contexts[i] == c)
            return &contexts[i];
    }
    return NULL;
}

/* Drops the context that has been unused for the longest. False if all are being made. */
static bool make_place(void)
{
    struct tls_context *oldest = NULL;

    for (size_t i = 0; i < TLS_CONTEXTS_LIMIT; i++) {
        if (contexts[i]->made && (!oldest || contexts[i]->used < oldest->used))
            oldest = contexts[i];
    }
    if (!oldest)
        return false;
    *place_of(oldest) = NULL;
    release(oldest);
    return true;
}

/* Begins a context for others to find. If the table is full, only this connection uses it. */
static struct tls_context *begin(const unsigned char *key)
{
    struct tls_context *const c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    memcpy(c->key, key, sizeof c->key);
    c->references = 1;
    if (place_of(NULL) || make_place()) {
        *place_of(NULL) = c;
        c->references++;
    }
    return c;
}

static void finish(struct tls_context *c, bool good)
{
    struct tls_context **const place = place_of(c);

    c->made = good;
    if (!good) { /* nobody else has it yet */
        if (place)
            *place = NULL;
        destroy(c);
    }
    pthread_cond_broadcast(&made_or_not);
}

/* Waits while another thread makes it, so that many connections at once do not each read the trust store. */
static struct tls_context *find(const unsigned char *key)
{
    for (size_t i = 0; i < TLS_CONTEXTS_LIMIT; i++) {
        if (!contexts[i] || memcmp(contexts[i]->key, key, sizeof contexts[i]->key) != 0)
            continue;
        if (contexts[i]->made) {
            contexts[i]->references++;
            return contexts[i];
        }
        pthread_cond_wait(&made_or_not, &lock);
        i = (size_t)-1; /* start again from the first: the one that we waited for may be gone */
    }
    return NULL;
}

struct tls_context *tls_context_get(const struct settings *settings, const struct files *files,
                                    const char *server, struct failure *why)
{
    unsigned char key[TLS_SETTINGS_KEY];
    struct tls_context *c;
    bool good = true;

    if (!tls_settings_key(settings, files, key)) {
        fail(why, FAILURE_NO_MEMORY, server);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    c = find(key);
    if (!c) {
        c = begin(key);
        pthread_mutex_unlock(&lock);
        if (!c) {
            fail(why, FAILURE_NO_MEMORY, server);
            return NULL;
        }
        /* Without the lock: the files' file system may hang, and other contexts must not wait for it. */
        good = make(c, settings, files, server, why);
        pthread_mutex_lock(&lock);
        finish(c, good);
    }
    if (good)
        c->used = ++uses;
    pthread_mutex_unlock(&lock);
    return good ? c : NULL;
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
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;

    pthread_mutex_lock(&warming);
    context = SSL_CTX_new(TLS_client_method());
    ssl = context ? SSL_new(context) : NULL;
    in = BIO_new(BIO_s_mem());
    out = BIO_new(BIO_s_mem());
    if (ssl && in && out) {
        BIO_set_mem_eof_return(in, -1);
        SSL_set_bio(ssl, in, out);
        SSL_connect(ssl);
        in = out = NULL;
    }
    BIO_free(in);
    BIO_free(out);
    SSL_free(ssl);
    SSL_CTX_free(warm);
    warm = context;
    pthread_mutex_unlock(&warming);
    ERR_clear_error();
}
