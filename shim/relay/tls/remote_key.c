#include "relay/tls/remote_key.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/sandbox/monitor_client.h"

static const char provider_name[] = "retrotls";
static const char own_property[] = "provider=retrotls";
static const char default_property[] = "provider=default";
static const char signature_name[] = "retrotls-monitor";
static const char grant_parameter[] = "retrotls-grant";

/* ---- the key ---- */

struct remote_key {
    const char *algorithm; /* OpenSSL's name */
    EVP_PKEY *public;
    uint32_t grant; /* 0: it has no private half */
};

static void *new_key(const char *algorithm)
{
    struct remote_key *key = calloc(1, sizeof *key);

    if (key)
        key->algorithm = algorithm;
    return key;
}

static void free_key(void *data)
{
    struct remote_key *const key = data;

    if (key)
        EVP_PKEY_free(key->public);
    free(key);
}

static int key_has(const void *data, int selection)
{
    const struct remote_key *const key = data;

    return key->public && (!(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || key->grant != 0);
}

/* For SSL_check_private_key(3), which imports both keys into this provider. */
static int key_matches(const void *one, const void *other, int selection)
{
    const struct remote_key *const a = one, *const b = other;

    (void)selection;
    return a->public && b->public && EVP_PKEY_eq(a->public, b->public) == 1;
}

static const OSSL_PARAM *key_types(int selection)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
                                       OSSL_PARAM_END};

    (void)selection;
    return types;
}

static int import_key(void *data, int selection, const OSSL_PARAM params[])
{
    struct remote_key *const key = data;
    const OSSL_PARAM *const grant = OSSL_PARAM_locate_const(params, grant_parameter);
    EVP_PKEY_CTX *const context = EVP_PKEY_CTX_new_from_name(NULL, key->algorithm, default_property);
    /* It only reads the parameters, so the cast is safe. */
    const bool good =
        context && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &key->public, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)(uintptr_t)params) == 1 &&
        (!grant || OSSL_PARAM_get_uint32(grant, &key->grant) == 1);

    (void)selection;
    EVP_PKEY_CTX_free(context);
    return good;
}

/* Refuses to export the private half, so OpenSSL leaves signing to this provider. */
static int export_key(void *data, int selection, OSSL_CALLBACK *callback, void *argument)
{
    const struct remote_key *const key = data;

    return !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) && key->public &&
           EVP_PKEY_export(key->public, selection, callback, argument);
}

static int key_params(void *data, OSSL_PARAM params[])
{
    const struct remote_key *const key = data;

    return key->public && EVP_PKEY_get_params(key->public, params);
}

static const OSSL_PARAM *gettable_key_params(void *unused)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)unused;
    return known;
}

static const char *key_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? signature_name : NULL;
}

/* One for each algorithm, since OpenSSL does not say which one it means. */
#define KEY_MANAGEMENT(name, text)                                                \
    static void *new_##name(void *unused)                                         \
    {                                                                             \
        (void)unused;                                                             \
        return new_key(text);                                                     \
    }                                                                             \
    static const OSSL_DISPATCH of_##name[] = {                                    \
        {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))new_##name},                      \
        {OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))free_key},                       \
        {OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))key_has},                         \
        {OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))key_matches},                   \
        {OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))import_key},                   \
        {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))key_types},              \
        {OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))export_key},                   \
        {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))key_types},              \
        {OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))key_params},               \
        {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))gettable_key_params}, \
        {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))key_operation},  \
        {0, NULL},                                                                \
    };

KEY_MANAGEMENT(rsa, "RSA")
KEY_MANAGEMENT(rsa_pss, "RSA-PSS")
KEY_MANAGEMENT(ec, "EC")
KEY_MANAGEMENT(ed25519, "ED25519")
KEY_MANAGEMENT(ed448, "ED448")

/* ---- the signature ---- */

struct remote_signature {
    const struct remote_key *key;
    struct monitor_signing how;
};

static void *new_signature(void *unused, const char *properties)
{
    (void)unused;
    (void)properties;
    return calloc(1, sizeof(struct remote_signature));
}

static void free_signature(void *data)
{
    free(data);
}

static int set_signature_params(void *data, const OSSL_PARAM params[])
{
    struct remote_signature *const s = data;
    const OSSL_PARAM *const mode = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    int number = 0;

    if (mode && mode->data_type == OSSL_PARAM_UTF8_STRING)
        s->how.pss = strcmp(mode->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
    else if (mode && OSSL_PARAM_get_int(mode, &number))
        s->how.pss = number == RSA_PKCS1_PSS_PADDING;
    return 1; /* in TLS the salt is as long as the digest */
}

static const OSSL_PARAM *settable_signature_params(void *unused, void *unused_too)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)unused;
    (void)unused_too;
    return known;
}

/* OpenSSL may use either of its names for a digest. */
static bool number_of_digest(const char *name, uint32_t *number)
{
    static const char *const names[DIGEST_COUNT][2] = {
        [DIGEST_SHA224] = {"SHA2-224", "SHA224"},
        [DIGEST_SHA256] = {"SHA2-256", "SHA256"},
        [DIGEST_SHA384] = {"SHA2-384", "SHA384"},
        [DIGEST_SHA512] = {"SHA2-512", "SHA512"},
    };

    *number = DIGEST_OF_KEY;
    if (!name || !*name)
        return true;
    for (uint32_t i = DIGEST_OF_KEY + 1; i < DIGEST_COUNT; i++) {
        if (strcasecmp(name, names[i][0]) == 0 || strcasecmp(name, names[i][1]) == 0)
            *number = i;
    }
    return *number != DIGEST_OF_KEY;
}

static int begin_signature(void *data, const char *digest, void *key, const OSSL_PARAM params[])
{
    struct remote_signature *const s = data;

    memset(&s->how, 0, sizeof s->how);
    if (!number_of_digest(digest, &s->how.digest))
        return 0;
    if (key)
        s->key = key;
    s->how.pss = s->key && strcmp(s->key->algorithm, "RSA-PSS") == 0;
    return s->key && s->key->grant != 0 && (!params || set_signature_params(s, params));
}

static int make_signature(void *data, unsigned char *signature, size_t *used, size_t size,
                          const unsigned char *what, size_t length)
{
    const struct remote_signature *const s = data;

    if (!signature) {
        *used = (size_t)EVP_PKEY_get_size(s->key->public);
        return 1;
    }
    if (files_sign(s->key->grant, &s->how, what, length, signature, size, used) == 0)
        return 1;
    ERR_raise(ERR_LIB_EVP, EVP_R_PRIVATE_KEY_ENCODE_ERROR);
    return 0;
}

static const OSSL_DISPATCH of_signature[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))new_signature},
    {OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))free_signature},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))begin_signature},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (void (*)(void))make_signature},
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (void (*)(void))set_signature_params},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))settable_signature_params},
    {0, NULL},
};

/* ---- the provider ---- */

static const OSSL_ALGORITHM *query(void *unused, int operation, int *no_cache)
{
    /* All names that the default provider uses, since the certificate's own key goes by them. */
    static const OSSL_ALGORITHM keys[] = {
        {"RSA:rsaEncryption:1.2.840.113549.1.1.1", own_property, of_rsa, NULL},
        {"RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10", own_property, of_rsa_pss, NULL},
        {"EC:id-ecPublicKey:1.2.840.10045.2.1", own_property, of_ec, NULL},
        {"ED25519:1.3.101.112", own_property, of_ed25519, NULL},
        {"ED448:1.3.101.113", own_property, of_ed448, NULL},
        {NULL, NULL, NULL, NULL},
    };
    static const OSSL_ALGORITHM signatures[] = {
        {signature_name, own_property, of_signature, NULL},
        {NULL, NULL, NULL, NULL},
    };

    (void)unused;
    *no_cache = 0;
    if (operation == OSSL_OP_KEYMGMT)
        return keys;
    return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static const OSSL_DISPATCH of_provider[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
    {0, NULL},
};

static int begin_provider(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *from_core,
                          const OSSL_DISPATCH **to_core, void **context)
{
    (void)from_core;
    *context = (void *)(uintptr_t)handle;
    *to_core = of_provider;
    return 1;
}

static OSSL_PROVIDER *loaded; /* as long as the process lives */

/*
 * Loads the default provider first. OpenSSL loads it by itself only while there is no other, and of two
 * providers with the same algorithm it takes the one that came first.
 */
static void load(void)
{
    if (OSSL_PROVIDER_load(NULL, "default") &&
        OSSL_PROVIDER_add_builtin(NULL, provider_name, begin_provider) == 1)
        loaded = OSSL_PROVIDER_load(NULL, provider_name);
}

static EVP_PKEY *key_of(const char *algorithm, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *const context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, own_property);
    EVP_PKEY *key = NULL;

    if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

EVP_PKEY *remote_key_new(EVP_PKEY *public, uint32_t grant)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const OSSL_PARAM own[] = {OSSL_PARAM_uint32(grant_parameter, &grant), OSSL_PARAM_END};
    OSSL_PARAM *params = NULL, *all = NULL;
    EVP_PKEY *key = NULL;

    pthread_once(&once, load);
    if (loaded && EVP_PKEY_todata(public, EVP_PKEY_PUBLIC_KEY, &params) == 1)
        all = OSSL_PARAM_merge(params, own);
    if (all)
        key = key_of(EVP_PKEY_get0_type_name(public), all);
    OSSL_PARAM_free(all);
    OSSL_PARAM_free(params);
    return key;
}
