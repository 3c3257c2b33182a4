/*
 * Inside TLS, whoever answers must show that it speaks the protocol before it gets a line from the program
 * that may hold a secret. A certificate does not show that. An attacker on the path can play the server
 * before TLS himself, and then lead the connection to another service of the same host, which logs or echoes
 * what it does not understand (ALPACA, USENIX Security 2021).
 *
 * The program's own first command serves if it is one of the protocol's openings (EHLO, CAPABILITY, CAPA,
 * MODE READER ...); what the program has written after it waits for the reply. Otherwise the relay first asks
 * a question of its own, and swallows the reply. With TLS from the first byte the greeting is proof enough,
 * except in SMTP and LMTP, whose greeting FTP has too.
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
    PROOF_GIVEN,  /* or the program has ended its direction without sending anything */
    PROOF_ENDED,  /* the server ended the stream first: send it nothing from the program */
    PROOF_FAILED, /* `why` is set */
};

struct proof {
    struct plain *server; /* inside TLS; what is read from it is kept in `told` */
    struct relay_end *program;
    const struct protocol *protocol;
    const struct local_address *local;
    struct starttls_watch *watch; /* answers a program that asks for TLS itself */
    int64_t patience;             /* ms that the server has for a reply */
    _Atomic uint64_t *up, *down;  /* counts of the program's bytes passed on, and of the server's to it */
    struct buffer *told;          /* for the program: its greeting at first; at the end, what is left */
    struct buffer *said;          /* read from the program and not yet passed on: empty at first */
};

/* Talks until the outcome is known. The caller owns both buffers afterwards, whatever the outcome. */
enum proof_end proof_run(struct proof *p, struct failure *why);

#endif
