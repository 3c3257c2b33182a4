#include "relay/tls/verify.h"

#include <openssl/crypto.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "relay/tls/certificate.h"
#include "relay/tls/chain_rules.h"
#include "relay/tls/roots.h"

/* What OpenSSL's errors mean for us. Any other is reported in its own words. */
static const struct {
    int error;
    enum failure_kind kind;
} causes[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, FAILURE_CERTIFICATE_EXPIRED},
    {X509_V_ERR_CERT_NOT_YET_VALID, FAILURE_CERTIFICATE_EARLY},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, FAILURE_CERTIFICATE_SELF_SIGNED},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, FAILURE_CERTIFICATE_UNKNOWN_ROOT},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, FAILURE_CERTIFICATE_UNKNOWN_ISSUER},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, FAILURE_CERTIFICATE_UNKNOWN_ISSUER},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, FAILURE_CERTIFICATE_UNKNOWN_ISSUER},
    {X509_V_ERR_INVALID_CA, FAILURE_CERTIFICATE_NO_CA},
    {X509_V_ERR_INVALID_NON_CA, FAILURE_CERTIFICATE_NO_CA},
    {X509_V_ERR_KEYUSAGE_NO_CERTSIGN, FAILURE_CERTIFICATE_NO_CA},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, FAILURE_CERTIFICATE_NO_CA},
    {X509_V_ERR_INVALID_PURPOSE, FAILURE_CERTIFICATE_PURPOSE},
    {X509_V_ERR_CERT_UNTRUSTED, FAILURE_CERTIFICATE_PURPOSE},
    {X509_V_ERR_CERT_REJECTED, FAILURE_CERTIFICATE_PURPOSE},
    {X509_V_ERR_PERMITTED_VIOLATION, FAILURE_CERTIFICATE_CONSTRAINT},
    {X509_V_ERR_EXCLUDED_VIOLATION, FAILURE_CERTIFICATE_CONSTRAINT},
    {X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, FAILURE_CERTIFICATE_CONSTRAINT},
    {X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX, FAILURE_CERTIFICATE_CONSTRAINT},
    {X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, FAILURE_CERTIFICATE_CONSTRAINT},
    {X509_V_ERR_CERT_REVOKED, FAILURE_CERTIFICATE_REVOKED},
    {X509_V_ERR_UNABLE_TO_GET_CRL, FAILURE_CERTIFICATE_NO_CRL},
    {X509_V_ERR_CRL_HAS_EXPIRED, FAILURE_CERTIFICATE_NO_CRL},
    {X509_V_ERR_CRL_NOT_YET_VALID, FAILURE_CERTIFICATE_NO_CRL},
    {X509_V_ERR_CRL_SIGNATURE_FAILURE, FAILURE_CERTIFICATE_NO_CRL},
    {X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, FAILURE_CERTIFICATE_NO_CRL},
    {X509_V_ERR_DIFFERENT_CRL_SCOPE, FAILURE_CERTIFICATE_NO_CRL},
    /* Only X509_V_FLAG_X509_STRICT checks these (check_extensions() in crypto/x509/x509_vfy.c). */
    {X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA, FAILURE_CERTIFICATE_NOT_STRICT},
    {X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN, FAILURE_CERTIFICATE_NOT_STRICT},
    {X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA, FAILURE_CERTIFICATE_NOT_STRICT},
    {X509_V_ERR_ISSUER_NAME_EMPTY, FAILURE_CERTIFICATE_NOT_STRICT},
    {X509_V_ERR_SUBJECT_NAME_EMPTY, FAILURE_CERTIFICATE_NOT_STRICT},
    {X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER, FAILURE_CERTIFICATE_NOT_STRICT},
    {X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL, FAILURE_CERTIFICATE_NOT_STRICT},
    {X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL, FAILURE_CERTIFICATE_NOT_STRICT},
    {X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER, FAILURE_CERTIFICATE_NOT_STRICT},
    {X509_V_ERR_EMPTY_SUBJECT_ALT_NAME, FAILURE_CERTIFICATE_NOT_STRICT},
    {X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL, FAILURE_CERTIFICATE_NOT_STRICT},
    {X509_V_ERR_CA_BCONS_NOT_CRITICAL, FAILURE_CERTIFICATE_NOT_STRICT},
    {X509_V_ERR_CA_CERT_MISSING_KEY_USAGE, FAILURE_CERTIFICATE_NOT_STRICT},
    {X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3, FAILURE_CERTIFICATE_NOT_STRICT},
};

/* Sets `why` to `kind`, with the failed certificate in words. */
static void explain(struct verification *v, enum failure_kind kind, X509 *certificate)
{
    struct certificate_words words;

    certificate_in_words(&words, certificate);
    fail(&v->why, kind, v->server, words.names, words.issue, words.sha256);
}

/*
 * Explains a chain that ends at no root of the system's, if the system has none at all, or none of recent
 * years.
 */
static bool explain_system_roots(struct verification *v, X509_STORE_CTX *store, enum failure_kind kind,
                                 const struct certificate_words *words)
{
    char year[8];
    int newest;

    if (v->settings->ca_file || v->settings->ca_dir ||
        (kind != FAILURE_CERTIFICATE_UNKNOWN_ROOT && kind != FAILURE_CERTIFICATE_UNKNOWN_ISSUER))
        return false;
    switch (roots_of_system(X509_STORE_CTX_get0_store(store), &newest)) {
    case ROOTS_MISSING:
        fail(&v->why, FAILURE_NO_TRUST_STORE, v->server, words->names, words->issue, words->sha256);
        return true;
    case ROOTS_OLD:
        snprintf(year, sizeof year, "%d", newest);
        fail(&v->why, FAILURE_OLD_TRUST_STORE, v->server, words->issue, words->sha256, year);
        return true;
    default:
        return false;
    }
}

/* Whether all that the chain lacks may be in a file that did not open in time. */
static bool lacks_what_hangs(enum failure_kind kind)
{
    return roots_hang() &&
           (kind == FAILURE_CERTIFICATE_UNKNOWN_ROOT || kind == FAILURE_CERTIFICATE_UNKNOWN_ISSUER ||
            kind == FAILURE_CERTIFICATE_SELF_SIGNED || kind == FAILURE_CERTIFICATE_NO_CRL);
}

static void explain_chain(struct verification *v, X509_STORE_CTX *store)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    /* If an extension cannot be read, OpenSSL finds no issuer, and reports only that. */
    const bool unreadable = (X509_get_extension_flags(leaf) & EXFLAG_INVALID) != 0;
    const int error = unreadable ? X509_V_ERR_INVALID_EXTENSION : X509_STORE_CTX_get_error(store);
    X509 *at = X509_STORE_CTX_get_current_cert(store);
    struct certificate_words words;

    /* A person can act on the server's certificate, or on the one in its chain that is at fault. */
    certificate_in_words(&words, X509_STORE_CTX_get_error_depth(store) > 0 && at ? at : leaf);
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        if (causes[i].error == error && lacks_what_hangs(causes[i].kind)) {
            fail(&v->why, FAILURE_CERTIFICATE_ROOTS_HANG, v->server, words.names, words.issue, words.sha256);
            return;
        }
        if (causes[i].error == error && explain_system_roots(v, store, causes[i].kind, &words))
            return;
        if (causes[i].error == error && causes[i].kind == FAILURE_CERTIFICATE_NOT_STRICT) {
            fail(&v->why, causes[i].kind, v->server, X509_verify_cert_error_string(error), words.names,
                 words.sha256);
            return;
        }
        if (causes[i].error == error) {
            fail(&v->why, causes[i].kind, v->server, words.names, words.issue, words.sha256);
            return;
        }
    }
    fail(&v->why, FAILURE_CERTIFICATE_INVALID, v->server, X509_verify_cert_error_string(error), words.names,
         words.sha256);
}

/* Checks the chain that OpenSSL has built and accepted against our own rules. */
static bool check_chain_rules(struct verification *v, X509_STORE_CTX *store)
{
    X509 *blamed = NULL;
    const enum failure_kind kind = chain_rules_check(X509_STORE_CTX_get0_chain(store), &blamed);

    if (kind == FAILURE_NONE)
        return true;
    explain(v, kind, blamed);
    X509_STORE_CTX_set_error(store, kind == FAILURE_CERTIFICATE_NO_CA ? X509_V_ERR_INVALID_CA
                                                                      : X509_V_ERR_EXCLUDED_VIOLATION);
    return false;
}

static bool matches(X509 *certificate, const struct reference *r)
{
    if (r->is_address)
        return X509_check_ip_asc(certificate, r->text, 0) == 1;
    return X509_check_host(certificate, r->text, 0,
                           X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                           NULL) == 1;
}

/* Whether the certificate is for one of the references, if any will do; else for all of them. */
static bool check_names(struct verification *v, X509 *certificate)
{
    const struct references *wanted = v->references;
    const char *missing = "";
    struct certificate_words words;
    uint32_t good = 0;

    for (uint32_t i = 0; i < wanted->count; i++) {
        if (!matches(certificate, &wanted->item[i])) {
            missing = missing[0] ? missing : wanted->item[i].text;
            continue;
        }
        if (good++ == 0)
            snprintf(v->verified, sizeof v->verified, "%s", wanted->item[i].text);
    }
    if (wanted->count > 0 && good >= (wanted->any ? 1 : wanted->count))
        return true;
    v->verified[0] = '\0';
    certificate_in_words(&words, certificate);
    fail(&v->why, FAILURE_CERTIFICATE_OTHER_HOST, v->server, missing, words.names, words.issue, words.sha256);
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 32 bytes in hex digits, colons between bytes allowed. */
static bool read_digest(const char *text, unsigned char digest[32])
{
    for (size_t i = 0; i < 32; i++) {
        int high, low;

        if (i > 0 && *text == ':')
            text++;
        high = hex_digit(text[0]);
        low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0)
            return false;
        digest[i] = (unsigned char)(high << 4 | low);
        text += 2;
    }
    return *text == '\0';
}

static bool is_listed(X509 *certificate, const char *fingerprint)
{
    static const struct {
        const char *prefix;
        bool of_public_key;
    } kinds[] = {{"sha256:", false}, {"spki-sha256:", true}};
    unsigned char listed[32], shown[32];

    for (size_t i = 0; i < 2; i++) {
        const size_t length = strlen(kinds[i].prefix);

        if (strncmp(fingerprint, kinds[i].prefix, length) == 0)
            return read_digest(fingerprint + length, listed) &&
                   certificate_digest(certificate, kinds[i].of_public_key, shown) &&
                   CRYPTO_memcmp(listed, shown, sizeof shown) == 0;
    }
    return false;
}

static bool check_fingerprint(struct verification *v, X509 *certificate)
{
    const struct text_list *listed = &v->settings->fingerprints;

    for (uint32_t i = 0; i < listed->count; i++) {
        if (is_listed(certificate, listed->item[i])) {
            snprintf(v->verified, sizeof v->verified, "%s", listed->item[i]);
            return true;
        }
    }
    explain(v, FAILURE_CERTIFICATE_NOT_LISTED, certificate);
    return false;
}

/* Checks what the level asks of the certificate itself. */
static bool check_leaf(struct verification *v, X509 *certificate)
{
    if (v->settings->level == LEVEL_SECURE)
        return check_names(v, certificate);
    if (v->settings->level == LEVEL_FINGERPRINT)
        return check_fingerprint(v, certificate);
    return true;
}

static bool check_strength(struct verification *v, X509 *certificate)
{
    struct certificate_words words;
    char weakness[CLEAN_FIELD_LIMIT + 1];

    if (!certificate_weakness(certificate, weakness, sizeof weakness))
        return true;
    certificate_in_words(&words, certificate);
    fail(&v->why, FAILURE_CERTIFICATE_WEAK, v->server, weakness, words.names, words.sha256);
    return false;
}

/*
 * Prepares to build the chain again, with every certificate that the policy names as a trust anchor: an
 * intermediate without its root, or the server's own certificate. We do this only if no chain to a root was
 * found, so that the constraints and lists of a root that is there stay in force. The system's store may have
 * intermediates that nobody means to trust by themselves, so there a chain has to end in a root. NULL without
 * memory.
 */
static X509_STORE_CTX *begin_again(X509_STORE_CTX *first)
{
    X509_STORE_CTX *again = X509_STORE_CTX_new();

    if (again &&
        X509_STORE_CTX_init(again, X509_STORE_CTX_get0_store(first), X509_STORE_CTX_get0_cert(first),
                            X509_STORE_CTX_get0_untrusted(first)) == 1 &&
        X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(again), X509_STORE_CTX_get0_param(first)) == 1) {
        X509_STORE_CTX_set_flags(again, X509_V_FLAG_PARTIAL_CHAIN);
        return again;
    }
    X509_STORE_CTX_free(again);
    return NULL;
}

static bool lacks_a_root(int error)
{
    return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
           error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

/*
 * Whether there is a chain to a trust anchor, by OpenSSL's rules and ours. If not, sets the words and the
 * error.
 */
static bool check_chain(struct verification *v, X509_STORE_CTX *store)
{
    const bool named = (v->settings->ca_file && !settings_trust_bundled(v->settings)) || v->settings->ca_dir;
    bool good = X509_verify_cert(store) > 0;
    X509_STORE_CTX *used = store;

    if (!good && named && lacks_a_root(X509_STORE_CTX_get_error(store))) {
        used = begin_again(store);
        if (!used) {
            fail(&v->why, FAILURE_NO_MEMORY, v->server);
            X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
            return false;
        }
        good = X509_verify_cert(used) > 0;
    }
    if (!good)
        explain_chain(v, used);
    else
        good = check_chain_rules(v, used);
    if (used != store) {
        X509_STORE_CTX_set_error(store, X509_STORE_CTX_get_error(used));
        X509_STORE_CTX_free(used);
    }
    return good;
}

int verify_chain(X509_STORE_CTX *store, struct verification *v)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    const bool secure = v->settings->level == LEVEL_SECURE;

    if (!check_strength(v, leaf)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_EE_KEY_TOO_SMALL);
        return 0;
    }
    if (secure && v->references->count == 0) {
        fail(&v->why, FAILURE_NO_NAME, v->server, v->address);
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    } else if (!secure || check_chain(v, store)) {
        if (check_leaf(v, leaf)) {
            X509_STORE_CTX_set_error(store, X509_V_OK);
            return 1;
        }
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    }
    if (!v->settings->testing)
        return 0;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

bool verify_resumed(X509 *certificate, struct verification *v)
{
    bool good;

    if (v->settings->level == LEVEL_SECURE && X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0) {
        explain(v, FAILURE_CERTIFICATE_EXPIRED, certificate);
        good = false;
    } else {
        good = check_strength(v, certificate) && check_leaf(v, certificate);
    }
    return good || v->settings->testing;
}
