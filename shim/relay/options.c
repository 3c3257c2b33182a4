#include "relay/options.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "relay/connection.h"

/*
 * What is left to the program. Left out are options whose value is a pointer into the caller's memory, or
 * names a descriptor of its (SO_ATTACH_FILTER, TCP_ZEROCOPY_RECEIVE, netfilter's), and those that would
 * change the stream itself (TCP_ULP, TCP_REPAIR, SO_PEEK_OFF).
 */
static const struct range {
    int level, first, last;
} allowed[] = {
    {SOL_SOCKET, SO_DEBUG, SO_PRIORITY}, /* SO_REUSEADDR, SO_TYPE, SO_ERROR, SO_SNDBUF, SO_KEEPALIVE, ... */
    {SOL_SOCKET, SO_LINGER, SO_REUSEPORT},
    {SOL_SOCKET, SO_RCVLOWAT, SO_SNDTIMEO},
    {SOL_SOCKET, SO_BINDTODEVICE, SO_BINDTODEVICE},
    {SOL_SOCKET, SO_TIMESTAMP, SO_ACCEPTCONN},
    {SOL_SOCKET, SO_SNDBUFFORCE, SO_RCVBUFFORCE},
    {SOL_SOCKET, SO_MARK, SO_MARK},
    {SOL_SOCKET, SO_PROTOCOL, SO_DOMAIN},
    {SOL_SOCKET, SO_BUSY_POLL, SO_MAX_PACING_RATE},
    {SOL_SOCKET, SO_INCOMING_CPU, SO_INCOMING_CPU},
    {SOL_SOCKET, SO_MEMINFO, SO_COOKIE},
    {IPPROTO_TCP, TCP_NODELAY, TCP_QUICKACK},
    {IPPROTO_TCP, TCP_CONGESTION, TCP_CONGESTION},
    {IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, TCP_THIN_DUPACK},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_FASTOPEN, TCP_TIMESTAMP},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, TCP_SAVED_SYN},
    {IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, TCP_FASTOPEN_NO_COOKIE},
    {IPPROTO_TCP, TCP_INQ, TCP_TX_DELAY},
    {IPPROTO_IP, IP_TOS, 52}, /* up to netfilter's from 64 on */
    {IPPROTO_IPV6, 1, 63},    /* likewise */
    {IPPROTO_IPV6, IPV6_RECVTCLASS, IPV6_TCLASS},
    {IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 78},
};

static bool is_allowed(int level, int name)
{
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (level == allowed[i].level && name >= allowed[i].first && name <= allowed[i].last)
            return true;
    }
    return false;
}

struct get {
    const struct option_request *request;
    uint8_t *value;
    uint32_t *length;
};

static bool is_no_delay(const struct option_request *r)
{
    return r->level == IPPROTO_TCP && r->name == TCP_NODELAY;
}

static int get(struct connection *c, void *argument)
{
    const struct get *g = argument;
    socklen_t length = g->request->size < WIRE_VALUE_LIMIT ? g->request->size : WIRE_VALUE_LIMIT;

    memset(g->value, 0, WIRE_VALUE_LIMIT); /* some options read a part of it as a question */
    if (getsockopt(c->tcp, g->request->level, g->request->name, g->value, &length) != 0)
        return errno;
    *g->length = length < WIRE_VALUE_LIMIT ? length : WIRE_VALUE_LIMIT;
    if (is_no_delay(g->request) && c->no_delay >= 0)
        memcpy(g->value, &c->no_delay, length < sizeof c->no_delay ? length : sizeof c->no_delay);
    return 0;
}

/* Takes the socket's TCP_NODELAY for the program's, and sets it. */
static int hasten(struct connection *c, void *unused)
{
    const int on = 1;
    int own = 0;
    socklen_t length = sizeof own;

    (void)unused;
    if (getsockopt(c->tcp, IPPROTO_TCP, TCP_NODELAY, &own, &length) != 0)
        return errno;
    c->no_delay = own;
    return own || setsockopt(c->tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 ? 0 : errno;
}

static int set(struct connection *c, void *argument)
{
    const struct option_request *r = argument;

    if (setsockopt(c->tcp, r->level, r->name, r->value, r->value_length) != 0)
        return errno;
    return is_no_delay(r) && c->no_delay >= 0 ? hasten(c, NULL) : 0;
}

void option_hasten(const struct connection *c)
{
    connection_with_tcp(c->request.cookie, hasten, NULL);
}

int option_get(const struct option_request *request, uint8_t *value, uint32_t *length)
{
    struct get g = {.request = request, .value = value, .length = length};

    *length = 0;
    if (!is_allowed(request->level, request->name))
        return EPERM;
    return connection_with_tcp(request->cookie, get, &g);
}

int option_set(const struct option_request *request)
{
    struct option_request copy = *request;

    if (!is_allowed(request->level, request->name))
        return EPERM;
    return connection_with_tcp(request->cookie, set, &copy);
}
