#include "relay/io/buffer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *spare[BUFFERS_SPARE];
static size_t spares;

static uint8_t *take_spare(void)
{
    uint8_t *bytes = NULL;

    pthread_mutex_lock(&lock);
    if (spares > 0)
        bytes = spare[--spares];
    pthread_mutex_unlock(&lock);
    return bytes ? bytes : malloc(BUFFER_SIZE);
}

static void give_back(uint8_t *bytes)
{
    pthread_mutex_lock(&lock);
    if (spares < BUFFERS_SPARE) {
        spare[spares++] = bytes;
        bytes = NULL;
    }
    pthread_mutex_unlock(&lock);
    free(bytes);
}

bool buffer_open(struct buffer *b, size_t *room)
{
    if (!b->bytes && !(b->bytes = take_spare()))
        return false;
    if (b->begin > 0 && BUFFER_SIZE - b->end < BUFFER_SIZE / 4) {
        memmove(b->bytes, b->bytes + b->begin, buffer_used(b));
        b->end -= b->begin;
        b->begin = 0;
    }
    *room = BUFFER_SIZE - b->end;
    return true;
}

void buffer_put(struct buffer *b, size_t count)
{
    b->end += count;
    if (b->end > b->mark)
        b->mark = b->end;
}

void buffer_take(struct buffer *b, size_t count)
{
    b->begin += count;
    if (b->begin == b->end)
        b->begin = b->end = 0;
}

bool buffer_append(struct buffer *b, const void *bytes, size_t length)
{
    size_t room;

    if (!buffer_open(b, &room) || room < length)
        return false;
    memcpy(b->bytes + b->end, bytes, length);
    buffer_put(b, length);
    return true;
}

void buffer_rest(struct buffer *b)
{
    if (!b->bytes || buffer_used(b) > 0)
        return;
    explicit_bzero(b->bytes, b->mark);
    give_back(b->bytes);
    *b = (struct buffer){.bytes = NULL};
}

void buffer_drop(struct buffer *b)
{
    b->begin = b->end = 0;
    buffer_rest(b);
}
