/* One socket of a program, and our socket to its DNS server. */
#ifndef RETROTLS_SUPERVISE_DNS_DNS_SESSION_H
#define RETROTLS_SUPERVISE_DNS_DNS_SESSION_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervise/dns/forwarding.h"
#include "supervise/dns/questions.h"

enum { MESSAGE_LIMIT = 65535 }; /* bytes (RFC 1035, 4.2.2) */

/* The bytes of one direction of a TCP session. Each message is passed on once it is complete. */
struct stream_way {
    size_t used, sent; /* in `bytes`; those after `sent` wait */
    size_t message;    /* bytes of complete messages, which may be sent */
    bool ended, shut;
    uint8_t bytes[2 + MESSAGE_LIMIT];
};

struct dns_session {
    bool open;
    int program, server; /* descriptors: our end for the program, and our socket to the server */
    bool accepted;       /* TCP: `program` is the connection, no longer the listener */
    bool opaque;         /* not DNS as we know it: we pass it on unread, and names count as unseen */
    uint64_t used;       /* a counter that orders sessions by their last activity */
    struct forwarding what;
    struct questions questions;
    struct stream_way up, down;
};

/* Sets what to poll for on the program's side and on the server's. */
void dns_session_wants(const struct dns_session *session, struct pollfd set[2]);

/*
 * Does whatever can be done without waiting. Returns false if the session is over; sets `*refused` if the
 * server has refused. Notes in `state` if there may be names that we could not read.
 */
bool dns_session_serve(struct dns_session *session, const struct pollfd set[2], struct forwarder_state *state,
                       bool *refused);

#endif
