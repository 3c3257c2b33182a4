#include "command/explanation.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "command/usage.h"
#include "monitor/messages.h"
#include "monitor/roots/bundled_roots.h"

enum { VALUE_LIMIT = 8192, LABEL = 21 }; /* LABEL: width of a setting's name */

bool explanation_same(const struct policy_explanation *a, const struct policy_explanation *b)
{
    return a->decision == b->decision && a->reason == b->reason && a->block.file == b->block.file &&
           a->block.line == b->block.line;
}

static const char *or_else(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

static void list(char value[VALUE_LIMIT], const struct text_list *items, const char *none)
{
    size_t length = 0;

    snprintf(value, VALUE_LIMIT, "%s", items->count == 0 ? none : "");
    for (uint32_t i = 0; i < items->count && length < VALUE_LIMIT; i++)
        length +=
            (size_t)snprintf(value + length, VALUE_LIMIT - length, "%s%s", i == 0 ? "" : " ", items->item[i]);
}

static const char *version(uint32_t number)
{
    return number == SETTINGS_TLS_1_2 ? "1.2" : number == SETTINGS_TLS_1_3 ? "1.3" : "as OpenSSL has it";
}

static void connect_to(char value[VALUE_LIMIT], const struct settings *s)
{
    const bool v6 = s->connect_host && strchr(s->connect_host, ':');

    if (s->connect_port == 0)
        snprintf(value, VALUE_LIMIT, "as the program asks");
    else if (!s->connect_host)
        snprintf(value, VALUE_LIMIT, "%u of the same host", s->connect_port);
    else
        snprintf(value, VALUE_LIMIT, v6 ? "[%s]:%u" : "%s:%u", s->connect_host, s->connect_port);
}

/* Reads the date from the first line of the roots installed with the relay: "# Of 2023-03-11: ...". */
static bool date_of(const char *path, char date[16])
{
    FILE *const file = fopen(path, "re");
    const bool good = file && fscanf(file, "# Of %10[0-9-]:", date) == 1;

    if (file)
        fclose(file);
    return good;
}

/* We look beside the command: the archive of `make bundle` has command, relay and roots in one folder. */
static void bundled(char value[VALUE_LIMIT])
{
    char date[16];
    int error;
    const char *const path = bundled_roots(&error);

    if (path && date_of(path, date))
        snprintf(value, VALUE_LIMIT, SETTINGS_BUNDLED ": %s, of %s", path, date);
    else if (path)
        snprintf(value, VALUE_LIMIT, SETTINGS_BUNDLED ": %s", path);
    else if (error == MONITOR_NO_BUNDLED)
        snprintf(value, VALUE_LIMIT,
                 SETTINGS_BUNDLED ": missing, for no ca-certificates.pem lies beside this command");
    else
        snprintf(value, VALUE_LIMIT, SETTINGS_BUNDLED ": not used, for others can write to it or its folder");
}

/* The trust anchors. Those that a policy names replace the system's. */
static const char *anchor(const char *own, const char *other)
{
    return own ? own : other ? "none" : "the system's";
}

static void seconds(char value[VALUE_LIMIT], uint32_t number)
{
    snprintf(value, VALUE_LIMIT, "%us", number);
}

static const char *value_of(char value[VALUE_LIMIT], enum policy_setting setting, const struct settings *s)
{
    switch (setting) {
    case POLICY_LEVEL:
        return level_name(s->level);
    case POLICY_PROTOCOL:
        return s->protocol == PROTOCOL_AUTO ? "auto (by port or greeting)" : protocol_kind_name(s->protocol);
    case POLICY_TLS:
        return s->implicit ? "implicit" : "starttls";
    case POLICY_CONNECT_TO:
        connect_to(value, s);
        return value;
    case POLICY_NAME:
        list(value, &s->names, "the one that the program asks for");
        return value;
    case POLICY_SERVERNAME:
        return or_else(s->servername, "the same");
    case POLICY_CA_FILE:
        if (settings_trust_bundled(s)) {
            bundled(value);
            return value;
        }
        return anchor(s->ca_file, s->ca_dir);
    case POLICY_CA_DIR:
        return anchor(s->ca_dir, s->ca_file);
    case POLICY_CRL_FILE:
        return or_else(s->crl_file, "none");
    case POLICY_CERTIFICATE_CHECKS:
        return s->strict_certificates ? "strict" : "normal";
    case POLICY_FINGERPRINT:
        list(value, &s->fingerprints, "none");
        return value;
    case POLICY_TLS_MIN:
        return s->tls_min == 0 ? "1.2" : version(s->tls_min);
    case POLICY_TLS_MAX:
        return version(s->tls_max);
    case POLICY_CIPHERS:
        return or_else(s->ciphers, s->level >= LEVEL_SECURE ? "those with forward secrecy and AEAD"
                                                            : "as OpenSSL has them");
    case POLICY_CIPHERSUITES:
        return or_else(s->ciphersuites, "as OpenSSL has them");
    case POLICY_GROUPS:
        return or_else(s->groups, "as OpenSSL has them");
    case POLICY_CLIENT_CERT:
        return or_else(s->client_cert, "none");
    case POLICY_CLIENT_KEY:
        return or_else(s->client_key, s->client_cert ? "in the same file" : "none");
    case POLICY_TIMEOUT:
        seconds(value, s->timeout);
        return value;
    case POLICY_GREETING_TIMEOUT:
        seconds(value, s->greeting_timeout);
        return value;
    case POLICY_TESTING:
        return s->testing ? "yes" : "no";
    default:
        return or_else(s->log, "syslog");
    }
}

static void show_setting(enum policy_setting setting, const struct policy_explanation *why)
{
    const struct policy_origin *const origin = &why->origin[setting];
    char value[VALUE_LIMIT];

    if (origin->file)
        say(stdout, LABEL, "  %-*s%s  (%s:%u)", LABEL - 2, policy_setting_name(setting),
            value_of(value, setting, &why->settings), origin->file, origin->line);
    else
        say(stdout, LABEL, "  %-*s%s  (built in)", LABEL - 2, policy_setting_name(setting),
            value_of(value, setting, &why->settings));
}

/* Describes the decision. */
static void verdict(char text[VALUE_LIMIT], const struct policy_explanation *why)
{
    const struct settings *const s = &why->settings;

    if (why->decision == DECISION_ERROR)
        snprintf(text, VALUE_LIMIT, "fails, because the policy is in error and might have guarded it");
    else if (why->decision == DECISION_GUARD)
        snprintf(text, VALUE_LIMIT, "guarded with level %s%s", level_name(s->level),
                 s->testing ? ", as a test that lets it go on" : "");
    else if (why->reason == REASON_LOOPBACK)
        snprintf(text, VALUE_LIMIT, "not touched: a loopback address, and no block names it");
    else if (why->reason == REASON_PORT)
        snprintf(text, VALUE_LIMIT, "not touched: not a usual port of mail, and no block names it");
    else
        snprintf(text, VALUE_LIMIT, "not touched: level none");
}

static void show_decider(const struct policy_explanation *why)
{
    const struct policy_origin *const level = &why->origin[POLICY_LEVEL];

    if (why->reason == REASON_BLOCK)
        say(stdout, 4, "  Decided by the block at %s:%u", why->block.file, why->block.line);
    else if (why->reason == REASON_DEFAULTS && level->file)
        say(stdout, 4, "  No block fits: decided by the defaults, %s:%u", level->file, level->line);
    else if (why->reason == REASON_DEFAULTS)
        say(stdout, 4, "  No block fits: decided by the defaults that are built in");
}

void explanation_show(const char *heading, const struct policy_explanation *why)
{
    const bool bold = in_colour(stdout);
    char text[VALUE_LIMIT];

    verdict(text, why);
    if (bold)
        fputs("\033[1m", stdout);
    say(stdout, 4, "%s: %s", heading, text);
    if (bold)
        fputs("\033[m", stdout);
    show_decider(why);
    if (why->decision != DECISION_GUARD)
        return;
    for (enum policy_setting setting = 0; setting < POLICY_FINAL; setting++)
        show_setting(setting, why);
}
