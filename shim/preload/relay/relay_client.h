/*
 * The relay as the program's process knows it: by the random name that it listens on and the token that it
 * obeys. No descriptor is held between calls. A forked child goes on with its parent's relay.
 */
#ifndef RETROTLS_PRELOAD_RELAY_RELAY_CLIENT_H
#define RETROTLS_PRELOAD_RELAY_RELAY_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/descriptor/identity.h"
#include "wire/wire.h"

enum { RELAY_DEADLINE = 10000 }; /* milliseconds for anything asked of it */

struct relay {
    uint8_t name[RELAY_NAME_SIZE];
    uint8_t token[WIRE_TOKEN_SIZE];
    uint32_t uid; /* who started it; UINT32_MAX: there is none */
};

/* All of these want signals blocked, and keep nothing open but what they return. */

/*
 * Connects to the relay that is in use, and starts one where there is none, or none any more. `*relay` is
 * filled. Returns the connection, or -1 with errno set and `why` (of `size` bytes) telling a person what
 * failed.
 */
int relay_connect(struct relay *relay, int64_t deadline, char *why, size_t size);

/* It has proved to be gone, or not to answer: relay_connect() starts another. Keeps errno. */
void relay_forget(const struct relay *relay);

/*
 * Connects to the relay of that name, if it still listens, and if it was started by `uid` or by root (before
 * the program gave that up): the name can be read in /proc/net/unix and taken by anyone once the relay has
 * gone. -1 with errno set else.
 */
int relay_connect_to(const uint8_t name[RELAY_NAME_SIZE], uint32_t uid, int64_t deadline);

/* The relay in use; false where there is none. */
bool relay_in_use(struct relay *relay);

/*
 * Sends one message with `count` descriptors and awaits the reply, in `buffer` of `size` bytes (aligned to
 * 8);
 * `*reply` points into it. `*received`: a descriptor that came with it, or -1; may be NULL.
 * False with errno set: EPIPE where the relay has gone (nothing was taken over then), ETIMEDOUT, EBADMSG.
 */
bool relay_ask(int connection, const uint8_t *message, size_t length, const int *descriptors, size_t count,
               int64_t deadline, uint8_t *buffer, size_t size, struct wire_reply *reply, int *received);

#endif
