/*
 * Connects a program's socket to the forwarder (dns/forwarder.h) instead of a DNS server, so that we see the
 * names that the program asks for. There are three steps: call dns_forward_make(); connect the program's
 * socket to `to`, or bind it if it will send there; call dns_forward_give(). Always end with
 * dns_forward_close().
 */
#ifndef RETROTLS_SUPERVISE_DNS_FORWARD_H
#define RETROTLS_SUPERVISE_DNS_FORWARD_H

#include <stdbool.h>

#include "supervise/call.h"
#include "supervise/dns/forwarding.h"
#include "supervise/dns_sockets.h"

struct dns_forward {
    int end, server; /* our sockets */
    struct sockaddr_storage to;
    socklen_t to_length;
    struct dns_socket socket;
    struct forwarding what;
};

/* True if this is the address of a DNS server. */
bool dns_is_server(const struct sockaddr_storage *address, socklen_t length);
/* True if we cannot see the names that are asked for at this address: DoT, mDNS, LLMNR. */
bool dns_is_unseen_server(const struct sockaddr_storage *address, socklen_t length);

/* Gives an address the form in which the socket `fd` shows it: IPv4 is mapped if the socket is IPv6. */
void dns_address_for(struct sockaddr_storage *address, int fd);

enum dns_forward_result {
    DNS_FORWARD_MADE,
    DNS_FORWARD_IMPOSSIBLE, /* names now count as unseen; the kernel may make the call */
    DNS_FORWARD_FAILED,     /* with errno, as the program's own call would */
};

/*
 * `connected`: the program's socket, call->fd, will be connected. Otherwise it sends to the server's address.
 */
enum dns_forward_result dns_forward_make(struct dns_forward *forward, const struct call *call,
                                         const struct sockaddr_storage *server, socklen_t length,
                                         bool connected);

/*
 * Call this once the program's socket is connected or bound. Returns false if the forwarder cannot serve it.
 */
bool dns_forward_give(struct dns_forward *forward, const struct call *call);
void dns_forward_close(struct dns_forward *forward);

/*
 * Connects the program's UDP socket `fd`, which is connected to `forward`, to a port that this process keeps
 * and nobody reads, so that `forward` may be given up. `refused`: makes the socket report ECONNREFUSED first,
 * as the server's refusal would have: a datagram to a port where nobody listens does that (udp(7)). For one
 * thread at a time.
 */
void dns_lead_nowhere(int fd, const struct sockaddr_storage *forward, bool refused);

#endif
