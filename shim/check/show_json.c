#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "check/check.h"
#include "command/json.h"

static void member(const char *name, const char *value)
{
    json_name(name, 0);
    json_string(value);
}

/* Returns NULL for an empty text. */
static const char *known(const char *text)
{
    return text[0] ? text : NULL;
}

static void rule(const struct policy_explanation *why)
{
    char place[4096];
    const struct policy_origin *const from =
        why->reason == REASON_BLOCK ? &why->block : &why->origin[POLICY_LEVEL];

    snprintf(place, sizeof place, "%s:%u", from->file ? from->file : "", from->line);
    member("rule", why->decision == DECISION_ERROR ? NULL : from->file ? place : "built-in defaults");
}

static void attempts(const struct check *check)
{
    json_name("attempts", 0);
    putchar('[');
    for (size_t i = 0; i < check->attempts_count; i++) {
        const struct attempt *const a = &check->attempts[i];
        char address[INET6_ADDRSTRLEN] = "";

        inet_ntop(a->address.family, a->address.bytes, address, sizeof address);
        fputs(i > 0 ? ", {" : "{", stdout);
        json_name("address", 1);
        json_string(address);
        json_name("port", 0);
        printf("%u", a->address.port);
        member("error", a->error ? strerror(a->error) : NULL);
        putchar('}');
    }
    putchar(']');
}

static void steps(const struct check *check)
{
    int first = 1;

    json_name("milliseconds", 0);
    putchar('{');
    for (enum step_kind step = 0; step < STEPS; step++) {
        if (!check->taken[step])
            continue;
        json_name(step_name(step), first);
        printf("%lld.%03lld", (long long)(check->took[step] / 1000), (long long)(check->took[step] % 1000));
        first = 0;
    }
    putchar('}');
}

static void chain(const struct check *check)
{
    json_name("chain", 0);
    putchar('[');
    for (size_t i = 0; i < check->chain_count; i++) {
        const struct chain_certificate *const c = &check->chain[i];

        fputs(i > 0 ? ", {" : "{", stdout);
        json_name("subject", 1);
        json_string(c->subject);
        member("names", c->names);
        member("issuer", c->issuer);
        member("begin", c->begin);
        member("end", c->end);
        member("key", c->key);
        member("sha256", c->sha256);
        member("spki-sha256", c->spki_sha256);
        putchar('}');
    }
    putchar(']');
}

/* A list of lines. */
static void json_lines(char *lines)
{
    int first = 1;

    putchar('[');
    for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
        fputs(first ? "" : ", ", stdout);
        json_string(line);
        first = 0;
    }
    putchar(']');
}

void show_check_as_json(const struct check *check, const struct asked *asked)
{
    char lines[LINES_LIMIT];

    putchar('{');
    json_name("host", 1);
    json_string(asked->host);
    json_name("port", 0);
    printf("%u", check->port);
    member("verdict", verdict_name(check->verdict));
    json_name("good", 0);
    fputs(check_is_good(check) ? "true" : "false", stdout);
    json_name("guarded", 0);
    fputs(check->guarded ? "true" : "false", stdout);
    member("level", level_name(check->settings.level));
    rule(&check->why);
    member("protocol", check->protocol);
    json_name("implicit", 0);
    fputs(check->settings.tls == TLS_IMPLICIT ? "true" : "false", stdout);
    json_name("alternative", 0);
    fputs(check->alternative ? "true" : "false", stdout);
    attempts(check);
    steps(check);
    member("version", known(check->version));
    member("cipher", known(check->cipher));
    member("verified", known(check->verified));
    member("failure", known(check->failure.text));
    chain(check);
    policy_lines(lines, check, asked);
    json_name("policy", 0);
    json_lines(lines);
    putchar('}');
}
