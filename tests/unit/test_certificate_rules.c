/*
 * What makes a chain good, rule by rule: the kinds of cases that the public suite x509-limbo has for servers,
 * each at `secure` with `certificate-checks normal` and `strict`.
 *
 * `normal` takes some chains that the suite wants refused, because the defect does not put in doubt whose
 * certificate it is: key identifiers that are missing or critical, unusual serial numbers, CAs with empty
 * names, oddities of the root, a leaf that is a CA or has a useless extension. `strict` refuses those that
 * OpenSSL knows about. A star marks a row where even `strict` takes one. A star also marks a row where
 * OpenSSL refuses a chain that the suite calls good because another path could be built: that is the safe
 * side.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

#define HOST "mail.example.com"
#define ROOT .cn = "Root", .ca = true, .ski = "hash"
#define MIDDLE .cn = "Middle", .ca = true, .ski = "hash", .aki = "keyid"
#define LEAF_OF .cn = "Leaf", .ski = "hash", .aki = "keyid"
#define LEAF LEAF_OF, .san = "DNS:" HOST

/* nameConstraints for the subject "CN=L.a." (four letters), permitted ([0]) or excluded ([1]). */
#define SUBJECT(tag, last)                    \
    "critical,nameConstraints=DER:30:17:" tag \
    ":15:30:13:a4:11:30:0f:31:0d:30:0b:06:03:55:04:03:0c:04:4c:65:61:" last

/* Short names, for a table that can be read. */
enum {
    OK = FAILURE_NONE,
    STRICT = FAILURE_CERTIFICATE_NOT_STRICT,
    NO_CA = FAILURE_CERTIFICATE_NO_CA,
    NAME = FAILURE_CERTIFICATE_OTHER_HOST,
    OUTSIDE = FAILURE_CERTIFICATE_CONSTRAINT,
    BAD = FAILURE_CERTIFICATE_INVALID,
    WEAK = FAILURE_CERTIFICATE_WEAK,
    PURPOSE = FAILURE_CERTIFICATE_PURPOSE,
    OLD = FAILURE_CERTIFICATE_EXPIRED,
    EARLY = FAILURE_CERTIFICATE_EARLY,
    ISSUER = FAILURE_CERTIFICATE_UNKNOWN_ISSUER,
    CIPHER = FAILURE_TLS_NO_MODERN_CIPHER,
};

struct rule {
    const char *what;
    int normal, strict;
    const char *asked;    /* NULL: HOST */
    struct wish chain[5]; /* from the root to the leaf, which is the last one with a `cn` */
};

#pragma GCC diagnostic ignored "-Woverride-init" /* a row starts with a good certificate and changes it */

static const struct rule rules[] = {
#include "tests/unit/certificate_rules.h"
};

enum { LONGEST = 5 };

static int length_of(const struct rule *rule)
{
    int length = 0;

    while (length < LONGEST && rule->chain[length].cn)
        length++;
    return length;
}

/* The result if the chain's first certificate is trusted and the server sends the others. */
static struct peer_seen ask(const struct rule *rule, const struct identity_of_peer *made, int length,
                            bool strict)
{
    const struct text_list asked = peer_names(rule->asked ? rule->asked : HOST, NULL);
    SSL_CTX *context = peer_context(&made[length - 1], NULL);
    char file[] = "/tmp/retrotls-rule-XXXXXX";
    struct settings settings = {.level = LEVEL_SECURE, .ca_file = file, .strict_certificates = strict};
    struct peer_seen seen;

    close(mkstemp(file));
    peer_certificate_to_file(&made[0], file);
    for (int i = length - 2; i > 0; i--)
        assert_int_equal(SSL_CTX_add1_chain_cert(context, made[i].certificate), 1);
    seen = peer_handshake(context, &settings, &asked, NULL);
    SSL_CTX_free(context);
    unlink(file);
    return seen;
}

static void each_rule_is_kept(void **state)
{
    bool good = true;

    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const struct rule *rule = &rules[i];
        const int length = length_of(rule);
        struct identity_of_peer made[LONGEST];

        for (int j = 0; j < length; j++)
            made[j] = peer_certificate(&rule->chain[j], j > 0 ? &made[j - 1] : NULL);
        for (int strict = 0; strict < 2; strict++) {
            const struct peer_seen seen = ask(rule, made, length, strict);
            const int expected = strict ? rule->strict : rule->normal;

            if ((int)seen.why.kind != expected || seen.done != (expected == OK)) {
                print_error("%s, %s: %s, not %s (%s)\n", rule->what, strict ? "strict" : "normal",
                            failure_name(seen.why.kind), failure_name((enum failure_kind)expected),
                            seen.why.text);
                good = false;
            }
        }
        for (int j = 0; j < length; j++)
            peer_certificate_free(&made[j]);
    }
    assert_true(good);
}

/* ---- costs ---- */

enum { MANY = 60, FEW = 1000, NAMES = 1800, SECONDS = 2 }; /* SECONDS: CPU time allowed for a handshake */

/*
 * A handshake with a server that shows `shown` and the `count` certificates of `others`. Fails if it costs
 * too much.
 */
static struct peer_seen ask_in_time(const struct identity_of_peer *shown,
                                    const struct identity_of_peer *others, int count)
{
    const struct text_list asked = peer_names(HOST, NULL);
    const struct settings settings = peer_settings(LEVEL_SECURE);
    SSL_CTX *context = peer_context(shown, NULL);
    struct timespec before, after;
    struct peer_seen seen;

    for (int i = 0; i < count; i++)
        assert_int_equal(SSL_CTX_add1_chain_cert(context, others[i].certificate), 1);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    seen = peer_handshake(context, &settings, &asked, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    assert_in_range(after.tv_sec - before.tv_sec, 0, SECONDS);
    SSL_CTX_free(context);
    return seen;
}

/* `start`, then "DNS:0.a.example,DNS:1.a.example, ...", each name with `prefix`. */
static char *many_names(int count, const char *start, const char *prefix, const char *domain)
{
    char *text = malloc((size_t)count * 64 + 64), *end = text + sprintf(text, "%s", start);

    for (int i = 0; i < count; i++)
        end += sprintf(end, ",%sDNS:%d.%s", prefix, i, domain);
    return text;
}

/* OpenSSL refuses to start on more than 2^20 comparisons (X509_V_ERR_UNSPECIFIED). Fewer cost little. */
static void many_names_under_many_constraints_take_no_time(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        const int count = i < 2 ? FEW : NAMES;
        char *excluded = many_names(count, "critical", "excluded;", "a.example.com");
        char *names = many_names(count, i % 2 ? "DNS:*.example.com" : "DNS:" HOST, "", "b.example.com");
        struct identity_of_peer middle = peer_certificate(
            &(struct wish){MIDDLE, .aki = NULL, .constraints = excluded}, &peer_trusted.root);
        struct identity_of_peer leaf = peer_certificate(&(struct wish){LEAF_OF, .san = names}, &middle);
        const struct peer_seen seen = ask_in_time(&leaf, &middle, 1);

        assert_int_equal(seen.why.kind, count == FEW ? FAILURE_NONE : FAILURE_CERTIFICATE_INVALID);
        peer_certificate_free(&leaf);
        peer_certificate_free(&middle);
        free(excluded);
        free(names);
    }
}

/* Two CAs that issued each other, without a root. */
static void a_circle_of_cas_ends(void **state)
{
    struct identity_of_peer a = peer_certificate(&(struct wish){ROOT, .cn = "A"}, NULL);
    struct identity_of_peer b = peer_certificate(&(struct wish){ROOT, .cn = "B"}, NULL);
    const struct identity_of_peer a_named = a, b_named = b;
    struct identity_of_peer both[2], leaf = peer_certificate(&(struct wish){LEAF, .aki = NULL}, &a_named);

    (void)state;
    both[0] = peer_certificate_of_key(&(struct wish){ROOT, .cn = "A"}, &b_named, a.key);
    both[1] = peer_certificate_of_key(&(struct wish){ROOT, .cn = "B"}, &a_named, b.key);
    assert_int_equal(ask_in_time(&leaf, both, 2).why.kind, FAILURE_CERTIFICATE_UNKNOWN_ISSUER);
    for (int i = 0; i < 2; i++)
        peer_certificate_free(&both[i]);
    peer_certificate_free(&leaf);
    peer_certificate_free(&a);
    peer_certificate_free(&b);
}

/* Many intermediates with the name of the leaf's issuer, and a chain longer than OpenSSL follows. */
static void many_intermediates_take_no_time(void **state)
{
    static struct identity_of_peer line[2 * MANY];
    struct identity_of_peer leaf;

    (void)state;
    for (int i = 0; i < MANY; i++)
        line[i] = peer_certificate(&(struct wish){MIDDLE, .aki = NULL}, &peer_trusted.root);
    leaf = peer_certificate(&(struct wish){LEAF, .aki = NULL}, &line[MANY - 1]);
    assert_false(ask_in_time(&leaf, line, MANY - 1).done);
    peer_certificate_free(&leaf);
    for (int i = 0; i < MANY; i++)
        peer_certificate_free(&line[i]);
    for (int i = 2 * MANY - 1; i >= 0; i--) {
        char name[16];

        snprintf(name, sizeof name, "CA %d", i);
        line[i] = peer_certificate(&(struct wish){.cn = name, .ca = true},
                                   i == 2 * MANY - 1 ? &peer_trusted.root : &line[i + 1]);
    }
    leaf = peer_certificate(&(struct wish){LEAF, .aki = NULL}, &line[0]);
    assert_int_equal(ask_in_time(&leaf, line, 2 * MANY).why.kind, FAILURE_CERTIFICATE_INVALID);
    peer_certificate_free(&leaf);
    for (int i = 0; i < 2 * MANY; i++)
        peer_certificate_free(&line[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_is_kept),
        cmocka_unit_test(many_names_under_many_constraints_take_no_time),
        cmocka_unit_test(a_circle_of_cas_ends),
        cmocka_unit_test(many_intermediates_take_no_time),
    };

    return cmocka_run_group_tests(tests, peer_set_up, peer_tear_down);
}
