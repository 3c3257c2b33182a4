/*
 * For tests of the relay's requests: the library's side of a request, and connections as the library makes
 * them.
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
    int answered; /* the reply's error, or -1 if no reply came */
    uint8_t value[WIRE_VALUE_LIMIT];
    uint32_t length;
    int descriptor; /* that came with the reply, or -1 */
};

/* One connection, made as the library makes it. */
struct request_made {
    int program, relay_end; /* the pair */
    int tcp, server;
    struct guard_request request;
};

/* The requesting user, as SO_PEERCRED reports it. Only root can be somebody else. */
extern uid_t request_user;

/* Set-up of a test group: makes the token and names a relay. */
int request_start(void **state);
struct request_asked request_ask(const uint8_t *message, size_t length, const int *descriptors, size_t count);
/*
 * The cookie that a request gives for a socket: SO_COOKIE, or the inode on a kernel without it
 * (WIRE_COOKIE_OF_INODE).
 */
uint64_t request_cookie(int fd);
void request_make(struct request_made *m);
int request_hand_over(struct request_made *m);
/* Hands over a connect() under way. Returns the connection on which the relay reports the outcome. */
int request_hand_over_to_be_told(struct request_made *m);
/* Waits for the outcome: an errno, 0, or -1 if the connection just ends. Closes the connection. */
int request_outcome(int connection);
void request_close_relays_side(struct request_made *m);
void request_unmake(struct request_made *m);
bool request_is_closed(int fd);
void request_name_of_peer(int fd, char *text, size_t size);
void request_expect_text(int fd, const char *text);

#endif
