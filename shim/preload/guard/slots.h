/*
 * What a connect() has acquired stays in a slot of the process until it is handed over or released. So a
 * longjmp(3) out of connect(), or a cancelled thread, leaks nothing: a later connect() finds the slot and
 * closes what is in it.
 *
 * A slot belongs to a thread and to the frame of its connect(). If a later call of the thread has a frame
 * that is not deeper in the same stack, the slot's call is over. If its frame is deeper, it may be a call in
 * a signal handler while the slot's own call is still running; it then takes another slot.
 *
 * Descriptors are kept with their SO_COOKIE, which is checked before each use: the program may have closed
 * every descriptor it found and opened its own files under the same numbers.
 */
#ifndef RETROTLS_PRELOAD_GUARD_SLOTS_H
#define RETROTLS_PRELOAD_GUARD_SLOTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "preload/names/names.h"
#include "preload/relay/relay_client.h"
#include "wire/wire.h"

enum { SLOTS_LIMIT = 1024, SLOT_FAILURE_LIMIT = 400 };

enum slot_part {
    SLOT_REQUEST,     /* connection to the relay */
    SLOT_TCP,         /* the TCP socket that the program does not know (guard.h) */
    SLOT_ALTERNATIVE, /* another one, which we do not connect (struct guard_request) */
    SLOT_PROGRAM_END, /* of the pair */
    SLOT_RELAY_END,
    SLOT_PARTS,
};

struct held {
    int fd; /* -1: none */
    uint64_t cookie;
};

struct slot {
    _Atomic uint64_t owner; /* the process and thread that own it; 0: free */
    bool alternate;         /* `frame` is in the alternate signal stack (sigaltstack(2)) */
    uintptr_t frame;
    struct held held[SLOT_PARTS];
    uint32_t filler; /* bytes written into SLOT_PROGRAM_END */
    struct relay relay;

    /* Too large for the stacks of some threads and signal handlers. */
    struct names_found found;
    struct guard_request guard;
    char failure[SLOT_FAILURE_LIMIT]; /* guard.failure may point here */
    _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
};

/*
 * Returns an empty slot for a connect() of the calling thread with this frame (__builtin_frame_address(0)),
 * or NULL with errno ENOMEM. Signals must be blocked.
 */
struct slot *slot_take(const void *frame);
/* Closes what is in it and gives it back. Keeps errno. */
void slot_release(struct slot *slot);
/* True if the slot is still the calling thread's. In a child forked within connect() it is not. */
bool slot_is_mine(const struct slot *slot);

/* Returns the descriptor, or -1 if there is none or its number is no longer ours. Keeps errno. */
int slot_descriptor(struct slot *slot, enum slot_part part);
/* The number now refers to another socket, also ours, with this SO_COOKIE. */
void slot_renew(struct slot *slot, enum slot_part part, uint64_t cookie);
/* Takes ownership of `fd`. If it cannot be kept, closes it and returns false with errno set. */
bool slot_keep(struct slot *slot, enum slot_part part, int fd);
/* Closes the descriptor if it is still ours. Keeps errno. */
void slot_drop(struct slot *slot, enum slot_part part);

/* For a forked child: closes its copies of what other threads were acquiring at the time of the fork. */
void slots_forget(void);

#endif
