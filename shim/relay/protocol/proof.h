/*
 * Inside TLS, whoever answers must show that it speaks the protocol before it gets a line from the program
 * that may hold a secret. A certificate does not show that. An attacker on the path can play the server
 * before TLS himself, and then lead the connection to another service of the same host, which logs or echoes
 * what it does not understand (ALPACA, USENIX Security 2021).
 *
 * The program's own first command serves if it is one of the protocol's openings (EHLO, CAPABILITY, CAPA,
 * MODE READER ...); what the program has written after it waits for the reply. Otherwise the relay first asks
 * a question of its own, and swallows the reply. If the program's last connection needed that question, the
 * relay asks before the program has spoken, so that the reply comes while the program reads its greeting.
 * With TLS from the first byte the greeting is proof enough, except in SMTP and LMTP, whose greeting FTP has
 * too.
 */
#ifndef RETROTLS_RELAY_PROTOCOL_PROOF_H
#define RETROTLS_RELAY_PROTOCOL_PROOF_H

#include <stdatomic.h>
#include <stdint.h>

#include "relay/io/buffer.h"
#include "relay/io/relay_end.h"
#include "relay/protocol/failure.h"
#include "relay/protocol/plain.h"
#include "relay/protocol/protocol.h"
#include "relay/protocol/starttls_watch.h"

enum {
    PROOF_LINE = 1024, /* bytes of a command; a longer one counts as one that may hold a secret */
};

enum proof_end {
    PROOF_GIVEN,  /* or the program has ended its direction without sending anything */
    PROOF_ENDED,  /* the server ended the stream first: send it nothing from the program */
    PROOF_FAILED, /* `why` is set */
};

struct proof {
    struct plain *server; /* inside TLS; what is read from it is kept in `unsent` */
    const struct protocol *protocol;
    const struct local_address *local;
    int64_t patience;      /* ms that the server has for a reply */
    struct buffer *unsent; /* for the program: its greeting at first; at the end, what is left */

    /* The program's side; proof_ask() needs none of it. */
    struct relay_end *program;
    struct starttls_watch *watch; /* answers a program that asks for TLS itself */
    _Atomic bool *asks_first; /* whether to ask at once; we set it to what would have been right this time */
    _Atomic uint64_t *up, *down; /* counts of the program's bytes passed on, and of the server's to it */
    struct buffer *said;         /* read from the program and not yet passed on: empty at first */
};

/* Talks until the outcome is known. The caller owns both buffers afterwards, whatever the outcome. */
enum proof_end proof_run(struct proof *p, struct failure *why);

/* Asks the relay's own question where no program takes part: nobody reads `unsent`. Never PROOF_ENDED. */
enum proof_end proof_ask(struct proof *p, struct failure *why);

#endif
