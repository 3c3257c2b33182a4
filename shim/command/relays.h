/* Asking relays for their connections: this user's, and for root all users'. */
#ifndef RETROTLS_COMMAND_RELAYS_H
#define RETROTLS_COMMAND_RELAYS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

enum {
    ROWS_LIMIT = 16384,     /* connections that are shown; with more, the answer counts as not in full */
    RELAYS_LIMIT = 1024,    /* relays that are asked */
    RELAYS_PATIENCE = 2000, /* ms that they all have together for their answers */
    ROW_TEXT = 128,
};

/* One connection; texts are cleaned to printable ASCII, "" where nothing is known (yet). */
struct row {
    uint32_t pid;
    uint32_t uid; /* of the relay that tells this */
    enum wire_stage stage;
    enum level level;
    uint16_t port;
    uint64_t age, up, down; /* ms, bytes */
    char address[INET6_ADDRSTRLEN];
    char program[2 * ROW_TEXT], server[ROW_TEXT], protocol[16], version[16], cipher[ROW_TEXT];
};

struct rows {
    struct row *row; /* the oldest first */
    size_t count, size;
    size_t silent; /* relays that did not answer, or not in full */
};

/*
 * Asks every relay whose listener is this user's (SO_PEERCRED: anybody may listen under such a name), or for
 * root everybody's: what these tell is the word of the user whose they are. What `rows` held is forgotten.
 * False without /proc/net/unix, with errno.
 */
bool relays_ask(struct rows *rows);
void rows_free(struct rows *rows);

#endif
