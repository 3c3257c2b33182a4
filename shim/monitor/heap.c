#include "monitor/heap.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 64 * 1024, /* below M_MMAP_THRESHOLD, so that it comes from the heap */
    PIECES = 8,
    HEAP_STEP = 512 * 1024,
    RECORD = 16 * 1024, /* bytes: a buffer of this size or more may hold what the server said */
};

/*
 * OpenSSL wipes keys by itself. With SSL_OP_CLEANSE_PLAINTEXT it also wipes plaintext: each record as it is
 * read, eight bytes at a time, which costs a tenth of decrypting it. But OpenSSL frees its buffers with data
 * still in them (SSL_MODE_RELEASE_BUFFERS). So we wipe them when they are freed, as far as they were written
 * to. Received data is decrypted in place.
 */
static _Thread_local uintptr_t reached; /* end of the received data; 0: unknown */

static _Thread_local bool wipes_all;

void heap_wipe_all(bool all)
{
    wipes_all = all;
}

/* Returns how much of a block of `size` bytes was written to. */
static size_t used(const void *block, size_t size)
{
    const uintptr_t begin = (uintptr_t)block;
    size_t count = size;

    if (reached > begin && reached <= begin + size) {
        count = reached - begin;
        reached = 0;
    }
    return count;
}

void heap_received(const void *end)
{
    const uintptr_t now = (uintptr_t)end;

    /* An earlier read into the same buffer may have gone further. */
    if (now > reached || reached - now > HEAP_READ_BUFFER)
        reached = now;
}

static void *allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void release(void *block, const char *file, int line)
{
    const size_t size = block ? malloc_usable_size(block) : 0;

    (void)file;
    (void)line;
    if (block && wipes_all)
        explicit_bzero(block, size);
    else if (size >= RECORD)
        explicit_bzero(block, used(block, size));
    free(block);
}

static void *reallocate(void *block, size_t size, const char *file, int line)
{
    const size_t had = block ? malloc_usable_size(block) : 0;
    void *other;

    if (had < RECORD && !(wipes_all && had > 0))
        return realloc(block, size);
    other = malloc(size);
    if (!other)
        return NULL;
    memcpy(other, block, had < size ? had : size);
    release(block, file, line);
    return other;
}

/*
 * We use one heap, and grow it in large steps. glibc would give each further thread a heap of its own. It
 * grows those with mprotect(2), a page at a time (a hundred calls before the first byte), and would keep one
 * for each of a thousand idle connections.
 */
void heap_prepare(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, HEAP_STEP);
    mallopt(M_TRIM_THRESHOLD, 4 * HEAP_STEP);
    CRYPTO_set_mem_functions(allocate, reallocate, release);
}

bool heap_reserve(size_t size)
{
    void *volatile piece[PIECES] = {NULL};
    size_t count = 0;
    bool good = size <= (size_t)PIECES * PIECE;

    for (; good && count * PIECE < size; count += good) {
        piece[count] = malloc(PIECE);
        good = piece[count] != NULL;
    }
    while (count > 0)
        free(piece[--count]); /* M_TRIM_THRESHOLD keeps them in the heap */
    return good;
}
