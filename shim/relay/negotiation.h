/*
 * From a connected server to a session that the program can begin: the dialogue, TLS, the greeting. The relay
 * does it for a program, and retrotls-check to show a person what would become of one.
 */
#ifndef RETROTLS_RELAY_NEGOTIATION_H
#define RETROTLS_RELAY_NEGOTIATION_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/io/buffer.h"
#include "relay/protocol/failure.h"
#include "relay/protocol/plain.h"
#include "relay/protocol/proof.h"
#include "relay/protocol/protocol.h"
#include "relay/tls/tls.h"
#include "wire/wire.h"

enum negotiation_step {
    NEGOTIATION_DIALOGUE, /* all that is said before TLS, whatever its outcome */
    NEGOTIATION_TLS,      /* the handshake, whatever its outcome */
    NEGOTIATION_GREETING, /* the same for what the program reads first */
    NEGOTIATION_PROOF,    /* the server's reply to the relay's own question: negotiation_prove() */
};

/* Points into itself once negotiation_run() is called: it must not move from then on. */
struct negotiation {
    /* The caller sets these. What they point to is the caller's and outlives this. */
    const struct guard_request *request;
    struct plain server; /* the dialogue: a transport over `tcp`, the program's end, the server's name */
    int tcp;             /* stays the caller's */
    struct files *files; /* that the settings name; NULL: they are this process's own (struct tls_peer) */
    /* Called after each step; may be NULL. */
    void (*passed)(struct negotiation *n, enum negotiation_step step, enum outcome outcome);

    /* Results; all zero before. */
    const struct protocol *protocol; /* as soon as it is known; NULL: unknown, so there is no greeting */
    struct greeting greeting;        /* the server's before TLS; inside TLS if that is implicit */
    struct local_address local;
    int64_t patience; /* ms for a reply inside TLS */
    struct tls tls;
    struct tls_peer peer;
    struct buffer first; /* what the program reads first; what the server says inside TLS later is added */
    struct failure why;
    struct tls_transport over_tls;
    bool tls_opened;           /* before the handshake */
    struct failure not_opened; /* why not */
};

/*
 * READY: TLS is up, the certificate is good (or `testing`: tls.check.why), and `server` speaks over TLS from
 * now on. NOT_OFFERED: the server cleanly offers no TLS, and it is for the caller to see whether the level
 * allows plaintext. FAILED: anything else. Sets `why` unless it is READY.
 */
enum outcome negotiation_run(struct negotiation *n);

/*
 * After READY: whether the server inside TLS has yet to show that it speaks the protocol (proof.h), and the
 * proof of that with all but the program's side.
 */
bool negotiation_must_prove(const struct negotiation *n);
struct proof negotiation_proof(struct negotiation *n);

/* After READY, where there is no program: has the server prove it if it must. False with `why` set. */
bool negotiation_prove(struct negotiation *n);

/* Frees what it holds; sends nothing. */
void negotiation_end(struct negotiation *n);

/* The protocol that the policy or a port names, without asking the server; NULL if neither names one. */
const struct protocol *negotiation_protocol(const struct guard_request *request);

#endif
