#include "relay/options.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/socket_options.h"
#include "relay/connection.h"
#include "relay/sandbox/monitor_client.h"

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

    memset(g->value, 0, WIRE_VALUE_LIMIT); /* some options read part of it as a question */
    if (getsockopt(c->tcp, g->request->level, g->request->name, g->value, &length) != 0)
        return errno;
    *g->length = length < WIRE_VALUE_LIMIT ? length : WIRE_VALUE_LIMIT;
    if (is_no_delay(g->request) && c->no_delay >= 0)
        memcpy(g->value, &c->no_delay, length < sizeof c->no_delay ? length : sizeof c->no_delay);
    return 0;
}

/*
 * Counts what TCP has not sent, with TLS around it, and what still waits between the program and the relay,
 * where one byte is kept (relay_end.h). It is 0 if and only if the server has everything, except while a
 * piece is passing through the relay.
 */
static int get_unsent(struct connection *c, void *argument)
{
    const struct get *g = argument;
    int unsent = 0, queued = 0;

    if (ioctl(c->tcp, (unsigned long)g->request->name, &unsent) != 0)
        return errno;
    /* During connect() the queue only holds what makes the program's end look like it (TCP reports 0). */
    if (c->state.stage != WIRE_CONNECTING && ioctl(c->program, FIONREAD, &queued) == 0 && queued > 1)
        unsent += queued - 1;
    *g->length = g->request->size < sizeof unsent ? g->request->size : (uint32_t)sizeof unsent;
    memcpy(g->value, &unsent, *g->length);
    return 0;
}

/* Saves the socket's TCP_NODELAY as the program's, and sets it. */
static int hasten(struct connection *c, void *unused)
{
    const int on = 1;
    int own = 0;
    socklen_t length = sizeof own;

    (void)unused;
    if (getsockopt(c->tcp, IPPROTO_TCP, TCP_NODELAY, &own, &length) != 0)
        return errno;
    c->no_delay = own;
    return own || socket_option_set(c->tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 ? 0 : errno;
}

/* The program has set it, and the relay wants its own. */
static int hasten_again(struct connection *c, void *unused)
{
    return c->no_delay >= 0 ? hasten(c, unused) : 0;
}

static int set(struct connection *c, void *argument)
{
    const struct option_request *const r = argument;

    if (socket_option_set(c->tcp, r->level, r->name, r->value, r->value_length) != 0)
        return errno;
    return is_no_delay(r) ? hasten_again(c, NULL) : 0;
}

/* The monitor may be busy, and nobody else is to wait for it: the lock is not held. */
static int ask_monitor(const struct pair_identity *pair, int connection, uint8_t *value, size_t size,
                       size_t *length)
{
    const int tcp = connection_borrow_tcp(pair);
    int error = errno;

    if (tcp < 0)
        return error;
    error = monitor_option(connection, tcp, value, size, length);
    connection_return_tcp(pair, tcp);
    return error;
}

void option_hasten(const struct connection *c)
{
    connection_with_tcp(&c->pair, hasten, NULL);
}

/* TCP's error for an option that it lacks; of IPV6_ADDRFORM, for an address that has no other form. */
static int unknown(const struct option_request *r, bool setting)
{
    if (r->level == IPPROTO_IPV6 && r->name == 1)
        return EINVAL;
    if (r->level == SOL_SOCKET || r->level == IPPROTO_TCP || r->level == IPPROTO_IP ||
        r->level == IPPROTO_IPV6)
        return ENOPROTOOPT;
    return setting ? ENOPROTOOPT : EOPNOTSUPP;
}

static int get_error(const struct pair_identity *pair, const struct get *g)
{
    const int error = connection_broke_with(pair);

    *g->length = g->request->size < sizeof error ? g->request->size : (uint32_t)sizeof error;
    memcpy(g->value, &error, *g->length);
    return 0;
}

int option_get(const struct pair_identity *pair, const struct option_request *request, int connection,
               uint8_t *value, uint32_t *length)
{
    struct get g = {.request = request, .value = value, .length = length};
    size_t count = 0;
    int error;

    *length = 0;
    if (request->level == WIRE_LEVEL_IOCTL)
        return request->name == SIOCOUTQ || request->name == SIOCOUTQNSD
                   ? connection_with_tcp(pair, get_unsent, &g)
                   : ENOTTY;
    if (request->level == SOL_SOCKET && request->name == SO_ERROR)
        return get_error(pair, &g);
    if (!socket_option_may_be_read(request->level, request->name))
        return unknown(request, false);
    if (connection < 0)
        return connection_with_tcp(pair, get, &g);
    error = ask_monitor(pair, connection, value, WIRE_VALUE_LIMIT, &count);
    *length = (uint32_t)count;
    return error;
}

int option_set(const struct pair_identity *pair, const struct option_request *request, int connection)
{
    struct option_request r = *request;
    size_t none;
    int error;

    if (!socket_option_may_be_set(request->level, request->name))
        return unknown(request, true);
    if (connection < 0)
        return connection_with_tcp(pair, set, &r);
    error = ask_monitor(pair, connection, NULL, 0, &none);
    return error == 0 && is_no_delay(request) ? connection_with_tcp(pair, hasten_again, NULL) : error;
}
