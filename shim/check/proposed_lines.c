/* Proposes lines for a policy. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check/check.h"
#include "policy/services.h"
#include "policy/text.h"

/* True if a policy accepts the host or path as a word without quotes. */
static bool is_word(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~' || strchr("\"'\\#!*?[]{}", *text))
            return false;
    return true;
}

static void add(char to[LINES_LIMIT], const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(char to[LINES_LIMIT], const char *format, ...)
{
    const size_t used = strlen(to);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(to + used, LINES_LIMIT - used, format, arguments);
    va_end(arguments);
}

/*
 * Returns the port for the block. A program without TLS uses the protocol's plaintext port; 'tls implicit'
 * then connects to the port that we checked.
 */
static unsigned port_of_program(const struct check *check)
{
    return check->implicit_port && !check->guarded ? protocol_ports(implicit_port_protocol(check->port))[0]
                                                   : check->port;
}

static void add_match(char to[LINES_LIMIT], const struct check *check, const struct asked *asked)
{
    const unsigned port = port_of_program(check);
    const bool usual = port_protocol((uint16_t)port) != PROTOCOL_AUTO;

    add(to, "match %s %s port %u\n", asked->numeric ? "address" : "host", asked->host, port);
    if (!usual && check->protocol)
        add(to, "    protocol %s\n", check->protocol);
    if (check->settings.tls == TLS_IMPLICIT)
        add(to, "    tls implicit\n");
}

/*
 * Needed if 'tls implicit' alone would connect to another port, or the policy already named another server.
 */
static void add_target(char to[LINES_LIMIT], const struct check *check)
{
    const unsigned reached = check->attempts[check->attempts_count - 1].address.port;
    const unsigned port = port_of_program(check);
    unsigned led_to = port;

    for (int kind = PROTOCOL_FIRST; check->settings.tls == TLS_IMPLICIT && kind < PROTOCOL_KINDS; kind++)
        if (check->protocol && strcmp(check->protocol, protocol_kind_name((enum protocol_kind)kind)) == 0 &&
            protocol_implicit_port((enum protocol_kind)kind) != 0)
            led_to = protocol_implicit_port((enum protocol_kind)kind);
    if (check->settings.connect_host)
        add(to, "    connect-to %s:%u\n", check->settings.connect_host, reached);
    else if (reached != led_to)
        add(to, "    connect-to %u\n", reached);
}

/* Adds the authorities that verified the certificate, if they are not the system's. */
static void add_authorities(char to[LINES_LIMIT], const struct settings *settings)
{
    if (settings->ca_file && is_word(settings->ca_file))
        add(to, "    ca-file %s\n", settings->ca_file);
    if (settings->ca_dir && is_word(settings->ca_dir))
        add(to, "    ca-dir %s\n", settings->ca_dir);
}

/* True if we checked chain and name and both were good, whatever the verdict. */
static bool is_verified(const struct check *check)
{
    return check->settings.level == LEVEL_SECURE && check->verified[0] &&
           (check->verdict == VERDICT_MET || check->failure.kind == FAILURE_EXPECTS_TLS);
}

void policy_lines(char to[LINES_LIMIT], const struct check *check, const struct asked *asked)
{
    to[0] = '\0';
    if (check->chain_count == 0 || check->other_service || !is_word(asked->host) ||
        check->chain[0].spki_sha256[0] == '\0')
        return;
    add_match(to, check, asked);
    add_target(to, check);
    if (!is_verified(check)) {
        add(to,
            "    level fingerprint\n"
            "    # the certificate, until it is renewed:\n"
            "    # fingerprint %s\n"
            "    # its public key:\n"
            "    fingerprint %s\n",
            check->chain[0].sha256, check->chain[0].spki_sha256);
        return;
    }
    add(to, "    level secure\n");
    add_authorities(to, &check->settings);
    if (!same_word(check->verified, asked->host) && is_word(check->verified))
        add(to, "    name %s\n", check->verified);
}
