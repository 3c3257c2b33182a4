/*
 * The programs' sockets that are connected, or send, to the forwarder instead of a DNS server. The programs
 * still see the server's address. Any thread may call these functions.
 */
#ifndef RETROTLS_SUPERVISE_DNS_SOCKETS_H
#define RETROTLS_SUPERVISE_DNS_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct dns_socket {
    uint64_t cookie;                /* of the program's socket; 0: none */
    uint64_t serial;                /* forwarding.h */
    bool connected;                 /* otherwise it sends to the server's address */
    struct sockaddr_storage server; /* as the program gave it */
    socklen_t server_length;
    struct sockaddr_storage forward; /* what the program's socket uses instead, as it shows it */
    struct sockaddr_storage local;   /* the address from which we ask the server */
    /*
     * Our end's descriptor for a connected UDP socket, or -1. While we hold it, no other process can bind its
     * port, ask what the program asks, and answer.
     */
    int end;
};

/*
 * Adds `socket`, and takes its `end`, which is closed when the entry goes. Replaces the entry of the same
 * socket and server, or else the least recently used one.
 */
void dns_sockets_add(const struct dns_socket *socket);
/* Forgets a socket, or only the server that it is connected to. */
void dns_sockets_forget(uint64_t cookie, bool only_connected);

/* Each returns false if there is no such entry. */
bool dns_sockets_connected(uint64_t cookie, struct dns_socket *found);
bool dns_sockets_to(uint64_t cookie, const struct sockaddr_storage *server, struct dns_socket *found);
bool dns_sockets_from(uint64_t cookie, const struct sockaddr_storage *forward, struct dns_socket *found);
/* False if no program has such a socket. */
bool dns_sockets_any(void);
bool dns_sockets_has(uint64_t cookie);

#endif
