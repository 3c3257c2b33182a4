/*
 * Before a line of the program's that may hold a secret is passed on inside TLS, whoever answers there must
 * have shown that it speaks the protocol. A certificate does not: somebody on the path can play the part
 * before TLS himself, and lead the connection to another service of the same host, which writes what it does
 * not understand into a log, or echoes it (ALPACA, USENIX Security 2021).
 *
 * The program's own first command serves where it is one of the protocol's openings (EHLO, CAPABILITY, CAPA,
 * MODE READER ...); what it has written behind that waits for the reply. Otherwise the relay asks a question
 * of its own first, and swallows the reply. With TLS from the first byte a greeting counts, but for SMTP's
 * and LMTP's, which FTP has as well.
 */
#ifndef RETROTLS_RELAY_PROTOCOL_PROOF_H
#define RETROTLS_RELAY_PROTOCOL_PROOF_H

#include <stdatomic.h>
#include <stdint.h>

#include "relay/failure.h"
#include "relay/protocol/plain.h"
#include "relay/protocol/protocol.h"
#include "relay/protocol/starttls_watch.h"
#include "relay/pump/buffer.h"
#include "relay/pump/relay_end.h"

enum {
    PROOF_LINE = 1024, /* bytes of a command; a longer one counts as one that may hold a secret */
};

enum proof_end {
    PROOF_GIVEN,  /* or the program has ended its direction, and has said nothing */
    PROOF_ENDED,  /* the server has ended the stream before: nothing of the program's may go to it */
    PROOF_FAILED, /* `why` is set */
};

struct proof {
    struct plain *server; /* inside TLS; what is read of it is kept in `told` */
    struct relay_end *program;
    const struct protocol *protocol;
    const struct local_address *local;
    struct starttls_watch *watch; /* answers a program that asks for TLS itself */
    int64_t patience;             /* ms that the server has for a reply */
    _Atomic uint64_t *up, *down;  /* count the program's bytes that are passed on, and the server's to it */
    struct buffer *told;          /* for the program: its greeting at first; what is left at the end */
    struct buffer *said;          /* of the program's, read and not yet passed on: empty at first */
};

/* Talks until it is known. Whatever the outcome, both buffers are the caller's. */
enum proof_end proof_run(struct proof *p, struct failure *why);

#endif
