#include "command/explanation.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "command/usage.h"
#include "monitor/files/bundled_roots.h"
#include "monitor/messages.h"

enum { VALUE_LIMIT = 8192, LABEL = 21 }; /* LABEL: width of a setting's name */

_Static_assert(POLICY_FINAL == POLICY_SETTINGS - 1, "those before `final` are shown");

bool explanation_same(const struct policy_explanation *a, const struct policy_explanation *b)
{
    return a->decision == b->decision && a->reason == b->reason && a->block.file == b->block.file &&
           a->block.line == b->block.line;
}

static const char *or_else(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

static const char *list(char value[VALUE_LIMIT], const struct text_list *items, const char *none)
{
    size_t length = 0;

    if (items->count == 0)
        return none;
    for (uint32_t i = 0; i < items->count && length < VALUE_LIMIT; i++)
        length +=
            (size_t)snprintf(value + length, VALUE_LIMIT - length, "%s%s", i == 0 ? "" : " ", items->item[i]);
    return value;
}

static const char *version_or(uint32_t number, const char *otherwise)
{
    return number == SETTINGS_TLS_1_2 ? "1.2" : number == SETTINGS_TLS_1_3 ? "1.3" : otherwise;
}

static const char *show_level(const struct settings *s, char value[VALUE_LIMIT])
{
    (void)value;
    return level_name(s->level);
}

static const char *show_protocol(const struct settings *s, char value[VALUE_LIMIT])
{
    (void)value;
    return s->protocol == PROTOCOL_AUTO ? "auto (by port or greeting)" : protocol_kind_name(s->protocol);
}

static const char *show_tls(const struct settings *s, char value[VALUE_LIMIT])
{
    (void)value;
    return s->tls == TLS_AUTO       ? "auto (STARTTLS, or else the port for TLS from the first byte)"
           : s->tls == TLS_IMPLICIT ? "implicit"
                                    : "starttls";
}

static const char *show_implicit_port(const struct settings *s, char value[VALUE_LIMIT])
{
    const struct settings automatic = {.tls = TLS_AUTO};
    size_t length = 0;

    if (s->implicit_port != 0) {
        snprintf(value, VALUE_LIMIT, "%u", s->implicit_port);
        return value;
    }
    for (size_t i = 0; usual_ports[i] != 0; i++) {
        const unsigned other = settings_alternative_port(&automatic, usual_ports[i]);

        if (other != 0)
            length += (size_t)snprintf(value + length, VALUE_LIMIT - length, "%s%u next to %u",
                                       length == 0 ? "the protocol's: " : ", ", other, usual_ports[i]);
    }
    return value;
}

static const char *show_reach(const struct settings *s, char value[VALUE_LIMIT])
{
    (void)value;
    return reach_name(s->reach);
}

static const char *show_connect_to(const struct settings *s, char value[VALUE_LIMIT])
{
    const bool v6 = s->connect_host && strchr(s->connect_host, ':');

    if (s->connect_port == 0)
        return "as the program asks";
    if (!s->connect_host)
        snprintf(value, VALUE_LIMIT, "%u of the same host", s->connect_port);
    else
        snprintf(value, VALUE_LIMIT, v6 ? "[%s]:%u" : "%s:%u", s->connect_host, s->connect_port);
    return value;
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

/* Looks beside the command: the archive of `make bundle` has command, relay and roots in one folder. */
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
                 SETTINGS_BUNDLED ": missing, because there is no ca-certificates.pem beside this command");
    else
        snprintf(value, VALUE_LIMIT,
                 SETTINGS_BUNDLED ": not used, because others can write to it or its folder");
}

/* Describes the trust anchors. Those that a policy names replace the system's. */
static const char *anchor(const char *own, const char *other)
{
    return own ? own : other ? "none" : "the system's";
}

static const char *show_ca_file(const struct settings *s, char value[VALUE_LIMIT])
{
    if (!settings_trust_bundled(s))
        return anchor(s->ca_file, s->ca_dir);
    bundled(value);
    return value;
}

static const char *show_ciphers(const struct settings *s, char value[VALUE_LIMIT])
{
    (void)value;
    return or_else(s->ciphers,
                   s->level >= LEVEL_SECURE ? "those with forward secrecy and AEAD" : "as OpenSSL has them");
}

static const char *show_client_key(const struct settings *s, char value[VALUE_LIMIT])
{
    (void)value;
    return or_else(s->client_key, s->client_cert ? "in the same file" : "none");
}

static const char *seconds(char value[VALUE_LIMIT], uint32_t number)
{
    snprintf(value, VALUE_LIMIT, "%us", number);
    return value;
}

static const char *value_of(char value[VALUE_LIMIT], enum policy_setting setting, const struct settings *s)
{
    switch (setting) {
#define SHOWN(what) show_##what(s, value)
#define TEXT_OR(member, none) or_else(s->member, none)
#define EITHER(member, yes, no) (s->member ? (yes) : (no))
#define LISTED(member, none) list(value, &s->member, none)
#define ANCHOR(member, other) anchor(s->member, s->other)
#define VERSION_OR(member, none) version_or(s->member, none)
#define SECONDS(member) seconds(value, s->member)
#define NOT_SHOWN ""
#define SETTING(KEY, word, read, show, members) \
    case POLICY_##KEY:                          \
        return show;
#include "wire/settings.def"
    case POLICY_SETTINGS:
        break;
    }
    return "";
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
        snprintf(text, VALUE_LIMIT, "fails, because the policy has errors and might have guarded it");
    else if (why->decision == DECISION_GUARD)
        snprintf(text, VALUE_LIMIT, "guarded with level %s%s", level_name(s->level),
                 s->testing ? ", but only as a test: failures are logged and allowed" : "");
    else if (why->reason == REASON_LOOPBACK)
        snprintf(text, VALUE_LIMIT, "left alone: a loopback address, and no block names it");
    else if (why->reason == REASON_PORT)
        snprintf(text, VALUE_LIMIT, "left alone: not a usual mail port, and no block names it");
    else
        snprintf(text, VALUE_LIMIT, "left alone: level none");
}

static void show_decider(const struct policy_explanation *why)
{
    const struct policy_origin *const level = &why->origin[POLICY_LEVEL];

    if (why->reason == REASON_BLOCK)
        say(stdout, 4, "  Decided by the block at %s:%u", why->block.file, why->block.line);
    else if (why->reason == REASON_DEFAULTS && level->file)
        say(stdout, 4, "  No block fits: decided by the defaults, %s:%u", level->file, level->line);
    else if (why->reason == REASON_DEFAULTS)
        say(stdout, 4, "  No block fits: decided by the built-in defaults");
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
