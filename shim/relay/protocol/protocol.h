/*
 * One mail protocol: how it is upgraded to TLS, and the words the relay says to the program in it.
 *
 * A protocol is one file and one line of wire/protocols.def.
 */
#ifndef RETROTLS_RELAY_PROTOCOL_PROTOCOL_H
#define RETROTLS_RELAY_PROTOCOL_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "relay/failure.h"
#include "relay/protocol/plain.h"
#include "wire/settings.h"

enum outcome {
    READY, /* a positive reply to STARTTLS was read and nothing after it: TLS begins with the next byte */
    NOT_OFFERED, /* cleanly not offered, or cleanly refused: plaintext where the level allows it */
    FAILED,      /* anything else: fails at every level */
};

/* What a reply inside TLS shows of who gave it (proof.h). */
enum speaks {
    SPEAKS,     /* nobody but a server of this protocol gives it */
    MAY_SPEAK,  /* it is well-formed, but for the program to make sense of */
    SPEAKS_NOT, /* it is no reply of this protocol; or none came */
};

enum { PROBE_LIMIT = 80 }; /* bytes of a probe, with CRLF and NUL */

/* What is kept of the server's greeting. */
struct greeting {
    char raw[RAW_GREETING_LIMIT]; /* as it came, CRLF included: for a session that goes on in plaintext */
    size_t raw_length;
    char host[256]; /* SMTP, LMTP: the server's name, if a well-formed domain or address literal; else "" */
    char timestamp[256]; /* POP3: the APOP timestamp, if a well-formed message id (RFC 1939, 7); else "" */
    int code;            /* NNTP: 200 or 201 */
    bool preauth;        /* IMAP: PREAUTH */
    bool starttls;       /* ManageSieve, IMAP: STARTTLS is in its list */
};

struct local_address {
    struct sockaddr_storage address; /* of the real socket: EHLO's address literal (RFC 5321, 4.1.3) */
    socklen_t length;
};

/* A command that a program may begin its session with, and that holds no secret. */
struct opening {
    const char *word;
    bool bare; /* takes no argument; with one it is another command */
    bool list; /* success is answered by a list that ends with a line of a single dot */
};

struct protocol {
    enum protocol_kind kind;

    /*
     * Reads (and only reads) the whole greeting into `g`, which is all zero. READY where the server is
     * willing, FAILED with `why` set where it is not (421, BYE, ...) or where what came is no greeting of
     * this protocol.
     */
    enum outcome (*greeting)(struct plain *server, struct greeting *g, struct failure *why);

    /*
     * Asks for the capabilities and for TLS. NOT_OFFERED and FAILED set `why`; for NOT_OFFERED it says what
     * the server did.
     */
    enum outcome (*upgrade)(struct plain *server, const struct local_address *local, const struct greeting *g,
                            struct failure *why);

    /*
     * Writes to `out` what the program reads first once TLS is up (rule 10: none of it is the server's but
     * what `g` holds). Returns its length. For ManageSieve NULL: see greet_over_tls.
     */
    size_t (*greet)(const struct greeting *g, char out[GREETING_LIMIT]);

    /*
     * ManageSieve (RFC 5804, 2.2): reads the capability list that the server sends after TLS, to be handed to
     * the program as it is, into `out` of `size` bytes. Returns its length, 0 with `why` set.
     * NULL for the others.
     */
    size_t (*greet_over_tls)(struct plain *server, char *out, size_t size, struct failure *why);

    /* Writes the failure greeting that carries `text` (clean already) to `out`; returns its length. */
    size_t (*refuse)(const char *text, char out[GREETING_LIMIT]);

    /* Whether a greeting's first line is of this protocol (protocol auto). */
    bool (*greets)(const char *line);

    /* Commands. */
    bool tagged;                  /* a tag comes before the word */
    bool literals;                /* a line may end in a literal */
    const char *upgrade_command;  /* by which a program asks for TLS */
    const char *upgraded_already; /* the relay's answer to it once TLS is up, without the tag */
    struct opening openings[8];   /* up to one without a word */

    /* Inside TLS (proof.h); NULL for ManageSieve, whose greeting inside TLS is proof enough. */

    bool greeting_is_proof; /* no other protocol's greeting looks like it */

    /*
     * Writes the command by which the relay itself has the server show that it speaks the protocol, with
     * CRLF. False with `why` set.
     */
    bool (*probe)(const struct plain *server, const struct local_address *local, char out[PROBE_LIMIT],
                  struct failure *why);

    /*
     * Reads the whole reply to `command`, a probe or a line that begins with an opening. `must`: what is no
     * proof is SPEAKS_NOT. For SPEAKS_NOT `why` may be set.
     */
    enum speaks (*answer)(struct plain *server, const char *command, bool must, struct failure *why);
};

/*
 * The whole dialogue before TLS: the greeting within `settings->greeting_timeout`, then the upgrade within
 * `settings->timeout` (both set as `server->deadline`). `port` is the server's, for protocol auto: a known
 * port names the protocol, else the greeting does. `*protocol` is set as soon as it is known, else it stays
 * NULL. Not for implicit TLS. FAILED and NOT_OFFERED set `why`.
 *
 * Protocol auto on a port of no known protocol: what is no greeting of a mail server is NOT_OFFERED with
 * `*protocol` NULL, and every byte that was read from the server is in `g->raw`, so that a session in
 * plaintext loses nothing. No greeting either is a stream that ends early, and silence: until the greeting
 * timeout, and at a level that allows plaintext only for two seconds once the program has spoken first (no
 * client of these protocols does).
 */
enum outcome negotiate(struct plain *server, const struct settings *settings, uint16_t port,
                       const struct local_address *local, const struct protocol **protocol,
                       struct greeting *g, struct failure *why);

#define PROTOCOL(KIND, name, ports, implicit_port) extern const struct protocol protocol_##name;
#include "wire/protocols.def"
#undef PROTOCOL

/* NULL where there is none of that kind. */
const struct protocol *protocol_by_kind(enum protocol_kind kind);
/* NULL where no protocol is known by `port`. */
const struct protocol *protocol_by_port(uint16_t port);
/* NULL where `line`, the first of a greeting without its CRLF, is of no protocol. */
const struct protocol *protocol_by_greeting(const char *line);

#endif
