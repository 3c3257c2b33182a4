/*
 * The monitor: a process that parses nothing from the network. It opens the files that policies name, with
 * the program's rights; it keeps private keys and signs with them; and it writes the log. Its child, the
 * worker, does everything else, and can do none of these.
 */
#ifndef RETROTLS_MONITOR_MONITOR_H
#define RETROTLS_MONITOR_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/messages.h"
#include "wire/wire.h"

/* Sets the token that authenticates a program's requests, and the relay's name. Call both first. */
void monitor_set_token(const uint8_t token[WIRE_TOKEN_SIZE]);
void monitor_set_relay_name(const char *name);

struct monitor_question {
    struct monitor_head head;
    const uint8_t *data; /* head.length bytes */
    int descriptor[MONITOR_DESCRIPTORS];
    size_t count; /* number of descriptors, which still belong to the asker */
    bool cut;     /* descriptors are missing: this process ran out of them */
};

struct monitor_answer {
    struct monitor_answer_head head;
    _Alignas(8) uint8_t data[MONITOR_DATA_LIMIT];
    int descriptor[MONITOR_DESCRIPTORS]; /* they belong to the receiver */
    size_t count;
};

/*
 * Answers one question. Returns false if there is no answer. Works in any process, since unit tests and
 * retrotls-check have no monitor process. Several threads may call this at once, but only one of them with
 * questions that cannot hang.
 */
bool monitor_answer(const struct monitor_question *question, struct monitor_answer *answer);
/* True if answering such a question may hang in a file system. Openers answer only such questions. */
bool monitor_may_hang(uint32_t kind);

/*
 * Makes a grant, for monitor_answer(), from this process's own settings. Their strings must outlive it. The
 * facts include the states of all files.
 */
void monitor_grant(const struct settings *settings, struct grant_facts *facts);

#endif
