/*
 * The monitor: a process of one thread that parses nothing from the network. It opens what policies name,
 * with the rights that the program has, keeps private keys and signs with them, and writes the log;
 * everything else is the worker's, its child, which may do none of that.
 */
#ifndef RETROTLS_MONITOR_MONITOR_H
#define RETROTLS_MONITOR_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/messages.h"
#include "wire/wire.h"

/* By which the program's requests are known, and under which its relay is. To be set first. */
void monitor_set_token(const uint8_t token[WIRE_TOKEN_SIZE]);
void monitor_set_relay_name(const char *name);

struct monitor_question {
    struct monitor_head head;
    const uint8_t *data; /* head.length bytes */
    int descriptor[MONITOR_DESCRIPTORS];
    size_t count; /* of descriptors, which stay the asker's */
    bool cut;     /* descriptors are missing: this process has run out of them */
};

struct monitor_answer {
    struct monitor_answer_head head;
    _Alignas(8) uint8_t data[MONITOR_DATA_LIMIT];
    int descriptor[MONITOR_DESCRIPTORS]; /* the receiver's */
    size_t count;
};

/* Answers one question. False where it has no answer. In any process: unit tests and retrotls-check need none
 * of its own. */
bool monitor_answer(const struct monitor_question *question, struct monitor_answer *answer);

/* A grant for settings that come from this very process, whose texts must outlive it; monitor_answer() takes
 * it. */
void monitor_grant(const struct settings *settings, struct grant_facts *facts);

/* Answers the worker over `dialogue` until that ends, and waits for the worker's own end. */
void monitor_run(int dialogue, pid_t worker);

#endif
