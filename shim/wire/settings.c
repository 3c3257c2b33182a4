#include "wire/settings.h"

#include <string.h>

const char *level_name(enum level level)
{
    static const char names[][12] = {"none", "may", "encrypt", "secure", "fingerprint"};

    return (unsigned)level < sizeof names / sizeof names[0] ? names[level] : "unknown";
}

const char *reach_name(enum reach reach)
{
    static const char names[][12] = {"preload", "auto", "supervise", "both"};

    return (unsigned)reach < sizeof names / sizeof names[0] ? names[reach] : "unknown";
}

bool level_demands_tls(enum level level)
{
    return level != LEVEL_NONE && level != LEVEL_MAY;
}

uint16_t settings_implicit_port(const struct settings *settings, uint16_t asked)
{
    if (settings->implicit_port != 0)
        return (uint16_t)settings->implicit_port;
    return protocol_implicit_port(settings->protocol != PROTOCOL_AUTO ? settings->protocol
                                                                      : port_protocol(asked));
}

/* Port 465 is for submission (RFC 8314, 3.3), so it stands next to 587 and not to 25. */
static bool is_plaintext_port(enum protocol_kind protocol, uint16_t port)
{
    enum { EXCHANGERS = 25 };

    return port_protocol(port) == protocol && port != EXCHANGERS;
}

uint16_t settings_alternative_port(const struct settings *settings, uint16_t asked)
{
    const enum protocol_kind protocol =
        settings->protocol != PROTOCOL_AUTO ? settings->protocol : port_protocol(asked);
    const uint16_t first = settings->connect_port != 0 ? (uint16_t)settings->connect_port : asked;
    uint16_t port = 0;

    if (settings->tls != TLS_AUTO)
        return 0;
    if (settings->implicit_port != 0)
        port = (uint16_t)settings->implicit_port;
    else if (settings->connect_port == 0 && is_plaintext_port(protocol, asked))
        port = protocol_implicit_port(protocol);
    return port != first ? port : 0;
}

bool settings_trust_bundled(const struct settings *settings)
{
    return settings->ca_file && strcmp(settings->ca_file, SETTINGS_BUNDLED) == 0;
}
