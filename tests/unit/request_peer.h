/*
 * For tests of what is asked of the relay: the library's side of a request, and connections as it makes them.
 */
#ifndef RETROTLS_TESTS_UNIT_REQUEST_PEER_H
#define RETROTLS_TESTS_UNIT_REQUEST_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/wire.h"

/* A program's side of a request. */
struct request_asked {
    int answered; /* the reply's error; -1: none came */
    uint8_t value[WIRE_VALUE_LIMIT];
    uint32_t length;
    int descriptor; /* that came with it; -1: none */
};

/* One connection, as the library makes it. */
struct request_made {
    int program, relay_end; /* the pair */
    int tcp, server;
    struct guard_request request;
};

/* Who asks, as SO_PEERCRED tells; only root can be somebody else. */
extern uid_t request_user;

/* A group's set-up: the token and the name of a relay. */
int request_start(void **state);
struct request_asked request_ask(const uint8_t *message, size_t length, const int *descriptors, size_t count);
/* What a request says of a socket: its SO_COOKIE, or as of a kernel without (WIRE_COOKIE_OF_INODE). */
uint64_t request_cookie(int fd);
void request_make(struct request_made *m);
int request_hand_over(struct request_made *m);
/* Of a connect() under way: gives the connection on which the relay tells the outcome. */
int request_hand_over_to_be_told(struct request_made *m);
/* Waits for it: an errno or 0; -1 where the connection just ends. Closes it. */
int request_outcome(int connection);
void request_close_relays_side(struct request_made *m);
void request_unmake(struct request_made *m);
bool request_is_closed(int fd);
void request_name_of_peer(int fd, char *text, size_t size);
void request_expect_text(int fd, const char *text);

#endif
