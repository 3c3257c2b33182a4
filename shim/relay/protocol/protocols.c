#include "relay/protocol/protocol.h"

static const struct protocol *const table[PROTOCOL_KINDS] = {
    [PROTOCOL_SMTP] = &protocol_smtp, [PROTOCOL_LMTP] = &protocol_lmtp, [PROTOCOL_IMAP] = &protocol_imap,
    [PROTOCOL_POP3] = &protocol_pop3, [PROTOCOL_NNTP] = &protocol_nntp, [PROTOCOL_SIEVE] = &protocol_sieve,
};

const struct protocol *protocol_by_kind(enum protocol_kind kind)
{
    return (unsigned)kind < PROTOCOL_KINDS ? table[kind] : NULL;
}

const struct protocol *protocol_by_port(uint16_t port)
{
    for (size_t kind = 0; port != 0 && kind < PROTOCOL_KINDS; kind++) {
        for (size_t i = 0; table[kind] && i < sizeof table[kind]->ports / sizeof table[kind]->ports[0]; i++) {
            if (table[kind]->ports[i] == port)
                return table[kind];
        }
    }
    return NULL;
}

const struct protocol *protocol_by_greeting(const char *line)
{
    for (size_t kind = 0; kind < PROTOCOL_KINDS; kind++) {
        if (table[kind] && table[kind]->greets(line))
            return table[kind];
    }
    return NULL;
}
