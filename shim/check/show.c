#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "check/check.h"
#include "command/usage.h"

enum { LABEL = 20, LINE_TEXT = 1024 };

const char *step_name(enum step_kind step)
{
    static const char *const names[STEPS] = {"lookup",    "connect",           "greeting",       "starttls",
                                             "handshake", "greeting over TLS", "answer over TLS"};

    return names[step];
}

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {"met", "plaintext", "testing", "failed", "unreachable", "error"};

    return names[verdict];
}

static void heading(const struct check *check, const struct asked *asked)
{
    const bool bold = in_colour(stdout);

    fputs(bold ? "\033[1m" : "", stdout);
    say(stdout, 4, "%s, port %u%s%s", asked->host, check->port, check->protocol ? ": " : "",
        check->protocol ? check->protocol : "");
    fputs(bold ? "\033[m" : "", stdout);
}

static void row(const char *label, const char *value)
{
    say(stdout, LABEL, "  %-*s%s", LABEL - 2, label, value);
}

static void rule(const struct check *check)
{
    const struct policy_explanation *const why = &check->why;
    const struct policy_origin *const level = &why->origin[POLICY_LEVEL];
    char text[LINE_TEXT];

    if (why->reason == REASON_BLOCK)
        snprintf(text, sizeof text, "%s:%u, level %s%s", why->block.file, why->block.line,
                 level_name(why->settings.level), why->settings.testing ? ", testing" : "");
    else if (why->reason == REASON_DEFAULTS && level->file)
        snprintf(text, sizeof text, "the defaults, %s:%u, level %s%s", level->file, level->line,
                 level_name(why->settings.level), why->settings.testing ? ", testing" : "");
    else if (why->reason == REASON_DEFAULTS)
        snprintf(text, sizeof text, "the built-in defaults, level %s", level_name(why->settings.level));
    else
        snprintf(text, sizeof text, "none: %s",
                 why->reason == REASON_LOOPBACK ? "a loopback address, and no block names it"
                 : why->reason == REASON_PORT   ? "not a usual mail port, and no block names it"
                                                : "the policy has errors");
    row("rule", text);
}

/* Adds the addresses that we tried to the line of the connect step. */
static void add_attempts(char *text, size_t size, const struct check *check)
{
    size_t used = strlen(text);

    for (size_t i = 0; i < check->attempts_count && used < size; i++) {
        const struct attempt *const a = &check->attempts[i];
        char address[INET6_ADDRSTRLEN] = "";

        inet_ntop(a->address.family, a->address.bytes, address, sizeof address);
        used += (size_t)snprintf(text + used, size - used, "%s%s port %u%s%s", i > 0 ? "; " : "  ", address,
                                 a->address.port, a->error ? ": " : "", a->error ? strerror(a->error) : "");
    }
}

static void steps(const struct check *check)
{
    for (enum step_kind step = 0; step < STEPS; step++) {
        char text[LINE_TEXT];

        if (!check->taken[step])
            continue;
        snprintf(text, sizeof text, "%lld.%lld ms", (long long)(check->took[step] / 1000),
                 (long long)(check->took[step] % 1000 / 100));
        if (step == STEP_CONNECT)
            add_attempts(text, sizeof text, check);
        row(step == STEP_STARTTLS ? "STARTTLS" : step_name(step), text);
    }
}

static void tls(const struct check *check)
{
    char text[LINE_TEXT];

    if (check->alternative) {
        snprintf(text, sizeof text, "from the first byte, on port %u: port %u %s",
                 check->attempts[check->attempts_count - 1].address.port, check->port,
                 check->no_starttls ? "does not offer STARTTLS" : "does not answer, or not in time");
        row("tls auto", text);
    }
    if (!check->version[0])
        return;
    snprintf(text, sizeof text, "%s %s", check->version, check->cipher);
    row("TLS", text);
    if (check->verified[0])
        row("verified for", check->verified);
}

static void certificate(const struct chain_certificate *c, size_t place)
{
    char text[LINE_TEXT];

    say(stdout, 4, "  certificate %zu%s", place + 1, place == 0 ? ", the server's own" : "");
    row("  subject", c->subject);
    if (c->names[0])
        row("  names", c->names);
    row("  issuer", c->issuer);
    snprintf(text, sizeof text, "from %s to %s", c->begin, c->end);
    row("  valid", text);
    row("  key", c->key);
    say(stdout, 4, "    SHA-256 of certificate and public key, as a policy lists them:");
    say(stdout, 4, "   %s", c->sha256); /* on lines of their own, for copying */
    say(stdout, 4, "   %s", c->spki_sha256);
}

static void words(char text[LINE_TEXT], const struct check *check)
{
    const char *const cause = check->failure.text;

    if (check->verdict == VERDICT_ERROR)
        snprintf(text, LINE_TEXT, "fails: the policy has errors and might have guarded it");
    else if (check->verdict == VERDICT_UNREACHABLE)
        snprintf(text, LINE_TEXT, "fails: no connection");
    else if (!check->guarded && check->speaks_tls)
        snprintf(
            text, LINE_TEXT,
            "not guarded: a program's connection would be left alone. The server expects TLS from the first "
            "byte: with 'tls implicit', level secure would %s%s",
            check->verdict == VERDICT_MET ? "be met" : "fail: ", cause);
    else if (!check->guarded)
        snprintf(
            text, LINE_TEXT, "%s; %s%s",
            check->implicit_port ? "left alone: on this port the program does TLS itself"
                                 : "not guarded: a program's connection would be left alone",
            check->verdict == VERDICT_MET ? "level secure would be met" : "level secure would fail: ", cause);
    else if (check->verdict == VERDICT_MET)
        snprintf(text, LINE_TEXT, "the policy is met");
    else if (check->verdict == VERDICT_PLAINTEXT)
        snprintf(text, LINE_TEXT, "continues in plaintext, which level may allows: %s", cause);
    else if (check->verdict == VERDICT_TESTING)
        snprintf(text, LINE_TEXT, "would fail, but continues because the policy says 'testing': %s", cause);
    else
        snprintf(text, LINE_TEXT, "fails: %s%s",
                 check->speaks_tls && check->failure.kind != FAILURE_EXPECTS_TLS
                     ? "the server expects TLS from the first byte, and the policy says STARTTLS; with 'tls "
                       "implicit', too: "
                     : "",
                 cause);
}

static void verdict(const struct check *check)
{
    const bool colour = in_colour(stdout);
    char text[LINE_TEXT];

    words(text, check);
    if (colour)
        fputs(check_is_good(check) ? "\033[32m" : "\033[31m", stdout);
    row("verdict", text);
    if (colour)
        fputs("\033[m", stdout);
}

/* True if the proposed lines are for another port than the one that we checked. */
static bool lines_for_plaintext(const struct check *check)
{
    return check->verdict == VERDICT_MET && check->implicit_port && !check->guarded;
}

void show_check(const struct check *check, const struct asked *asked)
{
    char lines[LINES_LIMIT];

    heading(check, asked);
    rule(check);
    steps(check);
    tls(check);
    for (size_t i = 0; i < check->chain_count; i++)
        certificate(&check->chain[i], i);
    verdict(check);
    policy_lines(lines, check, asked);
    if (!lines[0])
        return;
    say(stdout, 4, "  For a policy%s:",
        lines_for_plaintext(check) ? ", for a program that speaks plaintext"
        : check->verdict == VERDICT_MET || check->failure.kind == FAILURE_EXPECTS_TLS
            ? ""
            : ", only if you know from elsewhere that this certificate is the right one");
    fputc('\n', stdout);
    for (const char *at = lines; *at;) { /* never break these lines: they are for copying */
        const size_t length = strcspn(at, "\n");

        printf("    %.*s\n", (int)length, at);
        at += length + (at[length] == '\n');
    }
}
