/*
 * The certificates that a server shows: its own and one more. Whatever they contain, messages about them are
 * clean and short, a failure has a message, and no certificate is accepted for a host that it does not name.
 *
 * Input: a byte of flags, two bytes of length, that many bytes of the server's certificate, then the other
 * one, both in DER. If the flags say so, they get keys, names and signatures that make a chain to our own
 * root. Everything else in them stays, so the code behind the signature checks is reached.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "relay/tls/certificate.h"
#include "relay/tls/chain_rules.h"
#include "relay/tls/verify.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIGNED = 1, STRICT = 2, NAMED = 4, ADDRESS = 8, TESTING = 16, OTHER_IS_TRUSTED = 32, IN_TIME = 64 };

static EVP_PKEY *root_key, *other_key;
static X509 *root;

/* Replaces an existing extension of that kind. */
static bool set_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    bool done;
    int at;

    while ((at = X509_get_ext_by_NID(certificate, nid, -1)) >= 0)
        X509_EXTENSION_free(X509_delete_ext(certificate, at));
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    done = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static void make_root(void)
{
    X509_NAME *name;

    root_key = EVP_EC_gen("P-256");
    other_key = EVP_EC_gen("P-256");
    root = X509_new();
    MUST(root_key && other_key && root);
    name = X509_get_subject_name(root);
    MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"root", -1, -1, 0));
    MUST(X509_set_version(root, X509_VERSION_3) && X509_set_issuer_name(root, name));
    MUST(ASN1_INTEGER_set(X509_get_serialNumber(root), 1));
    MUST(X509_gmtime_adj(X509_getm_notBefore(root), -86400));
    MUST(X509_gmtime_adj(X509_getm_notAfter(root), 86400));
    MUST(X509_set_pubkey(root, root_key));
    MUST(set_extension(root, root, NID_basic_constraints, "critical,CA:TRUE"));
    MUST(set_extension(root, root, NID_key_usage, "critical,keyCertSign"));
    MUST(set_extension(root, root, NID_subject_key_identifier, "hash"));
    MUST(X509_sign(root, root_key, EVP_sha256()) > 0);
}

/*
 * The same certificate, parsed again from its DER, because OpenSSL keeps what it found out about extensions.
 */
static X509 *read_again(X509 *certificate)
{
    unsigned char *der = NULL;
    const unsigned char *at;
    const int length = i2d_X509(certificate, &der);
    X509 *again;

    at = der;
    again = length > 0 ? d2i_X509(NULL, &at, length) : NULL;
    OPENSSL_free(der);
    X509_free(certificate);
    return again;
}

/* As if `issuer`, whose key is `by`, had issued it for `key`. NULL if it cannot be encoded again. */
static X509 *issue(X509 *certificate, EVP_PKEY *key, X509 *issuer, EVP_PKEY *by, bool in_time)
{
    bool good = X509_set_pubkey(certificate, key) &&
                X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) &&
                set_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
                set_extension(certificate, issuer, NID_authority_key_identifier, "keyid");

    if (in_time)
        good = good && X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
               X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    if (good && X509_sign(certificate, by, EVP_sha256()) > 0)
        return read_again(certificate);
    X509_free(certificate);
    return NULL;
}

static void check_clean(const char *text, size_t limit)
{
    const size_t length = strnlen(text, limit);

    MUST(length < limit);
    for (size_t i = 0; i < length; i++)
        MUST(text[i] >= 0x20 && text[i] <= 0x7e && text[i] != '"' && text[i] != '\\');
}

static void check_words(X509 *certificate)
{
    struct certificate_words words;
    char weakness[CLEAN_FIELD_LIMIT + 1] = "";

    certificate_in_words(&words, certificate);
    check_clean(words.names, sizeof words.names);
    check_clean(words.issuer, sizeof words.issuer);
    check_clean(words.begin, sizeof words.begin);
    check_clean(words.end, sizeof words.end);
    check_clean(words.issue, sizeof words.issue);
    MUST(strlen(words.sha256) == DIGEST_HEX - 1 && words.names[0] && words.issuer[0]);
    if (certificate_weakness(certificate, weakness, sizeof weakness))
        MUST(weakness[0]);
}

/* True if one of its subjectAltNames can be for `host`: literally, or as a wildcard for one label. */
static bool names_host(X509 *certificate, const char *host)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    const char *rest = strchr(host, '.');
    bool found = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const char *text;
        size_t length;

        if (name->type != GEN_DNS)
            continue;
        text = (const char *)ASN1_STRING_get0_data(name->d.dNSName);
        length = (size_t)ASN1_STRING_length(name->d.dNSName);
        found = found || (length == strlen(host) && OPENSSL_strncasecmp(text, host, length) == 0) ||
                (length == strlen(rest) + 1 && text[0] == '*' &&
                 OPENSSL_strncasecmp(text + 1, rest, length - 1) == 0);
    }
    GENERAL_NAMES_free(names);
    return found;
}

static bool names_address(X509 *certificate)
{
    static const unsigned char wanted[4] = {192, 0, 2, 1};
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        found = found || (name->type == GEN_IPADD && ASN1_STRING_length(name->d.iPAddress) == 4 &&
                          memcmp(ASN1_STRING_get0_data(name->d.iPAddress), wanted, 4) == 0);
    }
    GENERAL_NAMES_free(names);
    return found;
}

static void check_verification(X509 *leaf, X509 *other, uint8_t flags)
{
    const char *const host = flags & ADDRESS ? "192.0.2.1" : "mail.example.com";
    const struct text_list asked = {.count = 1, .item = {host}};
    const struct settings settings = {.level = LEVEL_SECURE,
                                      .testing = flags & TESTING,
                                      .strict_certificates = flags & STRICT,
                                      .ca_file = flags & NAMED ? "/named" : NULL};
    struct references wanted;
    struct verification v = {
        .settings = &settings, .references = &wanted, .server = host, .address = "192.0.2.1"};
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *shown = sk_X509_new_null();
    bool taken, sound;

    MUST(store && context && shown && sk_X509_push(shown, other) > 0);
    MUST(references_from(&wanted, &settings, &asked));
    MUST(X509_STORE_add_cert(store, root) &&
         (!(flags & OTHER_IS_TRUSTED) || X509_STORE_add_cert(store, other)));
    if (flags & STRICT)
        X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT);
    MUST(X509_STORE_CTX_init(context, store, leaf, shown));
    MUST(X509_STORE_CTX_set_default(context, "ssl_server"));
    taken = verify_chain(context, &v) == 1;
    sound = taken && v.why.kind == FAILURE_NONE;
    MUST(taken || v.why.kind != FAILURE_NONE);
    MUST(!taken || sound || settings.testing);
    check_clean(v.why.text, sizeof v.why.text);
    check_clean(v.verified, sizeof v.verified);
    if (sound)
        MUST(strcmp(v.verified, host) == 0 &&
             (flags & ADDRESS ? names_address(leaf) : names_host(leaf, host)));
    v.why = (struct failure){0};
    MUST(verify_resumed(leaf, &v) || v.why.kind != FAILURE_NONE);
    sk_X509_free(shown);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
}

static void check_rules(X509 *leaf, X509 *other)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *blamed = NULL;

    MUST(chain && sk_X509_push(chain, leaf) && sk_X509_push(chain, other) && sk_X509_push(chain, root));
    MUST(chain_rules_check(chain, &blamed) == FAILURE_NONE || blamed);
    sk_X509_free(chain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    X509 *leaf, *other;
    const uint8_t *at;
    size_t length;
    uint8_t flags;

    if (!root)
        make_root();
    if (size < 3)
        return 0;
    flags = data[0];
    length = (size_t)(data[1] << 8 | data[2]);
    if (length > size - 3)
        length = size - 3;
    at = data + 3;
    leaf = d2i_X509(NULL, &at, (long)length);
    at = data + 3 + length;
    other = d2i_X509(NULL, &at, (long)(size - 3 - length));
    if (leaf && other && flags & SIGNED) {
        other = issue(other, other_key, root, root_key, flags & IN_TIME);
        if (other)
            leaf = issue(leaf, root_key, other, other_key, flags & IN_TIME);
    }
    if (leaf)
        check_words(leaf);
    if (other)
        check_words(other);
    if (leaf && other) {
        check_verification(leaf, other, flags);
        check_rules(leaf, other);
    }
    X509_free(leaf);
    X509_free(other);
    ERR_clear_error();
    return 0;
}
