#include "supervise/dns_forward.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "preload/names/names.h"
#include "preload/sys/sys.h"
#include "supervise/askers.h"
#include "supervise/dns/forwarder_link.h"

#ifndef SO_NETNS_COOKIE
#    define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

enum { PORT_NOBODYS = 1 /* tcpmux: nobody serves it, and only root may bind it */ };
enum { PORT_DNS = 53, PORT_DOT = 853, PORT_MDNS = 5353, PORT_LLMNR = 5355 };

/* Returns 0 if it is not an Internet address. */
static uint16_t port_of(const struct sockaddr_storage *address, socklen_t length)
{
    if (address->ss_family == AF_INET && length >= sizeof(struct sockaddr_in))
        return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    if (address->ss_family == AF_INET6 && length >= offsetof(struct sockaddr_in6, sin6_scope_id))
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    return 0;
}

bool dns_is_server(const struct sockaddr_storage *address, socklen_t length)
{
    return port_of(address, length) == PORT_DNS;
}

bool dns_is_unseen_server(const struct sockaddr_storage *address, socklen_t length)
{
    const uint16_t port = port_of(address, length);

    return port == PORT_DOT || port == PORT_MDNS || port == PORT_LLMNR;
}

/* ---- forms of an address ---- */

static socklen_t size_of(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* Turns an IPv4-mapped IPv6 address into the IPv4 address. */
static void unmap(struct sockaddr_storage *address)
{
    const struct sockaddr_in6 from = *(const struct sockaddr_in6 *)(const void *)address;
    struct sockaddr_in *const to = (void *)address;

    if (address->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&from.sin6_addr))
        return;
    *address = (struct sockaddr_storage){.ss_family = AF_INET};
    to->sin_port = from.sin6_port;
    memcpy(&to->sin_addr, from.sin6_addr.s6_addr + 12, 4);
}

/* Gives the address the form that a socket of `family` shows. */
static void map(struct sockaddr_storage *address, int family)
{
    const struct sockaddr_in from = *(const struct sockaddr_in *)(const void *)address;
    struct sockaddr_in6 *const to = (void *)address;

    if (address->ss_family != AF_INET || family != AF_INET6)
        return;
    *address = (struct sockaddr_storage){.ss_family = AF_INET6};
    to->sin6_port = from.sin_port;
    to->sin6_addr.s6_addr[10] = to->sin6_addr.s6_addr[11] = 0xff;
    memcpy(to->sin6_addr.s6_addr + 12, &from.sin_addr, 4);
}

void dns_address_for(struct sockaddr_storage *address, int fd)
{
    unmap(address);
    map(address, sys_option(fd, SOL_SOCKET, SO_DOMAIN, -1));
}

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
    if (address->ss_family == AF_INET)
        ((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
}

static bool is_unspecified(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr == 0;
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static struct sockaddr_storage loopback(int family)
{
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};

    if (family == AF_INET)
        ((struct sockaddr_in *)(void *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)(void *)&address)->sin6_addr = in6addr_loopback;
    return address;
}

static bool name_of(int fd, struct sockaddr_storage *address)
{
    socklen_t length = sizeof *address;

    *address = (struct sockaddr_storage){0};
    if (sys_getsockname(fd, address, &length) != 0)
        return false;
    unmap(address);
    return address->ss_family == AF_INET || address->ss_family == AF_INET6;
}

/* ---- the sockets ---- */

static bool has_same_network(const struct call *call, int own)
{
    char path[64], its[64] = "", ours[64] = "";
    uint64_t a, b;
    socklen_t length = sizeof a;

    if (sys_getsockopt(own, SOL_SOCKET, SO_NETNS_COOKIE, &a, &length) == 0)
        return sys_getsockopt(call->fd, SOL_SOCKET, SO_NETNS_COOKIE, &b, &length) == 0 && a == b;
    /*
     * The program may have got the socket from another namespace, but that is unlikely: it made the socket.
     */
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)call->client.tid);
    return readlink(path, its, sizeof its - 1) > 0 &&
           readlink("/proc/self/ns/net", ours, sizeof ours - 1) > 0 && strcmp(its, ours) == 0;
}

static bool is_bound_to_device(int fd)
{
    char device[64];
    socklen_t length = sizeof device;

    return sys_getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &length) == 0 && length > 0;
}

/* Makes our end, on loopback, for the program's socket to talk to. */
static int make_end(int family, int type)
{
    const struct sockaddr_storage here = loopback(family);
    const int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && bind(fd, (const struct sockaddr *)&here, size_of(&here)) == 0 &&
        (type != SOCK_STREAM || listen(fd, 4) == 0))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static enum dns_forward_result impossible(void)
{
    forwarder_note_unseen();
    return DNS_FORWARD_IMPOSSIBLE;
}

/* Copies SO_MARK, which can decide how a packet is routed. Only privileged programs set it. */
static bool carry_mark(int from, int to)
{
    const int mark = sys_option(from, SOL_SOCKET, SO_MARK, 0);

    return mark == 0 || sys_setsockopt(to, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0;
}

/*
 * Connects to the server. If that fails, the program's socket would have failed the same way. `local` is the
 * address that the program's socket is bound to.
 */
static enum dns_forward_result connect_server(struct dns_forward *f, int type, int program,
                                              const struct sockaddr_storage *server,
                                              struct sockaddr_storage *local)
{
    f->server = socket(server->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (f->server < 0)
        return DNS_FORWARD_FAILED;
    set_port(local, 0);
    if (!carry_mark(program, f->server) ||
        (local->ss_family == server->ss_family && !is_unspecified(local) &&
         bind(f->server, (const struct sockaddr *)local, size_of(local)) != 0))
        return impossible();
    return connect(f->server, (const struct sockaddr *)server, size_of(server)) == 0 || errno == EINPROGRESS
               ? DNS_FORWARD_MADE
               : DNS_FORWARD_FAILED;
}

enum dns_forward_result dns_forward_make(struct dns_forward *f, const struct call *call,
                                         const struct sockaddr_storage *asked, socklen_t length,
                                         bool connected)
{
    static _Atomic uint64_t serial;
    const int family = sys_option(call->fd, SOL_SOCKET, SO_DOMAIN, -1);
    const int type = sys_option(call->fd, SOL_SOCKET, SO_TYPE, -1);
    struct sockaddr_storage server = {0}, local;
    enum dns_forward_result result;

    *f = (struct dns_forward){.end = -1, .server = -1, .socket.end = -1};
    memcpy(&server, asked, length < sizeof server ? length : sizeof server);
    unmap(&server);
    if (forwarder_channel() < 0 || !sys_cookie(call->fd, &f->socket.cookie) || !name_of(call->fd, &local) ||
        is_bound_to_device(call->fd))
        return impossible();
    f->end = make_end(server.ss_family, type);
    if (f->end < 0 || !has_same_network(call, f->end) || !name_of(f->end, &f->to))
        return impossible();
    result = connect_server(f, type, call->fd, &server, &local);
    if (result != DNS_FORWARD_MADE)
        return result;
    map(&f->to, family);
    f->to_length = size_of(&f->to);
    f->socket.serial = ++serial;
    f->socket.connected = connected;
    f->socket.forward = f->to;
    f->socket.server = server;
    map(&f->socket.server, family);
    f->socket.server_length = size_of(&f->socket.server);
    name_of(f->server, &f->socket.local);
    map(&f->socket.local, family);
    f->what = (struct forwarding){.cookie = f->socket.cookie,
                                  .serial = f->socket.serial,
                                  .asker = asking_process(&call->client),
                                  .begun = names_now(),
                                  .pid = call->client.pid,
                                  .tid = call->client.tid,
                                  .number = (int32_t)call->n.argument[0],
                                  .stream = type == SOCK_STREAM,
                                  .connected = connected};
    return DNS_FORWARD_MADE;
}

bool dns_forward_give(struct dns_forward *f, const struct call *call)
{
    struct sockaddr_storage to = f->to, program;

    unmap(&to);
    if (!name_of(call->fd, &program))
        return false;
    if (is_unspecified(&program)) { /* then it sends to us from this address */
        const struct sockaddr_storage any = program;

        program = loopback(to.ss_family);
        set_port(&program, port_of(&any, sizeof any));
    }
    f->what.program = program;
    if (!f->what.stream && connect(f->end, (const struct sockaddr *)&program, size_of(&program)) != 0)
        return false;
    if (f->socket.connected && !f->what.stream) {
        f->socket.end = fcntl(f->end, F_DUPFD_CLOEXEC, 0);
        if (f->socket.end < 0)
            return false;
    }
    if (!forwarder_give(&f->what, f->end, f->server)) {
        if (f->socket.end >= 0)
            close(f->socket.end);
        return false;
    }
    dns_sockets_add(&f->socket);
    return true;
}

void dns_lead_nowhere(int fd, const struct sockaddr_storage *forward, bool refused)
{
    static int ends[2] = {-1, -1};
    struct sockaddr_storage to = *forward, plain = *forward, own;
    int *end;

    unmap(&plain);
    end = &ends[plain.ss_family == AF_INET6];
    if (*end < 0)
        *end = make_end(plain.ss_family, SOCK_DGRAM);
    if (refused || *end < 0) {
        set_port(&to, PORT_NOBODYS);
        sys_connect(fd, &to, size_of(&to));
    }
    if (refused)
        sys_sendto(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
    if (*end >= 0 && name_of(*end, &own)) {
        set_port(&to, port_of(&own, sizeof own));
        sys_connect(fd, &to, size_of(&to));
    }
}

void dns_forward_close(struct dns_forward *f)
{
    if (f->end >= 0)
        close(f->end);
    if (f->server >= 0)
        close(f->server);
}
