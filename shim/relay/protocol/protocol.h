/*
 * One mail protocol: how a connection is upgraded to TLS, and what the relay itself says to the program.
 *
 * A protocol is one file and one line of wire/protocols.def.
 */
#ifndef RETROTLS_RELAY_PROTOCOL_PROTOCOL_H
#define RETROTLS_RELAY_PROTOCOL_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "relay/protocol/failure.h"
#include "relay/protocol/plain.h"
#include "wire/settings.h"

enum outcome {
    READY,       /* STARTTLS got a positive reply with nothing after it: TLS begins with the next byte */
    NOT_OFFERED, /* cleanly not offered or refused: plaintext if the level allows it */
    FAILED,      /* anything else: fails at every level */
};

/* What a reply inside TLS shows about who sent it (proof.h). */
enum speaks {
    SPEAKS,     /* only a server of this protocol sends it */
    MAY_SPEAK,  /* well-formed, but it is for the program to make sense of */
    SPEAKS_NOT, /* not a reply of this protocol; or none came */
};

enum { PROBE_LIMIT = 80 }; /* bytes of a probe, with CRLF and NUL */

/* What is kept of the server's greeting. */
struct greeting {
    char raw[RAW_GREETING_LIMIT]; /* as it came, with CRLF: for a session that goes on in plaintext */
    size_t raw_length;
    char host[256];      /* SMTP, LMTP: the server's name if a valid domain or address literal, else "" */
    char timestamp[256]; /* POP3: the APOP timestamp if a valid message id (RFC 1939, 7), else "" */
    int code;            /* NNTP: 200 or 201 */
    bool preauth;        /* IMAP: PREAUTH */
    bool starttls;       /* ManageSieve, IMAP: it lists STARTTLS */
};

struct local_address {
    struct sockaddr_storage address; /* of the real socket, for EHLO's address literal (RFC 5321, 4.1.3) */
    socklen_t length;
};

/* A command that may begin a session and holds no secret. */
struct opening {
    const char *word;
    bool bare; /* takes no argument; with one it is a different command */
    bool list; /* the reply on success is a list that ends with a line with a single dot */
};

struct protocol {
    enum protocol_kind kind;

    /*
     * Reads (and only reads) the whole greeting into `g`, which is all zero. Returns READY if the server is
     * willing, FAILED with `why` set if it is not (421, BYE, ...) or if this is not a greeting of this
     * protocol.
     */
    enum outcome (*greeting)(struct plain *server, struct greeting *g, struct failure *why);

    /*
     * Asks for the capabilities and for TLS. NOT_OFFERED and FAILED set `why`; for NOT_OFFERED it says what
     * the server did.
     */
    enum outcome (*upgrade)(struct plain *server, const struct local_address *local, const struct greeting *g,
                            struct failure *why);

    /*
     * Writes to `out` what the program reads first once TLS is up (rule 10: only what `g` holds comes from
     * the server). Returns its length. NULL for ManageSieve: see greet_over_tls.
     */
    size_t (*greet)(const struct greeting *g, char out[GREETING_LIMIT]);

    /*
     * ManageSieve (RFC 5804, 2.2): reads the capability list that the server sends after TLS into `out` of
     * `size` bytes. The program gets it unchanged. Returns its length, or 0 with `why` set. NULL for the
     * other protocols.
     */
    size_t (*greet_over_tls)(struct plain *server, char *out, size_t size, struct failure *why);

    /* Writes the failure greeting with `text` (already clean) to `out`; returns its length. */
    size_t (*refuse)(const char *text, char out[GREETING_LIMIT]);

    /* Commands. */
    bool tagged;                  /* a tag comes before the word */
    bool literals;                /* a line may end in a literal */
    const char *upgrade_command;  /* the command that asks for TLS */
    const char *upgraded_already; /* the relay's answer to it once TLS is up, without the tag */
    struct opening openings[8];   /* ends with one that has no word */

    /* Inside TLS (proof.h); NULL for ManageSieve, whose greeting inside TLS is proof enough. */

    bool greeting_is_proof; /* no other protocol has such a greeting */

    /*
     * Writes the command, with CRLF, with which the relay itself makes the server show that it speaks the
     * protocol. False with `why` set.
     */
    bool (*probe)(const struct plain *server, const struct local_address *local, char out[PROBE_LIMIT],
                  struct failure *why);

    /*
     * Reads the whole reply to `command`, a probe or a line that begins with an opening. `must`: a reply that
     * proves nothing is SPEAKS_NOT. SPEAKS_NOT may set `why`.
     */
    enum speaks (*answer)(struct plain *server, const char *command, bool must, struct failure *why);
};

/*
 * The whole dialogue before TLS: the greeting within `settings->greeting_timeout`, then the upgrade within
 * `settings->timeout` (each set as `server->deadline`). Not for implicit TLS. `port` is the server's, for
 * protocol auto: a known port names the protocol, else the greeting does. `*protocol` is set as soon as it is
 * known, and otherwise stays NULL. FAILED and NOT_OFFERED set `why`.
 *
 * With protocol auto, the server on an unknown port may not be a mail server. If what it sends is not a mail
 * greeting, the outcome is NOT_OFFERED with `*protocol` NULL, and `g->raw` has every byte that was read, so
 * that a session in plaintext loses nothing. A stream that ends early and silence count as no greeting too.
 * We wait for a silent server until the greeting timeout. At a level that allows plaintext, we wait only two
 * seconds once the program has spoken first, which no client of these protocols does.
 */
enum outcome negotiate(struct plain *server, const struct settings *settings, uint16_t port,
                       const struct local_address *local, const struct protocol **protocol,
                       struct greeting *g, struct failure *why);

#define PROTOCOL(KIND, name, ports, implicit_port) extern const struct protocol protocol_##name;
#include "wire/protocols.def"
#undef PROTOCOL

/* NULL if there is none of that kind. */
const struct protocol *protocol_by_kind(enum protocol_kind kind);
/* NULL if `port` belongs to no protocol. */
const struct protocol *protocol_by_port(uint16_t port);

#endif
