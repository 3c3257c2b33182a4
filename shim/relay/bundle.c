#include "relay/bundle.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <unistd.h>

static X509_LOOKUP_METHOD *method;

/* Whether OpenSSL has failed for want of what there may be more of next time. */
static bool was_short(bool opened)
{
    if (!opened)
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM;
    return ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
}

/*
 * Not X509_STORE_load_file(), which changes the list of lookups that other threads are walking through. False
 * where it is to be read again.
 */
static bool read_file(X509_STORE *store, const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    bool added = true;
    X509 *root;

    while (file && added && (root = PEM_read_bio_X509_AUX(file, NULL, NULL, NULL)) != NULL) {
        added = X509_STORE_add_cert(store, root) == 1;
        X509_free(root);
    }
    added = added && !was_short(file != NULL);
    BIO_free(file);
    return added;
}

/* The method's data is the path until the file has been read. */
static void read_once(X509_LOOKUP *lookup)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const char *path;

    pthread_mutex_lock(&lock);
    path = X509_LOOKUP_get_method_data(lookup);
    if (path) {
        ERR_set_mark();
        if (read_file(X509_LOOKUP_get_store(lookup), path))
            X509_LOOKUP_set_method_data(lookup, NULL);
        ERR_pop_to_mark();
    }
    pthread_mutex_unlock(&lock);
}

/* Called for a certificate or CRL that is in neither the store nor an earlier lookup. */
static int find(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name, X509_OBJECT *found)
{
    X509_STORE *store = X509_LOOKUP_get_store(lookup);
    const X509_OBJECT *object;
    X509 *root;
    int result = 0;

    if (type != X509_LU_X509)
        return 0;
    read_once(lookup);
    X509_STORE_lock(store);
    object = X509_OBJECT_retrieve_by_subject(X509_STORE_get0_objects(store), type, name);
    root = object ? X509_OBJECT_get0_X509(object) : NULL;
    if (root && X509_OBJECT_set1_X509(found, root)) {
        X509_free(root); /* the caller counts its reference itself (crypto/x509/x509_lu.c); the store keeps
                            another */
        result = 1;
    }
    X509_STORE_unlock(store);
    return result;
}

static void make_method(void)
{
    method = X509_LOOKUP_meth_new("retrotls bundle");
    if (method)
        X509_LOOKUP_meth_set_get_by_subject(method, find);
}

bool bundle_add(X509_STORE *store, const char *path)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    X509_LOOKUP *lookup;

    if (access(path, R_OK) != 0)
        return true;
    pthread_once(&once, make_method);
    lookup = method ? X509_STORE_add_lookup(store, method) : NULL;
    return lookup && X509_LOOKUP_set_method_data(lookup, (void *)(uintptr_t)path) == 1;
}
