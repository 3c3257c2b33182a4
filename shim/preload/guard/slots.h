/*
 * What a connect() has acquired stays in a slot of the process until it is handed over or given back, so that
 * a longjmp(3) out of connect() (or a cancelled thread) leaks nothing: the next connect() of the thread finds
 * the slot again and closes what is in it.
 *
 * A slot belongs to a thread and to the frame of its connect(). A later call of the thread whose frame is not
 * deeper in the same stack proves that the slot's call is over. Where it is deeper, it may be a call in a
 * signal handler with the slot's own call still going on: then it takes another slot.
 *
 * Descriptors are kept with their SO_COOKIE and checked before each use: the program may have closed all that
 * it found and have its own files under the numbers.
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
    SLOT_TCP,         /* the TCP socket that is not under the program's numbers (guard.h) */
    SLOT_PROGRAM_END, /* of the pair */
    SLOT_RELAY_END,
    SLOT_PARTS,
};

struct held {
    int fd; /* -1: none */
    uint64_t cookie;
};

struct slot {
    _Atomic uint64_t owner; /* process and thread whose it is; 0: nobody's */
    bool alternate;         /* `frame` is in the alternate signal stack (sigaltstack(2)) */
    uintptr_t frame;
    struct held held[SLOT_PARTS];
    uint32_t filler; /* bytes written into SLOT_PROGRAM_END */
    struct relay relay;

    /* Room that the stack of a thread or a signal handler may not have. */
    struct names_found found;
    struct guard_request guard;
    char failure[SLOT_FAILURE_LIMIT]; /* what `guard` may point to */
    _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
};

/*
 * An empty slot for a connect() with this frame (__builtin_frame_address(0)) of the calling thread. NULL with
 * errno ENOMEM where there is none. Signals must be blocked.
 */
struct slot *slot_take(const void *frame);
/* Closes what is in it and gives it back. Keeps errno. */
void slot_release(struct slot *slot);
/* Whether it is still the calling thread's: in a child forked within connect(), it is not. */
bool slot_is_mine(const struct slot *slot);

/* The descriptor, or -1 where there is none or its number is no longer ours. Keeps errno. */
int slot_descriptor(struct slot *slot, enum slot_part part);
/* Its number refers to another socket by now, which is ours too, with that SO_COOKIE. */
void slot_renew(struct slot *slot, enum slot_part part, uint64_t cookie);
/* Takes `fd` over. False, with `fd` closed and errno set, where it is not fit to be kept. */
bool slot_keep(struct slot *slot, enum slot_part part, int fd);
/* Closes it, if it is still ours. Keeps errno. */
void slot_drop(struct slot *slot, enum slot_part part);

/* For a forked child: closes its copies of what other threads were acquiring when it was forked. */
void slots_forget(void);

#endif
