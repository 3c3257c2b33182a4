#include "relay/tls/tls_settings.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "monitor/heap.h"
#include "relay/tls/roots.h"
#include "relay/tls/tls_client.h"
#include "wire/wire.h"

enum {
    SECURITY_LEVEL = 2, /* OpenSSL's: 112 bits, which leaves out RSA and DH below 2048 bits and SHA-1 */
};

/*
 * What TLS 1.2 may use unless the policy says otherwise: a key exchange with forward secrecy and an AEAD
 * cipher (RFC 9325, 4.1 and 4.2). All of TLS 1.3 is like that. RFC 9325 advises against finite-field
 * Diffie-Hellman (DHE) altogether. It comes last here, because some mail servers have nothing better with
 * forward secrecy, and the security level refuses groups below 2048 bits.
 */
static const char modern[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20";

/* Whatever a policy's `ciphers` says, these are never used. */
static const char never[] = ":!aNULL:!eNULL:!EXPORT:!RC4:!MD5:!DES:!3DES";

/* Plainer words, where OpenSSL's own say too little. */
static const char *plainer(unsigned long error)
{
    const int library = ERR_GET_LIB(error), reason = ERR_GET_REASON(error);

    if ((library == ERR_LIB_X509 &&
         (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH)) ||
        (library == ERR_LIB_SSL && reason == SSL_R_NO_CERTIFICATE_ASSIGNED))
        return "it is not the key of the client-cert";
    return NULL;
}

/* The text of OpenSSL's first error, which is the cause of those after it; empties its queue. */
static const char *openssl_says(void)
{
    const unsigned long error = ERR_peek_error();
    const char *reason = plainer(error);

    if (!reason)
        reason = ERR_reason_error_string(error);
    ERR_clear_error();
    return reason ? reason : "cannot be used";
}

/* Where to report a setting that cannot be used. */
struct report {
    const char *server;
    struct failure *why;
    struct tls_fault *fault; /* used instead, if not NULL */
    const struct files *files;
};

static bool refuse_saying(const struct report *to, const char *setting, const char *value, const char *says)
{
    if (to->fault)
        *to->fault = (struct tls_fault){setting, says};
    else
        fail(to->why, FAILURE_TLS_SETTING, to->server, setting, value, says);
    return false;
}

static bool refuse(const struct report *to, const char *setting, const char *value)
{
    return refuse_saying(to, setting, value, openssl_says());
}

static bool refuse_file(const struct report *to, const char *setting, const char *path, int error)
{
    return error == TLS_CLIENT_OPENSSL ? refuse(to, setting, path)
                                       : refuse_saying(to, setting, path, files_error(error));
}

bool tls_learn_files(struct files *files, const struct settings *s, const char *server, struct failure *why)
{
    const struct report *const to = &(struct report){.server = server, .why = why, .files = files};
    const struct {
        enum named which;
        const char *setting, *path;
        bool used;
    } all[] = {
        {NAMED_CA_FILE, "ca-file", s->ca_file, s->level == LEVEL_SECURE},
        {NAMED_CA_DIR, "ca-dir", s->ca_dir, s->level == LEVEL_SECURE},
        {NAMED_CRL_FILE, "crl-file", s->crl_file, s->level == LEVEL_SECURE},
        {NAMED_CLIENT_CERT, "client-cert", s->client_cert, true},
        {NAMED_CLIENT_KEY, "client-key", s->client_key, true},
    };

    _Static_assert(sizeof all / sizeof *all == NAMED_BUNDLE,
                   "all that settings name, as settings.def has them");

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const int error = all[i].path && all[i].used ? files_learn(files, all[i].which) : 0;

        if (error != 0)
            return refuse_file(to, all[i].setting, all[i].path, error);
    }
    return true;
}

/* Gives the store the contents of a file that the settings name. */
static bool add_file(X509_STORE *store, enum named which, const char *setting, const char *path,
                     const struct report *to)
{
    int fd, error = files_open(to->files, which, &fd);

    if (error == 0 && !(which == NAMED_CRL_FILE ? roots_add_crls(store, fd) : roots_add_file(store, fd)))
        error = TLS_CLIENT_OPENSSL;
    return error == 0 || refuse_file(to, setting, path, error);
}

static bool trust_system(X509_STORE *store, const struct files *files)
{
    return (files->facts.state[NAMED_CA_DIR].inode == 0 || roots_add_folder(store)) &&
           (files->facts.state[NAMED_BUNDLE].inode == 0 || roots_add_bundle(store));
}

/*
 * The server's own certificate must have a valid list. The lists of the others in the chain, which a person
 * may not have, count if they are there. An intermediate that the policy trusts by itself (verify.c) ends the
 * chain. Its issuer is then not known, so the signature on the issuer's list cannot be checked; what the list
 * revokes is revoked all the same, because the policy names it.
 */
static int on_certificate(int good, X509_STORE_CTX *chain)
{
    const int error = X509_STORE_CTX_get_error(chain), depth = X509_STORE_CTX_get_error_depth(chain);
    const bool partial =
        X509_VERIFY_PARAM_get_flags(X509_STORE_CTX_get0_param(chain)) & X509_V_FLAG_PARTIAL_CHAIN;

    if (good || depth == 0)
        return good;
    if (error == X509_V_ERR_UNABLE_TO_GET_CRL || error == X509_V_ERR_DIFFERENT_CRL_SCOPE)
        return 1; /* there is none, or none about authorities */
    return partial && depth == sk_X509_num(X509_STORE_CTX_get0_chain(chain)) - 1 &&
           (error == X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER || error == X509_V_ERR_CRL_SIGNATURE_FAILURE);
}

static bool apply_trust(X509_STORE *store, const struct settings *s, const struct report *to)
{
    unsigned long flags = 0;

    if (s->ca_file && !add_file(store, NAMED_CA_FILE, "ca-file", s->ca_file, to))
        return false;
    if (s->ca_dir && !roots_add_folder(store))
        return refuse(to, "ca-dir", s->ca_dir);
    if (!s->ca_file && !s->ca_dir && !trust_system(store, to->files))
        return refuse(to, "the system's trust store", X509_get_default_cert_dir());
    if (s->crl_file) {
        if (!add_file(store, NAMED_CRL_FILE, "crl-file", s->crl_file, to))
            return false;
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
        X509_STORE_set_verify_cb(store, on_certificate);
    }
    if (s->strict_certificates)
        flags |= X509_V_FLAG_X509_STRICT;
    X509_STORE_set_flags(store, flags);
    return true;
}

bool tls_modern_ciphers_only(const struct settings *s)
{
    return !s->ciphers && s->level >= LEVEL_SECURE;
}

static bool apply_ciphers(SSL_CTX *context, const struct settings *s, const struct report *to)
{
    const char *const wanted = s->ciphers ? s->ciphers : tls_modern_ciphers_only(s) ? modern : "DEFAULT";
    char list[WIRE_TEXT_LIMIT + sizeof never];

    snprintf(list, sizeof list, "%s%s", wanted, never);
    if (SSL_CTX_set_cipher_list(context, list) != 1)
        return refuse(to, "ciphers", wanted);
    SSL_CTX_set_security_level(context, SECURITY_LEVEL); /* the list may have held an @SECLEVEL */
    if (s->ciphersuites && SSL_CTX_set_ciphersuites(context, s->ciphersuites) != 1)
        return refuse(to, "ciphersuites", s->ciphersuites);
    if (s->groups && SSL_CTX_set1_groups_list(context, s->groups) != 1)
        return refuse(to, "groups", s->groups);
    return true;
}

static bool apply(SSL_CTX *context, const struct settings *s, const struct report *to)
{
    const uint32_t low = s->tls_min > SETTINGS_TLS_1_2 ? s->tls_min : SETTINGS_TLS_1_2;

    ERR_clear_error();
    if (SSL_CTX_set_min_proto_version(context, (int)low) != 1)
        return refuse(to, "tls-min", "");
    if (SSL_CTX_set_max_proto_version(context, (int)s->tls_max) != 1 || (s->tls_max && s->tls_max < low))
        return refuse(to, "tls-max", "");
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_clear_options(context, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
                                       SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, HEAP_READ_BUFFER);
    if (!apply_ciphers(context, s, to))
        return false;
    return s->level != LEVEL_SECURE || apply_trust(SSL_CTX_get_cert_store(context), s, to);
}

bool tls_apply_settings(SSL_CTX *context, const struct settings *s, const struct files *files,
                        const char *server, struct failure *why)
{
    return apply(context, s, &(struct report){.server = server, .why = why, .files = files});
}

static bool apply_client_certificate(SSL *ssl, const struct settings *s, const struct report *to)
{
    const char *key = s->client_key ? s->client_key : s->client_cert;
    int error;

    if (!s->client_cert)
        return true;
    ERR_clear_error();
    error = tls_client_certificate(ssl, to->files);
    if (error != 0)
        return refuse_file(to, "client-cert", s->client_cert, error);
    error = tls_client_key(ssl, to->files);
    return error == 0 || refuse_file(to, s->client_key ? "client-key" : "client-cert", key, error);
}

bool tls_apply_client_certificate(SSL *ssl, const struct settings *s, const struct files *files,
                                  const char *server, struct failure *why)
{
    return apply_client_certificate(ssl, s, &(struct report){.server = server, .why = why, .files = files});
}

bool tls_try_settings(const struct settings *settings, struct tls_fault *fault)
{
    struct files files;
    const struct report *const to = &(struct report){.fault = fault, .files = &files};
    SSL_CTX *const context = SSL_CTX_new(TLS_client_method());
    struct settings s = *settings;
    SSL *ssl = NULL;
    bool good;

    if (!s.ca_file && !s.ca_dir && !s.crl_file && s.level == LEVEL_SECURE)
        s.level = LEVEL_ENCRYPT; /* the system's trust store is no setting */
    files_of_settings(&files, &s);
    good = context ? apply(context, &s, to) : refuse(to, "level", "");
    if (good) {
        ssl = SSL_new(context);
        good = ssl ? apply_client_certificate(ssl, &s, to) : refuse(to, "level", "");
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    files_end(&files);
    return good;
}

/* ---- what distinguishes one set of settings from another ---- */

/*
 * Adds the NUL too, so that "a", "bc" and "ab", "c" make different keys; an absent text differs from an empty
 * one.
 */
static bool put_text(EVP_MD_CTX *digest, const char *text)
{
    return EVP_DigestUpdate(digest, text ? "=" : "-", 1) == 1 &&
           EVP_DigestUpdate(digest, text ? text : "", text ? strlen(text) + 1 : 1) == 1;
}

static bool put_number(EVP_MD_CTX *digest, uint64_t number)
{
    return EVP_DigestUpdate(digest, &number, sizeof number) == 1;
}

/*
 * The state has the time of the last change of any kind (ctime), which nobody can set. The time of the
 * content can be set (cp -p).
 */
static bool put_facts(EVP_MD_CTX *digest, const struct grant_facts *facts)
{
    return put_number(digest, facts->rights) &&
           EVP_DigestUpdate(digest, facts->state, sizeof facts->state) == 1;
}

static bool put_list(EVP_MD_CTX *digest, const struct text_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (!put_text(digest, list->item[i]))
            return false;
    }
    return put_text(digest, NULL);
}

bool tls_settings_key(const struct settings *s, const struct files *files,
                      unsigned char key[TLS_SETTINGS_KEY])
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    const bool done = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1
#define KEYED(put) &&put
#define UNKEYED(put)
#define NUMBER(KEY, type, member, place, limit, default, context, server) \
    context(put_number(digest, (uint64_t)s->member))
#define TEXT(KEY, member, tag, context, server) context(put_text(digest, s->member))
#define LIST(KEY, member, tag, context, server) context(put_list(digest, &s->member))
#include "wire/settings.def"
                      && put_facts(digest, &files->facts) && EVP_DigestFinal_ex(digest, key, NULL) == 1;

    EVP_MD_CTX_free(digest);
    return done;
}
