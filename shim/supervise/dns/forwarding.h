/*
 * The messages between the supervisor and its forwarder, over a pair of SOCK_SEQPACKET sockets. The forwarder
 * is a process that can only pass bytes between the sockets that it receives (forwarder_walls.h), because it
 * reads answers that anybody on the network path may have forged.
 */
#ifndef RETROTLS_SUPERVISE_DNS_FORWARDING_H
#define RETROTLS_SUPERVISE_DNS_FORWARDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/*
 * To the forwarder, with two descriptors: the end that the program's socket connects or sends to (for TCP, a
 * listening socket), and a socket that is connected to the server. Both are nonblocking.
 *
 * From the forwarder, without descriptors: it has closed these sockets, and nobody serves the program's
 * socket any more.
 */
struct forwarding {
    uint64_t cookie;          /* of the program's socket */
    uint64_t serial;          /* of this pair of descriptors: the program may connect its socket again */
    uint64_t asker, begun;    /* questions.h */
    int32_t pid, tid, number; /* the process and thread that ask, and their number for the socket */
    bool stream;              /* TCP */
    bool connected;           /* the program's socket is connected, so it must report a refusal */
    bool refused;             /* from the forwarder: the server has refused (ICMP) */
    struct sockaddr_storage program; /* TCP: the address that the program connects from */
};

/* Memory that both processes share, apart from the names. */
struct forwarder_state {
    /* A name may have been looked up in a way that we did not see. Never reset. */
    _Atomic bool unseen;
};

#endif
