/*
 * Blocks that never decide, about which `retrotls lint` warns: pairs where that is certain, pairs where it is
 * not, and a check, for random policies and connections, that no reported block decides anything.
 */
#include <stdlib.h>
#include <string.h>

#include "check/shadow.h"
#include "tests/unit/policy_files.h"

static const struct {
    const char *earlier, *block; /* what follows `match`; a trailing '-' means level none */
    bool covered;
} pairs[] = {
    {"port 143", "port 143", true},
    {"port 143", "port 143 host a.example.org", true},
    {"port 143 host a.example.org", "port 143", false},
    {"port 143 host a.example.org", "port 143 host b.example.org", false},
    {"port 143 host a.example.org b.example.org", "port 143 host b.example.org", true},
    {"port 100-150", "port 110 143", true},
    {"port 100-150", "port 110 25", false},
    {"port imap", "port 143", true},
    {"address 10.0.0.0/8", "address 10.1.0.0/16 10.2.3.4", true},
    {"address 10.1.0.0/16", "address 10.0.0.0/8", false},
    {"address ::/0", "address 10.0.0.0/8", false}, /* another IP version */
    {"address 0.0.0.0/0 ::/0", "address 10.0.0.1 2001:db8::1", true},
    {"program mutt", "program mutt user ada", true},
    {"program *", "program mutt", true},
    {"program mutt", "host a.example.org", false},
    {"user ada", "user 1000", false},
    {"user *", "user ada", false}, /* not examined */
    {"protocol imap", "protocol imap", true},
    {"protocol imap pop3", "protocol imap", true},
    {"host !a.example.org", "host !a.example.org !b.example.org", true},
    {"host !a.example.org !b.example.org", "host !a.example.org", false},
    {"host b.example.org !a.example.org", "host b.example.org", false},
    {"host !a.example.org", "host b.example.org", false}, /* not examined */
    /* A block that guards does not reach ports that it does not name. */
    {"host a.example.org", "host a.example.org", true},
    {"host a.example.org", "host a.example.org port 1143", false},
    {"host a.example.org", "host a.example.org -", false},
    {"host a.example.org -", "host a.example.org port 1143", true},
    {"host a.example.org port 143", "host a.example.org port 143 -", true},
    {"program mutt", "program mutt address 127.0.0.1", false},
    {"program mutt", "program mutt host localhost", false},
};

/* Adds a block with these criteria. A '-' at the end means level none. */
static void add_block(char *text, const char *criteria)
{
    const size_t length = strlen(criteria);
    const bool none = criteria[length - 1] == '-';

    sprintf(text + strlen(text), "match %.*s\n    level %s\n", (int)(none ? length - 2 : length), criteria,
            none ? "none" : "secure");
}

static void certain_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char text[512] = "";
        const struct policy *policy;

        add_block(text, pairs[i].earlier);
        add_block(text, pairs[i].block);
        policy = good_policy(text);
        if (shadow_covers(policy->blocks, policy->blocks->next) != pairs[i].covered)
            fail_msg("'%s' before '%s'", pairs[i].earlier, pairs[i].block);
        policy_free(policy);
    }
}

/* ---- no reported block decides */

enum { ROUNDS = 400, BLOCKS = 12, QUERIES = 300, COVERED_LIMIT = 64 };

static const char *const criteria[][5] = {
    {"host", "a.example.org", "*", "b.example.org", "!b.example.org"},
    {"address", "192.0.2.0/24", "192.0.2.1", "0.0.0.0/0", "127.0.0.0/8"},
    {"port", "143", "100-150", "1143", "!25"},
    {"program", "mutt", "*", "m*", "!mutt"},
    {"protocol", "imap", "pop3", "smtp", "!imap"},
};

static unsigned below(unsigned limit)
{
    return (unsigned)rand() % limit;
}

static void random_block(char *text)
{
    char line[256] = "";

    while (line[0] == '\0')
        for (unsigned kind = 0; kind < 5; kind++) {
            if (below(3) != 0)
                continue;
            sprintf(line + strlen(line), " %s %s", criteria[kind][0], criteria[kind][1 + below(4)]);
            if (below(2) == 0)
                sprintf(line + strlen(line), " %s", criteria[kind][1 + below(4)]);
        }
    sprintf(text + strlen(text), "match%s\n    level %s\n", line, below(3) == 0 ? "none" : "encrypt");
}

static const struct block *covered[COVERED_LIMIT];
static size_t covered_count, covered_in_all;

static void note(const struct block *block, const struct block *earlier)
{
    assert_true(shadow_covers(earlier, block));
    assert_true(covered_count < COVERED_LIMIT);
    covered[covered_count++] = block;
}

static void ask(const struct policy *policy)
{
    static const char *const hosts[] = {"a.example.org", "b.example.org", "c.example.com"};
    static const char *const programs[] = {"/usr/bin/mutt", "/usr/bin/mail", "/opt/pine"};
    static const char *const addresses[] = {"192.0.2.1", "192.0.2.9", "198.51.100.1", "127.0.0.1", "::1"};
    static const unsigned ports[] = {25, 143, 110, 1143, 8000};
    static const enum protocol_kind kinds[] = {PROTOCOL_AUTO, PROTOCOL_IMAP, PROTOCOL_POP3};
    const struct policy_query query = {
        .address = address_of(addresses[below(5)], ports[below(5)]),
        .hosts = {.count = below(4) != 0, .item = {hosts[below(3)]}},
        .program = below(5) == 0 ? NULL : programs[below(3)],
        .protocol = kinds[below(3)],
    };
    struct policy_explanation why;

    policy_explain(policy, &query, &why);
    if (why.reason != REASON_BLOCK)
        return;
    for (size_t i = 0; i < covered_count; i++)
        if (covered[i]->place.line == why.block.line)
            fail_msg("the block in line %u decides", why.block.line);
}

static void none_that_is_told_decides(void **state)
{
    (void)state;
    srand(20);
    for (unsigned round = 0; round < ROUNDS; round++) {
        char text[4096] = "";
        const struct policy *policy;

        for (unsigned i = 0; i < BLOCKS; i++)
            random_block(text);
        policy = good_policy(text);
        covered_count = 0;
        shadow_each(policy, note);
        covered_in_all += covered_count;
        for (unsigned i = 0; i < QUERIES; i++)
            ask(policy);
        policy_free(policy);
    }
    assert_in_range(covered_in_all, ROUNDS / 2, ROUNDS * BLOCKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certain_pairs),
        cmocka_unit_test(none_that_is_told_decides),
    };

    return cmocka_run_group_tests_name("policy: blocks that never decide", tests, make_folder, remove_folder);
}
