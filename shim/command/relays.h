/* Asks relays for their connections: this user's relays or, for root, those of all users. */
#ifndef RETROTLS_COMMAND_RELAYS_H
#define RETROTLS_COMMAND_RELAYS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

enum {
    ROWS_LIMIT = 16384,     /* connections that we show; if there are more, the answer counts as incomplete */
    RELAYS_LIMIT = 1024,    /* relays that we ask */
    RELAYS_PATIENCE = 2000, /* ms in which all relays together have to answer */
    ROW_TEXT = 128,
};

/* One connection. Strings are cleaned to printable ASCII; "" if nothing is known (yet). */
struct row {
    uint32_t pid;
    uint32_t uid; /* that of the relay that reports the connection */
    enum wire_stage stage;
    enum level level;
    uint16_t port;
    uint64_t age, up, down; /* ms, bytes */
    char address[INET6_ADDRSTRLEN];
    char program[2 * ROW_TEXT], server[ROW_TEXT], protocol[16], version[16], cipher[ROW_TEXT];
};

struct rows {
    struct row *row; /* oldest first */
    size_t count, size;
    size_t silent; /* relays that did not answer completely */
};

/*
 * Asks every relay that belongs to this user or, for root, to any user. Anybody can listen under such a name,
 * so we check the owner with SO_PEERCRED. What root learns from another user's relay is only that user's
 * word. Replaces the contents of `rows`. Returns false with errno if there is no /proc/net/unix.
 */
bool relays_ask(struct rows *rows);
void rows_free(struct rows *rows);

#endif
