/* The little of IMAP that the load needs (RFC 9051), on the client's side. */
#ifndef RETROTLS_BENCH_SESSION_H
#define RETROTLS_BENCH_SESSION_H

#include "channel.h"

enum { SESSION_BUFFER = 16384 };

struct session {
    struct channel channel;
    unsigned tags;
    size_t start, end; /* of what is read but not used */
    char buffer[SESSION_BUFFER];
};

void session_connect(struct session *session, const struct sockaddr_in *server);
/* Reads the greeting; if the program does TLS, asks for it (6.2.1), and for the capabilities if needed. */
void session_greet(struct session *session);
/* One command and its tagged OK; returns the line's length. */
size_t session_command(struct session *session, const char *command);
void session_login(struct session *session);
/* A command of 64 bytes whose reply has 64 bytes. */
void session_round_trip(struct session *session);
/* Fetches a message of `bytes`, read(2)ing at most `size` at a time into `buffer`. */
void session_fetch(struct session *session, size_t bytes, char *buffer, size_t size);
/* Appends a message of `bytes`, writing `size` at a time. */
void session_append(struct session *session, size_t bytes, const char *buffer, size_t size);
/* LOGOUT and close. */
void session_close(struct session *session);

#endif
