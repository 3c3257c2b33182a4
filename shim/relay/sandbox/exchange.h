/* One question to the monitor and its answer (monitor/messages.h). */
#ifndef RETROTLS_RELAY_SANDBOX_EXCHANGE_H
#define RETROTLS_RELAY_SANDBOX_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/messages.h"

/* A question and where its answer goes. */
struct exchange {
    struct monitor_head head;
    const void *data, *more; /* head.length bytes, of which `more` has the last `more_length` */
    size_t more_length;
    int sent[2];
    size_t sent_count;
    bool silent; /* there will be no answer */
    uint8_t *into;
    size_t size, length;
    int *fd; /* room for MONITOR_DESCRIPTORS */
    size_t fd_limit, fd_count;
    struct grant_facts facts;
};

/*
 * Asks over `channel`, which nobody else may use meanwhile. Returns the error in the answer. Returns
 * MONITOR_HANGS if no answer has arrived after `patience` ms (-1: waits forever); it may still arrive. Ends
 * the process if the monitor is gone or its answer makes no sense.
 */
int exchange(int channel, struct exchange *call, int patience);
/*
 * Waits up to `patience` ms for a late answer. True if it has arrived; then read it with
 * exchange_drop_answer().
 */
bool exchange_has_answer(int channel, int patience);
void exchange_drop_answer(int channel);

/* Answers in this process itself. Only one thread at a time may call this. */
int exchange_here(struct exchange *call);

#endif
