#include "monitor/heap.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#    define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum {
    HEAP_STEP = 512 * 1024,
    BLOCK = 32 * 1024,
    RECORD = 16 * 1024, /* bytes: a buffer of at least this size may hold what the server sent */
};

/*
 * OpenSSL wipes keys itself. With SSL_OP_CLEANSE_PLAINTEXT it also wipes plaintext: each record as it is
 * read, eight bytes at a time, which costs a tenth of decrypting it. But it frees buffers that still hold
 * data (SSL_MODE_RELEASE_BUFFERS). So we wipe buffers when they are freed, as far as they were written to.
 * Received data is decrypted in place.
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

    /* An earlier read into this buffer may have reached further. */
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
 * We use a single heap, and let it grow in large steps. glibc would give each further thread its own heap,
 * and grow it with mprotect(2) one page at a time (a hundred calls before the first byte). It would also keep
 * a heap for each of a thousand idle connections.
 */
void heap_prepare(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, HEAP_STEP);
    mallopt(M_TRIM_THRESHOLD, 4 * HEAP_STEP);
    CRYPTO_set_mem_functions(allocate, reallocate, release);
}

void heap_populate(void)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), end = (uintptr_t)sbrk(0);
    /* Such a block comes from the top of the heap, and everything after it is still unused. */
    void *const block = malloc(BLOCK);
    const uintptr_t begin = (uintptr_t)block & ~(page - 1);

    free(block);
    if (block && begin < end && end - begin <= 2 * HEAP_STEP)
        madvise((void *)begin, end - begin, MADV_POPULATE_WRITE);
}
