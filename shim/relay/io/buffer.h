/*
 * Bytes on their way through the pump. A buffer has memory only while it has bytes, so that a thousand idle
 * connections cost little. The memory is cleared when it is given back, since it may have held a password.
 */
#ifndef RETROTLS_RELAY_IO_BUFFER_H
#define RETROTLS_RELAY_IO_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BUFFER_SIZE = 128 * 1024,
    BUFFERS_SPARE = 16, /* kept for reuse, shared by all threads */
};

struct buffer {
    uint8_t *bytes; /* NULL: no memory */
    size_t begin, end;
    size_t mark; /* nothing has been written beyond this */
};

/*
 * Gets memory, and makes room at the end: `*room` is the number of free bytes there (0: full). False without
 * memory.
 */
bool buffer_open(struct buffer *b, size_t *room);
/* `count` bytes were written at the end. */
void buffer_put(struct buffer *b, size_t count);
/* `count` bytes were taken from the beginning. */
void buffer_take(struct buffer *b, size_t count);
/* Appends a copy of `length` bytes. False if they do not fit. */
bool buffer_append(struct buffer *b, const void *bytes, size_t length);
/* Gives the memory back if the buffer is empty. */
void buffer_rest(struct buffer *b);
/* Drops the bytes, and gives the memory back. */
void buffer_drop(struct buffer *b);

static inline size_t buffer_used(const struct buffer *b)
{
    return b->end - b->begin;
}

#endif
