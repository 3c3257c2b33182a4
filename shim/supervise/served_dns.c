#include "supervise/served_dns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "preload/sys/sys.h"
#include "supervise/dns/forwarder_link.h"
#include "supervise/plain_connect.h"
#include "supervise/program_message.h"

/* ---- connect(2) */

/* True if the call connects to the UNIX socket at `path`. */
static bool leads_to(const struct call *call, const char *path)
{
    const struct sockaddr_un *const address = (const void *)&call->address;
    const size_t room = call->length > offsetof(struct sockaddr_un, sun_path)
                            ? call->length - offsetof(struct sockaddr_un, sun_path)
                            : 0;
    const size_t length = strnlen(address->sun_path, room);

    return address->sun_family == AF_UNIX && length == strlen(path) &&
           memcmp(address->sun_path, path, length) == 0;
}

/*
 * Handles services that look up names for programs. We refuse nscd(8) and systemd-resolved(8): without them,
 * the program asks DNS itself or reads /etc/hosts. D-Bus (resolved's older interface) and avahi have other
 * uses, so we let the program connect to them.
 */
static bool serve_unix(struct call *call)
{
    static const char *const refused[] = {"/run/nscd/socket", "/var/run/nscd/socket",
                                          "/run/systemd/resolve/io.systemd.Resolve",
                                          "/run/systemd/resolve/io.systemd.Resolve.Monitor"};
    static const char *const unseen[] = {"/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket",
                                         "/run/avahi-daemon/socket", "/var/run/avahi-daemon/socket"};

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (leads_to(call, refused[i])) {
            call_answer(call, 0, ECONNREFUSED);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++) {
        if (leads_to(call, unseen[i]))
            forwarder_note_unseen();
    }
    return false;
}

static bool is_udp(int fd)
{
    return sys_option(fd, SOL_SOCKET, SO_TYPE, -1) == SOCK_DGRAM &&
           sys_option(fd, SOL_SOCKET, SO_PROTOCOL, -1) == IPPROTO_UDP;
}

bool serve_dns_is_asked(const struct call *call)
{
    if (dns_is_unseen_server(&call->address, call->length))
        forwarder_note_unseen();
    return dns_is_server(&call->address, call->length);
}

int serve_dns_begin_stream(struct call *call)
{
    struct dns_forward forward;
    struct dns_socket before;
    enum dns_forward_result result;
    uint64_t cookie;
    int error;

    /* The socket is connected already. The kernel knows what to answer. */
    if (sys_cookie(call->fd, &cookie) && dns_sockets_connected(cookie, &before))
        return plain_connect_begin(call->fd, &before.forward, sizeof before.forward);
    result = dns_forward_make(&forward, call, &call->address, call->length, true);
    error = errno;
    if (result == DNS_FORWARD_MADE) {
        error = plain_connect_begin(call->fd, &forward.to, forward.to_length);
        if (error != 0 && error != EINPROGRESS) {
            forwarder_note_unseen();
            result = DNS_FORWARD_IMPOSSIBLE;
        } else if (!dns_forward_give(&forward, call)) {
            error = ECONNREFUSED;
        }
    }
    dns_forward_close(&forward);
    return result == DNS_FORWARD_IMPOSSIBLE ? plain_connect_begin(call->fd, &call->address, call->length)
                                            : error;
}

bool serve_dns_connect(struct call *call)
{
    struct dns_forward forward;
    enum dns_forward_result result;
    uint64_t cookie;
    int error;

    if (call->address.ss_family == AF_UNIX)
        return serve_unix(call);
    if (!is_udp(call->fd))
        return false;
    if (sys_cookie(call->fd, &cookie))
        dns_sockets_forget(cookie, true);
    if (dns_is_unseen_server(&call->address, call->length))
        forwarder_note_unseen();
    if (!dns_is_server(&call->address, call->length))
        return false;
    result = dns_forward_make(&forward, call, &call->address, call->length, true);
    error = errno;
    if (result == DNS_FORWARD_MADE && sys_connect(call->fd, &forward.to, forward.to_length) != 0) {
        forwarder_note_unseen(); /* the loopback interface is not up */
        result = DNS_FORWARD_IMPOSSIBLE;
    } else if (result == DNS_FORWARD_MADE) {
        /* If the forwarder has just ended, the program's next attempt goes to the server. */
        error = dns_forward_give(&forward, call) ? 0 : ECONNREFUSED;
    }
    dns_forward_close(&forward);
    if (result == DNS_FORWARD_IMPOSSIBLE)
        return false;
    call_answer(call, 0, error);
    return true;
}

/* ---- sending */

/*
 * Drops datagrams from port 53: the program would take them for the server's answers, and we would not have
 * seen them. The forwarder sends from other ports.
 */
static void keep_others_out(int fd)
{
    static struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), /* source port: the filter sees the header of udp(7) */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 53, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    static const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};

    socklen_t instructions = 0;

    if (sys_getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &instructions) == 0 && instructions == 0)
        sys_setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/* A socket that sends to a server needs a port before we can connect our end to it. */
static bool bind_to_any(int fd)
{
    struct sockaddr_storage name = {0};
    socklen_t length = sizeof name;

    if (sys_getsockname(fd, &name, &length) != 0)
        return false;
    if (((const struct sockaddr_in *)(const void *)&name)->sin_port != 0)
        return true; /* at the same offset for both families */
    name = (struct sockaddr_storage){.ss_family = name.ss_family};
    return sys_bind(fd, &name, length) == 0;
}

/* Finds the entry of the socket and server, or makes one. */
static enum dns_forward_result way_to(struct call *call, const struct sockaddr_storage *server,
                                      socklen_t length, struct dns_socket *way)
{
    struct dns_forward forward;
    struct sockaddr_storage seen = *server;
    enum dns_forward_result result;
    uint64_t cookie;

    dns_address_for(&seen, call->fd);
    if (sys_cookie(call->fd, &cookie) && dns_sockets_to(cookie, &seen, way))
        return DNS_FORWARD_MADE;
    result = dns_forward_make(&forward, call, server, length, false);
    if (result == DNS_FORWARD_MADE && (!bind_to_any(call->fd) || !dns_forward_give(&forward, call))) {
        forwarder_note_unseen();
        result = DNS_FORWARD_IMPOSSIBLE;
    }
    if (result == DNS_FORWARD_MADE)
        keep_others_out(call->fd);
    else if (result == DNS_FORWARD_IMPOSSIBLE && sys_cookie(call->fd, &cookie) && dns_sockets_has(cookie))
        sys_setsockopt(call->fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int));
    *way = forward.socket;
    dns_forward_close(&forward);
    return result;
}

static size_t entries(const struct call *call)
{
    if (call->n.call != SYS_sendmmsg)
        return 1;
    return call->n.argument[2] < MESSAGE_PIECES ? (size_t)call->n.argument[2] : MESSAGE_PIECES;
}

/*
 * True if one of the messages is for a DNS server. In that case we send only the first message, and report
 * that one was sent.
 */
static bool goes_to_server(const struct call *call)
{
    struct program_message message;
    struct sockaddr_storage address;
    socklen_t length;

    for (size_t i = 0; i < entries(call); i++) {
        if (!program_message_read(&message, call, i))
            return false; /* the kernel reports what is wrong */
        if (!program_message_address(&message, call, &address, &length))
            continue;
        if (dns_is_unseen_server(&address, length))
            forwarder_note_unseen();
        if (dns_is_server(&address, length))
            return true;
    }
    return false;
}

static bool send_copy(struct call *call, const struct program_message *message,
                      const struct sockaddr_storage *to, socklen_t length)
{
    static uint8_t bytes[MESSAGE_SIZE];
    const int flags = (int)call->n.argument[call->n.call == SYS_sendmsg ? 2 : 3];
    const unsigned one = 1;
    ssize_t sent;

    if (!program_message_fetch(message, call, bytes)) {
        call_answer(call, 0, EFAULT);
        return true;
    }
    if (!notification_is_valid(call->listener, &call->n))
        return true;
    sent = sys_sendto(call->fd, bytes, message->size, flags | MSG_DONTWAIT | MSG_NOSIGNAL, to, length);
    if (sent < 0) {
        call_answer(call, 0, errno);
    } else if (call->n.call == SYS_sendmmsg) {
        const unsigned count = (unsigned)sent;

        client_write(&call->client, message->at + offsetof(struct program_entry, length), &count,
                     sizeof count);
        call_answer(call, one, 0);
    } else {
        call_answer(call, sent, 0);
    }
    return true;
}

bool serve_dns_concerns(struct call *call)
{
    if (call->n.call != SYS_sendmsg && call->n.call != SYS_sendmmsg)
        return dns_sockets_any();
    call->client.tid = call->n.tid;
    return goes_to_server(call);
}

bool serve_dns_send(struct call *call)
{
    struct program_message message;
    struct sockaddr_storage address;
    socklen_t length;
    struct dns_socket way;

    if (!goes_to_server(call) || !is_udp(call->fd) || !program_message_read(&message, call, 0))
        return false;
    if (!program_message_address(&message, call, &address, &length))
        return send_copy(call, &message, NULL, 0);
    if (!dns_is_server(&address, length))
        return send_copy(call, &message, &address, length);
    switch (way_to(call, &address, length, &way)) {
    case DNS_FORWARD_MADE:
        return send_copy(call, &message, &way.forward,
                         way.forward.ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                                          : sizeof(struct sockaddr_in6));
    case DNS_FORWARD_FAILED:
        call_answer(call, 0, errno);
        return true;
    default:
        return false;
    }
}

/* ---- names */

bool serve_dns_name(struct call *call)
{
    const bool peer = call->n.call == SYS_getpeername;
    struct sockaddr_storage name = {0};
    struct dns_socket socket;
    socklen_t length = sizeof name, room;
    uint64_t cookie;

    if (!sys_cookie(call->fd, &cookie) || !dns_sockets_connected(cookie, &socket) ||
        sys_getsockname(call->fd, &name, &length) != 0 ||
        !client_read(&call->client, &room, call->n.argument[2], sizeof room) || (int)room < 0)
        return false;
    if (peer) {
        name = socket.server;
        length = socket.server_length;
    } else {
        const in_port_t port = ((const struct sockaddr_in *)(const void *)&name)->sin_port;

        name = socket.local;
        ((struct sockaddr_in *)(void *)&name)->sin_port = port; /* at the same offset for both families */
    }
    if (client_write(&call->client, call->n.argument[1], &name, length < room ? length : room) &&
        client_write(&call->client, call->n.argument[2], &length, sizeof length))
        call_answer(call, 0, 0);
    else
        call_answer(call, 0, EFAULT);
    return true;
}

/* ---- messages from the forwarder */

/*
 * Nobody serves the program's connected socket any more: leads it away from our end's port before that is
 * free for another process. If the program has closed it, or it is under another number now, there is nothing
 * that we could do.
 */
static void lead_away(const struct forwarding *what, const struct sockaddr_storage *forward)
{
    struct client client;
    uint64_t cookie;
    int fd = -1;

    if (!client_open(&client, what->tid)) { /* that thread may have ended */
        client_close(&client);
        if (!client_open(&client, what->pid)) {
            client_close(&client);
            return;
        }
    }
    fd = client_descriptor(&client, what->number);
    if (fd >= 0 && sys_cookie(fd, &cookie) && cookie == what->cookie && is_udp(fd))
        dns_lead_nowhere(fd, forward, what->refused);
    if (fd >= 0)
        close(fd);
    client_close(&client);
}

void serve_dns_news(void)
{
    struct forwarding what;
    struct dns_socket socket;

    while (forwarder_hear(&what)) {
        if (what.connected && (!dns_sockets_connected(what.cookie, &socket) || socket.serial != what.serial))
            continue; /* the program has connected it to something else */
        if (what.connected && !what.stream)
            lead_away(&what, &socket.forward);
        dns_sockets_forget(what.cookie, what.connected);
    }
}
