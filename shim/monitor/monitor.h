/*
 * The monitor: a process with one thread that parses nothing from the network. It opens the files that
 * policies name, with the program's rights, keeps private keys and signs with them, and writes the log. Its
 * child, the worker, does everything else, and may do none of that.
 */
#ifndef RETROTLS_MONITOR_MONITOR_H
#define RETROTLS_MONITOR_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/messages.h"
#include "wire/wire.h"

/* The token that authenticates a program's requests, and the relay's name. Set both first. */
void monitor_set_token(const uint8_t token[WIRE_TOKEN_SIZE]);
void monitor_set_relay_name(const char *name);

struct monitor_question {
    struct monitor_head head;
    const uint8_t *data; /* head.length bytes */
    int descriptor[MONITOR_DESCRIPTORS];
    size_t count; /* of descriptors, which still belong to the asker */
    bool cut;     /* descriptors are missing: this process ran out of them */
};

struct monitor_answer {
    struct monitor_answer_head head;
    _Alignas(8) uint8_t data[MONITOR_DATA_LIMIT];
    int descriptor[MONITOR_DESCRIPTORS]; /* they belong to the receiver */
    size_t count;
};

/*
 * Answers one question. Returns false if it has no answer. Works in any process: unit tests and
 * retrotls-check do without a monitor process.
 */
bool monitor_answer(const struct monitor_question *question, struct monitor_answer *answer);

/* Makes a grant, for monitor_answer(), from settings of this very process. Their strings must outlive it. */
void monitor_grant(const struct settings *settings, struct grant_facts *facts);

/* Answers the worker over `dialogue` until that ends, then collects the worker. */
void monitor_run(int dialogue, pid_t worker);

#endif
