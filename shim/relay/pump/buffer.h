/*
 * Bytes on their way through the pump. A buffer holds memory only while it holds bytes, so that a thousand
 * idle connections cost little; what passed through is cleared when it is put back, for it may have been a
 * password.
 */
#ifndef RETROTLS_RELAY_PUMP_BUFFER_H
#define RETROTLS_RELAY_PUMP_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BUFFER_SIZE = 128 * 1024,
    BUFFERS_SPARE = 16, /* kept for the next one to ask, over all threads */
};

struct buffer {
    uint8_t *bytes; /* NULL where it holds none */
    size_t begin, end;
    size_t mark; /* what lies beyond has not been written to */
};

/* Makes room at the end: `*room` bytes there are free (0: it is full). False without memory. */
bool buffer_open(struct buffer *b, size_t *room);
/* `count` bytes were written at the end. */
void buffer_put(struct buffer *b, size_t count);
/* `count` bytes were taken from the beginning. */
void buffer_take(struct buffer *b, size_t count);
/* Copies `length` bytes to the end. False where they do not fit. */
bool buffer_append(struct buffer *b, const void *bytes, size_t length);
/* Gives the memory back where the buffer is empty. */
void buffer_rest(struct buffer *b);
/* Drops what it holds, and gives the memory back. */
void buffer_drop(struct buffer *b);

static inline size_t buffer_used(const struct buffer *b)
{
    return b->end - b->begin;
}

#endif
