#include "wire/protocols.h"

static const struct {
    char name[8];
    uint16_t ports[PROTOCOL_PORTS], implicit_port;
} protocols[PROTOCOL_KINDS] = {
    [PROTOCOL_AUTO] = {.name = "auto"},
#define PORTS(...)  \
    {               \
        __VA_ARGS__ \
    }
#define PROTOCOL(KIND, word, usual, implicit) [PROTOCOL_##KIND] = {#word, usual, implicit},
#include "wire/protocols.def"
#undef PROTOCOL
#undef PORTS
};

static const char listed[] =
#define PROTOCOL(KIND, word, usual, implicit) ", " #word
#include "wire/protocols.def"
#undef PROTOCOL
    ;
const char *const protocol_names_listed = listed + 2;

const uint16_t usual_ports[] = {
#define PORTS(...) __VA_ARGS__
#define PROTOCOL(KIND, word, usual, implicit) usual,
#include "wire/protocols.def"
#undef PROTOCOL
#undef PORTS
    0};

const char *protocol_kind_name(enum protocol_kind kind)
{
    return (unsigned)kind < PROTOCOL_KINDS ? protocols[kind].name : "unknown";
}

enum protocol_kind port_protocol(uint16_t port)
{
    for (int kind = PROTOCOL_FIRST; port != 0 && kind < PROTOCOL_KINDS; kind++)
        for (int i = 0; i < PROTOCOL_PORTS; i++)
            if (protocols[kind].ports[i] == port)
                return (enum protocol_kind)kind;
    return PROTOCOL_AUTO;
}

enum protocol_kind implicit_port_protocol(uint16_t port)
{
    for (int kind = PROTOCOL_FIRST; port != 0 && kind < PROTOCOL_KINDS; kind++)
        if (protocols[kind].implicit_port == port)
            return (enum protocol_kind)kind;
    return PROTOCOL_AUTO;
}

uint16_t protocol_implicit_port(enum protocol_kind kind)
{
    return (unsigned)kind < PROTOCOL_KINDS ? protocols[kind].implicit_port : 0;
}

const uint16_t *protocol_ports(enum protocol_kind kind)
{
    return protocols[(unsigned)kind < PROTOCOL_KINDS ? kind : PROTOCOL_AUTO].ports;
}
