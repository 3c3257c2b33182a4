#include "relay/tls/chain_rules.h"

#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

/* A host name in a certificate: labels separated by dots, not NUL-terminated. */
struct host {
    const char *text;
    size_t length;
};

static struct host host_of(const GENERAL_NAME *name)
{
    return (struct host){(const char *)ASN1_STRING_get0_data(name->d.dNSName),
                         (size_t)ASN1_STRING_length(name->d.dNSName)};
}

static struct host without(struct host host, const char *prefix)
{
    const size_t length = strlen(prefix);

    if (host.length >= length && memcmp(host.text, prefix, length) == 0) {
        host.text += length;
        host.length -= length;
    }
    return host;
}

static struct host without_last_dot(struct host host)
{
    if (host.length > 0 && host.text[host.length - 1] == '.')
        host.length--;
    return host;
}

/*
 * True if `host` is `base`, or ends in it after a dot. An empty base includes all hosts (RFC 5280, 4.2.1.10).
 */
static bool is_within(struct host host, struct host base)
{
    const char *end;

    if (host.length < base.length)
        return false;
    end = host.text + host.length - base.length;
    if (OPENSSL_strncasecmp(end, base.text, base.length) != 0)
        return false;
    return base.length == 0 || end == host.text || end[-1] == '.';
}

static bool has_dot(struct host host)
{
    return memchr(host.text, '.', host.length) != NULL;
}

/*
 * True if some host that `name` stands for is in the subtree `excluded`.
 *
 * OpenSSL compares the characters of "*.example.com" and "bar.example.com" and finds them different, so a CA
 * that may not vouch for bar.example.com can do so with a wildcard (CVE-2025-61727 is the same in Go). A
 * wildcard stands for one label, so it overlaps the subtree if it lies within it, or if the subtree is one
 * label below it. RFC 5280 has no constraints with a leading dot, a wildcard or a trailing dot; they are
 * taken to mean what their author must have meant.
 */
static bool excludes(struct host excluded, struct host name)
{
    const struct host base = without_last_dot(without(without(excluded, "*"), "."));
    const struct host host = without_last_dot(name);
    const struct host parent = without(host, "*.");
    struct host label = base;

    if (is_within(parent, base))
        return true;
    if (parent.length == host.length || !is_within(base, parent) || base.length <= parent.length)
        return false;
    label.length = base.length - parent.length - 1;
    return !has_dot(label);
}

static bool excludes_any(const NAME_CONSTRAINTS *constraints, const GENERAL_NAMES *names)
{
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(constraints->excludedSubtrees); i++) {
        const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(constraints->excludedSubtrees, i)->base;

        for (int j = 0; base->type == GEN_DNS && j < sk_GENERAL_NAME_num(names); j++) {
            const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, j);

            if (name->type == GEN_DNS && excludes(host_of(base), host_of(name)))
                return true;
        }
    }
    return false;
}

/*
 * Reads an extension of a certificate, or returns NULL. X509_verify_cert() has already read it, so if it is
 * there and cannot be read now, memory is short.
 */
static void *read_extension(X509 *certificate, int nid, bool *short_of_memory)
{
    int critical;
    void *extension = X509_get_ext_d2i(certificate, nid, &critical, NULL);

    *short_of_memory = !extension && critical != -1;
    return extension;
}

/* Whether the CA `issuer` may vouch for all of `names`. */
static enum failure_kind check_constraints(X509 *issuer, const GENERAL_NAMES *names)
{
    bool short_of_memory, excluded;
    NAME_CONSTRAINTS *constraints = read_extension(issuer, NID_name_constraints, &short_of_memory);

    if (!constraints)
        return short_of_memory ? FAILURE_NO_MEMORY : FAILURE_NONE;
    excluded = excludes_any(constraints, names);
    NAME_CONSTRAINTS_free(constraints);
    return excluded ? FAILURE_CERTIFICATE_CONSTRAINT : FAILURE_NONE;
}

enum failure_kind chain_rules_check(STACK_OF(X509) * chain, X509 **blamed)
{
    enum failure_kind kind = FAILURE_NONE;
    bool short_of_memory;
    GENERAL_NAMES *names;

    /*
     * OpenSSL accepts a certificate without basicConstraints as a CA's if its keyUsage has keyCertSign
     * (check_ca() in crypto/x509/v3_purp.c; X509_check_ca() returns 4 then). RFC 5280, 4.2.1.9 forbids it.
     * The last one in the chain is a trust anchor, which the policy or the system chose as it is.
     */
    for (int i = 1; i < sk_X509_num(chain) - 1; i++) {
        *blamed = sk_X509_value(chain, i);
        if (X509_check_ca(*blamed) != 1)
            return FAILURE_CERTIFICATE_NO_CA;
    }
    *blamed = sk_X509_value(chain, 0);
    names = read_extension(*blamed, NID_subject_alt_name, &short_of_memory);
    if (!names)
        return short_of_memory ? FAILURE_NO_MEMORY : FAILURE_NONE;
    for (int i = 1; i < sk_X509_num(chain) && kind == FAILURE_NONE; i++)
        kind = check_constraints(sk_X509_value(chain, i), names);
    GENERAL_NAMES_free(names);
    return kind;
}
