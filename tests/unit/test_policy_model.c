/*
 * Decisions compared with a slow and obvious model: random rules in two files, random connections. The model
 * works on the words in the files, and follows policy/policy.h sentence by sentence.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/policy.h"
#include "tests/unit/policy_files.h"

enum { VALUES = 3, RULES = 5, FILES = 2, HOST = 0, ADDRESS, PORT, PROGRAM, USER, PROTOCOL, KINDS };

static const char *const kinds[KINDS] = {"host", "address", "port", "program", "user", "protocol"};

/* Few words, so that many rules match. */
static const char *const pool[KINDS][8] = {
    [HOST] = {"a.example.org", "*.example.org", ".example.org", "*", "?.Example.ORG", "b.example.com", "*b*",
              "localhost"},
    [ADDRESS] = {"192.0.2.0/24", "192.0.2.1", "0.0.0.0/0", "::/0", "2001:db8::/33", "127.0.0.0/8", "::1",
                 "::ffff:192.0.2.0/121"},
    [PORT] = {"25", "143", "1143", "1-65535", "100-150", "imap", "2525", "submission"},
    [PROGRAM] = {"mutt", "m*", "/usr/bin/*", "/opt/notes/mutt", "*/mutt", "fetchmail", "/usr/bin/m?tt",
                 "\"*\""},
    [USER] = {"alice", "bob", "1000", "a*", "0", "1001", "*", "carol"},
    [PROTOCOL] = {"smtp", "imap", "pop3", "lmtp", "nntp", "sieve", "smtp", "imap"},
};

struct rule {
    const char *values[KINDS][VALUES]; /* NULL: no more */
    bool negated[KINDS][VALUES];
    int level, testing; /* -1: not given */
    bool final;
    unsigned file, line;
};

struct rules {
    struct rule rule[FILES][RULES];
    unsigned count[FILES];
    int level[FILES], testing[FILES]; /* of the defaults */
};

static unsigned below(unsigned limit)
{
    return (unsigned)rand() % limit;
}

static void random_rule(struct rule *rule, unsigned file)
{
    bool any = false;

    *rule = (struct rule){
        .level = (int)below(6) - 1, .testing = (int)below(5) - 3, .final = below(4) == 0, .file = file};
    rule->level = rule->level > 3 ? -1 : rule->level;
    rule->testing = rule->testing < -1 ? -1 : rule->testing;
    while (!any)
        for (unsigned kind = 0; kind < KINDS; kind++) {
            if (below(3) != 0)
                continue;
            any = true;
            for (unsigned i = 0; i < 1 + below(VALUES); i++) {
                rule->values[kind][i] = pool[kind][below(8)];
                rule->negated[kind][i] = below(4) == 0;
            }
        }
}

static void random_rules(struct rules *rules)
{
    for (unsigned file = 0; file < FILES; file++) {
        rules->count[file] = below(RULES + 1);
        rules->level[file] = below(2) == 0 ? -1 : (int)below(4);
        rules->testing[file] = below(4) == 0 ? (int)below(2) : -1;
        for (unsigned i = 0; i < rules->count[file]; i++)
            random_rule(&rules->rule[file][i], file);
    }
}

static const char *const levels[] = {"none", "may", "encrypt", "secure"};

static unsigned write_settings(FILE *out, int level, int testing, bool final)
{
    unsigned lines = 0;

    if (level >= 0)
        lines++, fprintf(out, "\tlevel %s\n", levels[level]);
    if (testing >= 0)
        lines++, fprintf(out, "\ttesting %s\n", testing ? "yes" : "no");
    if (final)
        lines++, fputs("\tfinal\n", out);
    return lines;
}

/* Writes the file, with the criteria in random order, and notes the lines of the rules. */
static const char *write_rules(struct rules *rules, unsigned file)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    const char *path;
    unsigned line = 1;

    assert_non_null(out);
    line += write_settings(out, rules->level[file], rules->testing[file], false);
    for (unsigned i = 0; i < rules->count[file]; i++) {
        struct rule *rule = &rules->rule[file][i];
        const unsigned turn = below(KINDS);

        rule->line = line++;
        fputs("match", out);
        for (unsigned k = 0; k < KINDS; k++) {
            const unsigned kind = (k + turn) % KINDS;

            if (rule->values[kind][0] != NULL)
                fprintf(out, " %s", kinds[kind]);
            for (unsigned j = 0; j < VALUES && rule->values[kind][j] != NULL; j++)
                fprintf(out, " %s%s", rule->negated[kind][j] ? "!" : "", rule->values[kind][j]);
        }
        fputc('\n', out);
        line += write_settings(out, rule->level, rule->testing, rule->final);
    }
    fclose(out);
    path = put(file == 0 ? "user" : "system", text);
    free(text);
    return path;
}

static bool is_glob(const char *pattern, const char *text, bool any_case)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern == '*')
        return is_glob(pattern + 1, text, any_case) ||
               (*text != '\0' && is_glob(pattern, text + 1, any_case));
    if (*text == '\0')
        return false;
    if (*pattern != '?' && *pattern != *text && !(any_case && strncasecmp(pattern, text, 1) == 0))
        return false;
    return is_glob(pattern + 1, text + 1, any_case);
}

static bool host_is(const char *value, const char *host)
{
    char name[64];

    if (host == NULL || strcmp(host, "192.0.2.1") == 0) /* an address is not a name */
        return false;
    snprintf(name, sizeof name, "%s", host);
    if (name[strlen(name) - 1] == '.')
        name[strlen(name) - 1] = '\0';
    if (value[0] == '.')
        return strlen(name) > strlen(value) && strcasecmp(name + strlen(name) - strlen(value), value) == 0;
    return is_glob(value, name, true);
}

/* An address as text: its version and its bits. */
static void bits_of(char text[160], const struct wire_address *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const bool is_mapped = address->family == AF_INET6 && memcmp(address->bytes, mapped, 12) == 0;
    const bool v4 = address->family == AF_INET || is_mapped;
    const uint8_t *bytes = address->bytes + (is_mapped ? 12 : 0);
    char *end = text;

    *end++ = v4 ? '4' : '6';
    for (unsigned i = 0; i < (v4 ? 32 : 128); i++)
        *end++ = (bytes[i / 8] >> (7 - i % 8) & 1) ? '1' : '0';
    *end = '\0';
}

static bool address_is(const char *value, const struct wire_address *address)
{
    char net[64], bits[160], own[160];
    struct wire_address network;
    char *slash;
    size_t prefix;

    if (address->family == 0)
        return false;
    snprintf(net, sizeof net, "%s", value);
    slash = strchr(net, '/');
    prefix = slash == NULL ? 999 : (size_t)atoi(slash + 1);
    if (slash != NULL)
        *slash = '\0';
    network = address_of(net, 0);
    bits_of(bits, &network);
    if (network.family == AF_INET6 && bits[0] == '4')
        prefix -= 96;
    bits_of(own, address);
    return strncmp(bits, own, prefix == 999 ? sizeof own : prefix + 1) == 0;
}

static bool port_is(const char *value, unsigned port)
{
    unsigned low, high;
    const int read = sscanf(value, "%u-%u", &low, &high);

    if (read == 2)
        return port >= low && port <= high;
    if (read == 1)
        return port == low;
    return port == (strcmp(value, "imap") == 0 ? 143 : 587);
}

/* NULL: not a usual port. */
static const char *protocol_of_port(unsigned port)
{
    static const struct {
        unsigned port;
        const char *name;
    } usual[] = {{25, "smtp"},  {587, "smtp"}, {24, "lmtp"},   {143, "imap"},
                 {110, "pop3"}, {119, "nntp"}, {4190, "sieve"}};

    for (unsigned i = 0; i < 7; i++)
        if (usual[i].port == port)
            return usual[i].name;
    return NULL;
}

static const char *protocol_of(const struct policy_query *query)
{
    return query->protocol != PROTOCOL_AUTO ? protocol_kind_name(query->protocol)
                                            : protocol_of_port(query->address.port);
}

static bool value_is(unsigned kind, const char *value, const struct policy_query *query, const char *host)
{
    const char *base = query->program == NULL ? NULL : strrchr(query->program, '/') + 1;

    switch (kind) {
    case HOST:
        return host_is(value, host);
    case ADDRESS:
        return address_is(value, &query->address);
    case PORT:
        return port_is(value, query->address.port);
    case PROGRAM:
        if (strcmp(value, "\"*\"") == 0)
            value = "*";
        return base != NULL && is_glob(value, strchr(value, '/') ? query->program : base, false);
    case USER:
        if (strspn(value, "0123456789") == strlen(value))
            return query->uid == (uint32_t)atoi(value);
        return query->user != NULL && is_glob(value, query->user, false);
    default:
        return protocol_of(query) != NULL && strcmp(value, protocol_of(query)) == 0;
    }
}

static bool is_loopback(const struct wire_address *address)
{
    return address_is("127.0.0.0/8", address) || address_is("::1", address);
}

/* A loopback address is left alone, unless another host's name led to it. */
static bool is_here(const struct policy_query *query, const char *host)
{
    return is_loopback(&query->address) &&
           (host == NULL || strcmp(host, "localhost") == 0 || strcmp(host, "192.0.2.1") == 0);
}

/* True if a value without '!' matches (or there is none without) and none with '!' does. */
static bool criterion_is(const struct rule *rule, unsigned kind, const struct policy_query *query,
                         const char *host, bool any_protocol, bool *named)
{
    bool any = false;

    *named = false;
    for (unsigned i = 0; i < VALUES && rule->values[kind][i] != NULL; i++) {
        const bool fits = kind == PROTOCOL && any_protocol
                              ? !rule->negated[kind][i]
                              : value_is(kind, rule->values[kind][i], query, host);

        if (rule->negated[kind][i] && fits)
            return false;
        any = any || !rule->negated[kind][i];
        *named = *named || (!rule->negated[kind][i] && fits);
    }
    return *named || !any;
}

/*
 * What a rule leaves out comes from its own file's defaults, then from the other file's, then it is built in.
 */
static int in_force(const struct rule *rule, int own, const int *defaults, int built_in)
{
    const unsigned other = rule == NULL ? 1 : 1 - rule->file;

    if (own >= 0)
        return own;
    if (defaults[rule == NULL ? 0 : rule->file] >= 0)
        return defaults[rule == NULL ? 0 : rule->file];
    if (defaults[other] >= 0 && !(rule != NULL && rule->final && other == 0))
        return defaults[other];
    return built_in;
}

static int level_of(const struct rules *rules, const struct rule *rule)
{
    return in_force(rule, rule == NULL ? -1 : rule->level, rules->level, LEVEL_SECURE);
}

static int strictness_of(const struct rules *rules, const struct rule *rule)
{
    const int level = level_of(rules, rule);
    const int testing = in_force(rule, rule == NULL ? -1 : rule->testing, rules->testing, 0);

    return testing && level > LEVEL_MAY ? LEVEL_MAY : level;
}

static bool rule_fits(const struct rules *rules, const struct rule *rule, const struct policy_query *query,
                      const char *host, bool any_protocol)
{
    bool named[KINDS];

    for (unsigned kind = 0; kind < KINDS; kind++)
        if (!criterion_is(rule, kind, query, host, any_protocol, &named[kind]))
            return false;
    if (level_of(rules, rule) == LEVEL_NONE)
        return true;
    if (!named[PORT] && protocol_of(query) == NULL)
        return false;
    return !is_here(query, host) || named[PORT] || named[HOST] || named[ADDRESS];
}

struct verdict {
    const struct rule *rule;
    int strictness, level, rank;
};

/* Only '!' values for hosts: without a name, nobody knows whether the rule is about the connection. */
static bool only_excludes_hosts(const struct rule *rule)
{
    for (unsigned i = 0; i < VALUES && rule->values[HOST][i] != NULL; i++)
        if (!rule->negated[HOST][i])
            return false;
    return rule->values[HOST][0] != NULL;
}

/* Of the rules that might be about a connection without a name, the first `others` are taken not to match. */
static struct verdict judge(const struct rules *rules, const struct policy_query *query, const char *host,
                            unsigned others)
{
    const struct rule *order[FILES * RULES];
    unsigned count = 0;

    for (unsigned i = 0; i < rules->count[1]; i++)
        if (rules->rule[1][i].final)
            order[count++] = &rules->rule[1][i];
    for (unsigned i = 0; i < rules->count[0]; i++)
        order[count++] = &rules->rule[0][i];
    for (unsigned i = 0; i < rules->count[1]; i++)
        if (!rules->rule[1][i].final)
            order[count++] = &rules->rule[1][i];
    for (unsigned i = 0; i < 2 * count; i++) {
        const struct rule *const rule = order[i % count];
        const bool any_protocol = i >= count;

        if (any_protocol && (protocol_of(query) != NULL || level_of(rules, rule) == LEVEL_NONE))
            continue;
        if (!rule_fits(rules, rule, query, host, any_protocol))
            continue;
        if (host == NULL && only_excludes_hosts(rule) && others > 0)
            others--;
        else
            return (struct verdict){rule, strictness_of(rules, rule), level_of(rules, rule),
                                    (int)(i % count)};
    }
    if (protocol_of_port(query->address.port) == NULL || is_here(query, host))
        return (struct verdict){NULL, LEVEL_NONE, LEVEL_NONE, 99};
    return (struct verdict){NULL, strictness_of(rules, NULL), level_of(rules, NULL), 99};
}

static void take_stricter(struct verdict *best, struct verdict other)
{
    if (other.strictness > best->strictness ||
        (other.strictness == best->strictness && other.rank < best->rank))
        *best = other;
}

/* The strictest verdict of all names. Of equals, the rule that is tried first. */
static struct verdict expected(const struct rules *rules, const struct policy_query *query)
{
    struct verdict best = judge(rules, query, query->hosts.count > 0 ? query->hosts.item[0] : NULL, 0);

    for (unsigned i = 1; i < query->hosts.count; i++)
        take_stricter(&best, judge(rules, query, query->hosts.item[i], 0));
    for (unsigned others = 1; query->hosts.count == 0 && others <= 2 * FILES * RULES; others++)
        take_stricter(&best, judge(rules, query, NULL, others));
    return best;
}

static struct policy_query random_query(void)
{
    static const char *const hosts[] = {"a.example.org", "A.Example.Org.", "x.a.example.org", "example.org",
                                        "b.example.com", "localhost",      "192.0.2.1"};
    static const char *const addresses[] = {
        NULL,          "192.0.2.1",        "192.0.2.200",      "127.0.0.1",       "::1",
        "2001:db8::1", "2001:db8:8000::1", "::ffff:192.0.2.1", "::ffff:127.0.0.1"};
    static const unsigned ports[] = {0, 25, 143, 110, 587, 1143, 2525, 443, 80, 4190};
    static const char *const programs[] = {NULL, "/usr/bin/mutt", "/opt/notes/mutt", "/usr/bin/fetchmail"};
    static const char *const users[] = {NULL, "alice", "bob"};
    struct policy_query query = {
        .address = address_of(addresses[below(9)], ports[below(10)]),
        .hosts.count = below(4),
        .program = programs[below(4)],
        .user = users[below(3)],
        .uid = 999 + below(3),
        .protocol = below(4) == 0 ? (enum protocol_kind)below(PROTOCOL_KINDS) : PROTOCOL_AUTO,
    };

    for (unsigned i = 0; i < query.hosts.count; i++)
        query.hosts.item[i] = hosts[below(7)];
    return query;
}

static void compare(const struct rules *rules, const struct policy *policy, unsigned seed, unsigned counts[5])
{
    const struct policy_query query = random_query();
    const struct verdict verdict = expected(rules, &query);
    const enum decision right = verdict.level == LEVEL_NONE ? DECISION_UNTOUCHED : DECISION_GUARD;
    struct policy_explanation why;
    struct settings settings;
    char rule[PATH_MAX + 16] = "";

    if (verdict.rule != NULL)
        snprintf(rule, sizeof rule, "%s:%u", in_folder(verdict.rule->file == 0 ? "user" : "system"),
                 verdict.rule->line);
    if (policy_decide(policy, &query, &settings) != right || (int)settings.level != verdict.level ||
        (verdict.rule != NULL && strcmp(settings.rule, rule) != 0))
        fail_msg("seed %u: port %u, %u hosts: level %s by %s, expected %s by '%s'", seed, query.address.port,
                 query.hosts.count, level_name(settings.level), settings.rule,
                 level_name((enum level)verdict.level), rule);
    if (right == DECISION_GUARD && !policy_may_guard(policy, query.address.port) &&
        (query.protocol == PROTOCOL_AUTO || !policy_may_guard_by_greeting(policy)))
        fail_msg("seed %u: port %u is guarded, and may not be", seed, query.address.port);
    assert_int_equal(policy_explain(policy, &query, &why), right);
    assert_int_equal(why.reason == REASON_BLOCK, verdict.rule != NULL);
    assert_true(why.settings.level == settings.level && why.settings.testing == settings.testing);
    counts[verdict.rule == NULL ? 4 : verdict.level]++;
}

static void decisions_agree_with_the_obvious_model(void **state)
{
    const unsigned seed = (unsigned)time(NULL);
    unsigned counts[5] = {0};

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    for (unsigned i = 0; i < 2000; i++) {
        struct rules rules;
        struct policy_source sources[FILES] = {{.path = NULL}, {.path = NULL}};
        const struct policy *policy;

        random_rules(&rules);
        for (unsigned file = 0; file < FILES; file++)
            sources[file].path = write_rules(&rules, file);
        policy = policy_load(sources, FILES);
        if (policy_errors(policy)[0] != '\0')
            fail_msg("seed %u: %s", seed, policy_errors(policy));
        for (unsigned j = 0; j < 50; j++)
            compare(&rules, policy, seed, counts);
        policy_free(policy);
    }
    for (unsigned i = 0; i < 5; i++) /* each outcome occurred often enough to mean something */
        assert_in_range(counts[i], 2000, 90000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_agree_with_the_obvious_model),
    };

    return cmocka_run_group_tests_name("policy: decisions and a model", tests, make_folder, remove_folder);
}
