#include "relay/protocol/protocol.h"

#define PROTOCOL(KIND, name, ports, implicit_port) [PROTOCOL_##KIND] = &protocol_##name,
static const struct protocol *const table[PROTOCOL_KINDS] = {
#include "wire/protocols.def"
};
#undef PROTOCOL

const struct protocol *protocol_by_kind(enum protocol_kind kind)
{
    return (unsigned)kind < PROTOCOL_KINDS ? table[kind] : NULL;
}

const struct protocol *protocol_by_port(uint16_t port)
{
    return protocol_by_kind(port_protocol(port));
}
