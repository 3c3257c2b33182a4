#include "relay/options.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay/connection.h"

/*
 * What is left to the program, by the numbers of include/uapi (a libc may know fewer). Left out are options
 * whose value is a pointer into the caller's memory or names a descriptor of its (SO_ATTACH_FILTER,
 * TCP_ZEROCOPY_RECEIVE, netfilter's), and all that are newer than these lists; those that would change the
 * stream itself (TCP_ULP, TCP_REPAIR, IPV6_ADDRFORM) can only be asked for.
 */
struct range {
    int level, first, last;
};

static const struct range allowed[] = {
    {SOL_SOCKET, 0, 25},   /* to SO_BINDTODEVICE */
    {SOL_SOCKET, 28, 41},  /* SO_PEERNAME to SO_WIFI_STATUS */
    {SOL_SOCKET, 43, 43},  /* SO_NOFCS */
    {SOL_SOCKET, 45, 49},  /* SO_SELECT_ERR_QUEUE to SO_INCOMING_CPU */
    {SOL_SOCKET, 53, 84},  /* SO_CNX_ADVICE to SO_INQ */
    {IPPROTO_TCP, 0, 18},  /* to TCP_USER_TIMEOUT */
    {IPPROTO_TCP, 23, 30}, /* TCP_FASTOPEN to TCP_FASTOPEN_CONNECT */
    {IPPROTO_TCP, 32, 34}, /* TCP_MD5SIG_EXT to TCP_FASTOPEN_NO_COOKIE */
    {IPPROTO_TCP, 36, 46}, /* TCP_INQ to TCP_DELACK_MAX_US */
    {IPPROTO_IP, 0, 63},   /* all but netfilter's */
    {IPPROTO_IPV6, 0, 0},  /* all but netfilter's, and IPV6_ADDRFORM */
    {IPPROTO_IPV6, 2, 63}, {IPPROTO_IPV6, 70, 82},
};

static const struct range readable[] = {
    {IPPROTO_TCP, 19, 22}, /* TCP_REPAIR and its like */
    {IPPROTO_TCP, 31, 31}, /* TCP_ULP */
    {IPPROTO_IPV6, 1, 1},  /* IPV6_ADDRFORM */
};

static bool is_in(const struct range *ranges, size_t count, const struct option_request *r)
{
    for (size_t i = 0; i < count; i++) {
        if (r->level == ranges[i].level && r->name >= ranges[i].first && r->name <= ranges[i].last)
            return true;
    }
    return false;
}

static bool may_set(const struct option_request *r)
{
    return is_in(allowed, sizeof allowed / sizeof allowed[0], r);
}

static bool may_get(const struct option_request *r)
{
    return may_set(r) || is_in(readable, sizeof readable / sizeof readable[0], r);
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

/*
 * What TCP has, with TLS around it, and what still waits between the program and the relay, where one byte is
 * kept (end.h): 0 if and only if the server has it all, but for the moment that a piece takes through the
 * relay.
 */
static int get_unsent(struct connection *c, void *argument)
{
    const struct get *g = argument;
    int unsent = 0, queued = 0;

    if (ioctl(c->tcp, (unsigned long)g->request->name, &unsent) != 0)
        return errno;
    /* While connect() is under way the queue holds what makes the program's end look like it (TCP says 0). */
    if (c->state.stage != WIRE_CONNECTING && ioctl(c->program, FIONREAD, &queued) == 0 && queued > 1)
        unsent += queued - 1;
    *g->length = g->request->size < sizeof unsent ? g->request->size : (uint32_t)sizeof unsent;
    memcpy(g->value, &unsent, *g->length);
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

struct set {
    const struct option_request *request;
    bool privileged;
};

/*
 * Without this process's privileges (SO_MARK, a high SO_PRIORITY, SO_SNDBUFFORCE): a thread's capabilities
 * are its own, and what is permitted can be made effective again.
 */
static bool swap_capabilities(struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3], bool effective)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};

    if (!effective && syscall(SYS_capget, &head, now) != 0)
        return false;
    struct __user_cap_data_struct wanted[_LINUX_CAPABILITY_U32S_3] = {now[0], now[1]};

    for (int i = 0; !effective && i < _LINUX_CAPABILITY_U32S_3; i++)
        wanted[i].effective = 0;
    return syscall(SYS_capset, &head, wanted) == 0;
}

static int set_now(struct connection *c, const struct option_request *r)
{
    if (setsockopt(c->tcp, r->level, r->name, r->value, r->value_length) != 0)
        return errno;
    return is_no_delay(r) && c->no_delay >= 0 ? hasten(c, NULL) : 0;
}

static int set(struct connection *c, void *argument)
{
    const struct set *s = argument;
    struct __user_cap_data_struct saved[_LINUX_CAPABILITY_U32S_3];
    int error;

    if (s->privileged)
        return set_now(c, s->request);
    if (!swap_capabilities(saved, false))
        return EPERM;
    error = set_now(c, s->request);
    swap_capabilities(saved, true);
    return error;
}

void option_hasten(const struct connection *c)
{
    connection_with_tcp(&c->pair, hasten, NULL);
}

/* What TCP says of an option that it does not have; of IPV6_ADDRFORM, where the address has no other form. */
static int unknown(const struct option_request *r, bool setting)
{
    if (r->level == IPPROTO_IPV6 && r->name == 1)
        return EINVAL;
    if (r->level == SOL_SOCKET || r->level == IPPROTO_TCP || r->level == IPPROTO_IP ||
        r->level == IPPROTO_IPV6)
        return ENOPROTOOPT;
    return setting ? ENOPROTOOPT : EOPNOTSUPP;
}

static int get_error(const struct pair *pair, const struct get *g)
{
    const int error = connection_broke_with(pair);

    *g->length = g->request->size < sizeof error ? g->request->size : (uint32_t)sizeof error;
    memcpy(g->value, &error, *g->length);
    return 0;
}

int option_get(const struct pair *pair, const struct option_request *request, uint8_t *value,
               uint32_t *length)
{
    struct get g = {.request = request, .value = value, .length = length};

    *length = 0;
    if (request->level == WIRE_LEVEL_IOCTL)
        return request->name == SIOCOUTQ || request->name == SIOCOUTQNSD
                   ? connection_with_tcp(pair, get_unsent, &g)
                   : ENOTTY;
    if (request->level == SOL_SOCKET && request->name == SO_ERROR)
        return get_error(pair, &g);
    if (!may_get(request))
        return unknown(request, false);
    return connection_with_tcp(pair, get, &g);
}

int option_set(const struct pair *pair, const struct option_request *request, bool privileged)
{
    struct set s = {.request = request, .privileged = privileged};

    if (!may_set(request))
        return unknown(request, true);
    return connection_with_tcp(pair, set, &s);
}
