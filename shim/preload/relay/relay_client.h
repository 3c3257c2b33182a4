/*
 * The relay as the program's process knows it: by the random name that it listens on and the token that it
 * obeys. We hold no descriptor between calls. A forked child keeps using its parent's relay.
 */
#ifndef RETROTLS_PRELOAD_RELAY_RELAY_CLIENT_H
#define RETROTLS_PRELOAD_RELAY_RELAY_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/descriptor/identity.h"
#include "wire/wire.h"

enum { RELAY_DEADLINE = 10000 }; /* milliseconds for any request */

struct relay {
    uint8_t name[RELAY_NAME_SIZE];
    uint8_t token[WIRE_TOKEN_SIZE];
    uint32_t uid; /* who started it; UINT32_MAX: there is no relay */
    bool kept;    /* by relay_keep() */
};

/* The caller of these must block signals. They keep nothing open except what they return. */

/*
 * Connects to the relay in use, or starts one if there is none or it has gone. Fills in `*relay`. Returns the
 * connection, or -1 with errno set and `why` (of `size` bytes) explaining to a person what failed.
 */
int relay_connect(struct relay *relay, int64_t deadline, char *why, size_t size);

/*
 * Makes sure of a relay that lives as long as any process has what this one and its children inherit
 * (relay/members.h), although it may be idle: starts one, unless the one in use does and answers. False if it
 * cannot; keeps errno.
 */
bool relay_keep(int64_t deadline);

/* `call` ("chroot(2)") may have made it impossible to start a relay: from now on, failures mention it. */
void relay_note_confined(const char *call);

/* The relay has gone or does not answer: makes relay_connect() start another. Keeps errno. */
void relay_forget(const struct relay *relay);

/*
 * Connects to the relay of that name if it still listens, and if `uid` started it, or root did (before the
 * program gave up being root). Anyone can read the name in /proc/net/unix and take it once the relay has
 * gone. Returns -1 with errno set if it cannot.
 */
int relay_connect_to(const uint8_t name[RELAY_NAME_SIZE], uint32_t uid, int64_t deadline);

/* The relay in use; false if there is none. */
bool relay_in_use(struct relay *relay);

/*
 * Sends one message with `count` descriptors and waits for the reply, in `buffer` of `size` bytes (aligned to
 * 8); `*reply` points into it. `*received` is the descriptor that came with the reply, or -1; `received` may
 * be NULL. False with errno set: ECONNRESET if the relay ended before it read the message, EPIPE if it ended
 * and may have read it, ETIMEDOUT, EBADMSG.
 */
bool relay_ask(int connection, const uint8_t *message, size_t length, const int *descriptors, size_t count,
               int64_t deadline, uint8_t *buffer, size_t size, struct wire_reply *reply, int *received);

#endif
