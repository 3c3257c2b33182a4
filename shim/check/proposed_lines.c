/* Proposes lines for a policy. */
#include <stdio.h>
#include <string.h>

#include "check/check.h"
#include "policy/services.h"

static int match_line(char *to, size_t size, const struct check *check, const struct asked *asked)
{
    const bool usual = port_protocol(check->port) != PROTOCOL_AUTO;
    int used = snprintf(to, size, "match %s %s port %u\n", asked->numeric ? "address" : "host", asked->host,
                        check->port);

    if (!usual && check->protocol)
        used += snprintf(to + used, size - (size_t)used, "    protocol %s\n", check->protocol);
    if (check->settings.implicit)
        used += snprintf(to + used, size - (size_t)used, "    tls implicit\n");
    return used;
}

/* Whether the host, from the command line, is a valid word in a policy. If not, we propose nothing. */
static bool is_word(const char *host)
{
    for (; *host; host++)
        if (*host <= ' ' || *host > '~' || strchr("\"'\\#!*?[]{}", *host))
            return false;
    return true;
}

void policy_lines(char to[LINES_LIMIT], const struct check *check, const struct asked *asked)
{
    int used;

    to[0] = '\0';
    if (check->chain_count == 0 || !is_word(asked->host) || check->chain[0].spki_sha256[0] == '\0')
        return;
    used = match_line(to, LINES_LIMIT, check, asked);
    if (check->verdict == VERDICT_MET && check->settings.level == LEVEL_SECURE) {
        used += snprintf(to + used, LINES_LIMIT - (size_t)used, "    level secure\n");
        if (asked->numeric && check->verified[0])
            snprintf(to + used, LINES_LIMIT - (size_t)used, "    name %s\n", check->verified);
        return;
    }
    snprintf(to + used, LINES_LIMIT - (size_t)used,
             "    level fingerprint\n"
             "    # the certificate, until it is renewed:\n"
             "    # fingerprint %s\n"
             "    # its public key:\n"
             "    fingerprint %s\n",
             check->chain[0].sha256, check->chain[0].spki_sha256);
}
