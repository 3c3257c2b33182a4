/*
 * The server's side of an open session, over TLS or over the bare socket: what the pump moves bytes from and
 * to. Nothing here blocks.
 *
 * The pump waits edge-triggered: `readable` and `writable` say whether a call may get anywhere. The stream
 * clears them where the socket would block, the pump sets them when the kernel reports an edge.
 */
#ifndef RETROTLS_RELAY_PUMP_STREAM_H
#define RETROTLS_RELAY_PUMP_STREAM_H

#include <stdbool.h>
#include <stddef.h>

enum flow {
    /* At least one byte, or (finish) all done. (read) None: there may be more, but it has gone on for long.
     */
    FLOW_MOVED,
    FLOW_BLOCKED,   /* nothing now: wait for an edge */
    FLOW_ENDED,     /* (read) the server ended the stream in order: close_notify; without TLS, a FIN */
    FLOW_TRUNCATED, /* (read) a FIN with no close_notify before it */
    FLOW_BROKEN,    /* reset, or bytes that are not TLS */
};

struct stream {
    enum flow (*read)(struct stream *s, void *buffer, size_t size, size_t *count);
    enum flow (*write)(struct stream *s, const void *bytes, size_t length, size_t *count);
    /* No more will be written: close_notify, then FIN. Reading goes on. */
    enum flow (*finish)(struct stream *s);
    int fd;
    bool readable, writable;
    bool edge;             /* set with `readable`: bytes have come to the socket since the last read */
    bool ending;           /* an edge told of a FIN or an error: a short read is not yet the last one */
    int error;             /* errno with which the socket broke; 0: it has not */
    bool end_silences;     /* TLS: many servers say no more after finish(), whatever was asked of them */
    bool read_needs_write; /* TLS: a read waits for an answer of ours to leave */
};

/* A stream over the bare socket `fd`, for a session that stays in plaintext. */
void stream_over_socket(struct stream *s, int fd);

#endif
