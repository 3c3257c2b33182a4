/*
 * The server's side of an open session, over TLS or over the bare socket. The pump moves bytes from it and to
 * it. Nothing here blocks.
 *
 * The pump waits edge-triggered: `ready` says whether a call may make progress. The pump sets it when the
 * kernel reports an edge, and the stream clears it when the socket would block.
 */
#ifndef RETROTLS_RELAY_IO_STREAM_H
#define RETROTLS_RELAY_IO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flow {
    /* Moved at least one byte, or (finish) done. (read) No byte: there may be more, but it took too long. */
    FLOW_MOVED,
    FLOW_BLOCKED,   /* nothing for now: wait for an edge */
    FLOW_ENDED,     /* (read) the server ended the stream in order: close_notify; without TLS, a FIN */
    FLOW_TRUNCATED, /* (read) a FIN with no close_notify before it */
    FLOW_BROKEN,    /* reset, or bytes that are not TLS */
};

/*
 * What the edges have reported about one side: whether a call may get anywhere. Who waits sets these; who
 * reads and writes clears them.
 */
struct readiness {
    bool readable; /* cleared: the socket has no more */
    bool writable; /* cleared: the socket takes no more */
    bool fresh;    /* set with `readable`; cleared once that is taken note of */
    bool ending;   /* a FIN or an error is near: a short read is not yet the last one; cleared at EAGAIN */
};

/* Sets what an edge with epoll's `events` reports. */
void readiness_hear(struct readiness *r, uint32_t events);

struct stream {
    enum flow (*read)(struct stream *s, void *buffer, size_t size, size_t *count);
    enum flow (*write)(struct stream *s, const void *bytes, size_t length, size_t *count);
    /* Ends writing: close_notify, then FIN. Reading goes on. */
    enum flow (*finish)(struct stream *s);
    int fd;
    struct readiness ready;
    int error;             /* the errno that broke the socket; 0: it did not break */
    bool end_silences;     /* TLS: after finish() many servers send nothing more, even what was asked for */
    bool read_needs_write; /* TLS: reading has to wait until an answer of ours is sent; read() sets it anew */
};

/* A stream over the bare socket `fd`, for a session in plaintext. */
void stream_over_socket(struct stream *s, int fd);

#endif
