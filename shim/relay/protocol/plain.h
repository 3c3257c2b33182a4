/*
 * The dialogue with a mail server, line by line, with one deadline for all of it.
 *
 * A `struct plain` reads through a `struct transport`, so the same calls work on the bare TCP socket before
 * TLS and on the TLS connection after it (ManageSieve's second greeting).
 */
#ifndef RETROTLS_RELAY_PROTOCOL_PLAIN_H
#define RETROTLS_RELAY_PROTOCOL_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "relay/io/buffer.h"
#include "relay/protocol/failure.h"

enum {
    LINE_LIMIT = 8192,         /* bytes of a line with its CRLF (RFC 9051, 4; RFC 5321, 4.5.3.1 asks less) */
    REPLY_LINES_LIMIT = 128,   /* lines of one reply */
    DIALOGUE_LIMIT = 131072,   /* bytes read in one negotiation */
    GREETING_LIMIT = 512,      /* bytes of a greeting written by the relay */
    RAW_GREETING_LIMIT = 4096, /* bytes kept of the server's own greeting */
    KEPT_BYTES = 1,            /* bytes unread in the relay's end that are not the program's: the kept byte */
};

/*
 * Bytes from and to the server. Each call returns at once, with errno EAGAIN if it would have to wait. peek()
 * leaves what it returns in place; 0 is the end of the stream.
 */
struct transport {
    ssize_t (*peek)(struct transport *t, void *buffer, size_t size);
    ssize_t (*read)(struct transport *t, void *buffer, size_t size);
    ssize_t (*write)(struct transport *t, const void *buffer, size_t size);
    /* Whether a byte can be read now, without waiting; for TLS, whether one is already decrypted. */
    bool (*pending)(struct transport *t);
    int descriptor; /* to poll */
};

/*
 * A program counts as gone once it has closed its end or shut down both directions and none of its bytes are
 * left to send. A program that has only ended its sending (`printf 'QUIT' | nc -N`) still waits for answers,
 * as it would over TCP. What a program writes without waiting (a script on /dev/tcp, a monitor's check) must
 * arrive even after its close(), as it would over TCP, unless SO_LINGER is 0 seconds.
 */
struct plain {
    struct transport *transport;
    int program;         /* the relay's end, not read here: watched for the program leaving; -1: none */
    int filled;          /* bytes in that end from the library, besides the kept one (struct guard_request) */
    int64_t deadline;    /* CLOCK_MONOTONIC, milliseconds */
    size_t consumed;     /* bytes read so far, against DIALOGUE_LIMIT */
    const char *server;  /* its name, cleaned, for messages */
    struct buffer *kept; /* gets a copy of all that is read; NULL: no copy */
    /* Called once the server has been asked for TLS, while it prepares its answer; may be NULL. */
    void (*upgrading)(struct plain *server);
};

/*
 * Reads one line up to CRLF from the server into `line`, without the CRLF, NUL-terminated. Never consumes a
 * byte beyond it: what follows the STARTTLS reply belongs to TLS (RFC 3207, 4).
 *
 * Returns its length, or -1 with `why` set: deadline passed, connection lost, program gone, line over
 * LINE_LIMIT, DIALOGUE_LIMIT exceeded, NUL, bare CR or bare LF.
 */
ssize_t plain_read_line(struct plain *in, char line[LINE_LIMIT], struct failure *why);

/* Reads exactly `count` bytes into `to`. False with `why` set as above. */
bool plain_read(struct plain *in, void *to, size_t count, struct failure *why);

/* Reads and discards exactly `count` bytes (an IMAP or Sieve literal). False with `why` set as above. */
bool plain_skip(struct plain *in, uint64_t count, struct failure *why);

/* Sends all of `length` bytes before the deadline. False with `why` set. */
bool plain_send(struct plain *out, const void *bytes, size_t length, struct failure *why);

/* True if no byte from the server waits unread: checked before STARTTLS is sent and after its reply. */
bool plain_is_empty(struct plain *in);

/*
 * Waits for `events` (poll's POLLIN, POLLOUT) on the server's side, until `until` at the latest
 * (CLOCK_MONOTONIC, milliseconds).
 */
enum plain_wait { WAIT_READY, WAIT_TIMEOUT, WAIT_PROGRAM_GONE };
enum plain_wait plain_wait(const struct plain *server, short events, int64_t until);

/*
 * The same until the deadline. False with `why` set. If the deadline has passed, `why` is set to `late`, a
 * failure whose only word is the server's name.
 */
bool plain_await(const struct plain *server, short events, enum failure_kind late, struct failure *why);

/* The number of unread bytes that the program has written to its end of the pair. */
size_t plain_unsent(const struct plain *server);
/* Whether there are any. */
bool plain_program_spoke(const struct plain *server);

/* Whether the program has closed its end or shut down both directions, even with bytes left to send. */
bool plain_is_alone(const struct plain *server);
/* Whether close() on `tcp` drops unsent bytes and resets the connection: SO_LINGER, 0 seconds (socket(7)). */
bool plain_drops_unsent(int tcp);

/* CLOCK_MONOTONIC, in milliseconds. */
int64_t plain_now(void);

/* A transport over the bare socket `descriptor`; uses MSG_DONTWAIT and leaves the socket's flags alone. */
void transport_over_socket(struct transport *t, int descriptor);

#endif
