/*
 * A connection to the bench server, as a mail program has it: in plaintext (channel_plain.c), or with TLS
 * done in the process itself (channel_openssl.c). The load client is linked with the one or the other.
 *
 * Every function ends the program with a message where anything goes wrong: a measurement has no second try.
 */
#ifndef RETROTLS_BENCH_CHANNEL_H
#define RETROTLS_BENCH_CHANNEL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct channel {
    int descriptor;
    void *tls; /* NULL: plaintext */
};

/* Whether a session asks for STARTTLS and calls channel_handshake(). */
extern const bool channel_does_tls;

/*
 * Called once. `ca_file` is what the server's certificate is checked against; `resume`: a later connection
 * uses the session ticket of an earlier one.
 */
void channels_start(const char *ca_file, bool resume);

void channel_connect(struct channel *channel, const struct sockaddr_in *server);
/* TLS from here on; chain and the name `localhost` are checked. */
void channel_handshake(struct channel *channel);
/* Reads at least one byte. */
size_t channel_read(struct channel *channel, void *buffer, size_t size);
/* Writes all. */
void channel_write(struct channel *channel, const void *bytes, size_t length);
void channel_close(struct channel *channel);

#endif
