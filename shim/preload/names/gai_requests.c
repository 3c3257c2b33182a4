#include "preload/names/gai_requests.h"

#ifdef __GLIBC__
#    include <stdatomic.h>
#    include <stddef.h>
#    include <stdlib.h>

#    include "preload/libc/next.h"
#    include "preload/sys/memory.h"

enum { REQUESTS_TOGETHER = 64 };

/* Only ever grows, by one for each 64 requests that the program has under way at once. */
struct requests {
    _Atomic(struct gaicb *) request[REQUESTS_TOGETHER];
    _Atomic(struct requests *) more;
};

static struct requests first;
static atomic_bool full; /* no memory for more */

static void replace(struct requests *requests, struct gaicb *old, struct gaicb *new, bool *done)
{
    for (size_t i = 0; !*done && i < REQUESTS_TOGETHER; i++) {
        struct gaicb *same = old;

        *done = atomic_compare_exchange_strong(&requests->request[i], &same, new);
    }
}

/* Returns the requests after these, and makes them if there are none. NULL without memory. */
static struct requests *after(struct requests *requests)
{
    struct requests *more = atomic_load(&requests->more), *fresh;

    if (more || !(fresh = calloc(1, sizeof *fresh)))
        return more;
    if (atomic_compare_exchange_strong(&requests->more, &more, fresh))
        return fresh;
    free(fresh);
    return more;
}

void gai_request_forget(struct gaicb *request)
{
    bool done = false;

    for (struct requests *r = &first; !done && r; r = atomic_load(&r->more))
        replace(r, request, NULL, &done);
}

/* Marks it as libc is about to (resolv/gai_misc.c), so that it does not look finished before. */
static void note(struct gaicb *request)
{
    bool done = false;

    request->__return = EAI_INPROGRESS;
    gai_request_forget(request);
    for (struct requests *r = &first; !done && r; r = done ? r : after(r))
        replace(r, NULL, request, &done);
    if (!done)
        atomic_store(&full, true);
}

void gai_requests_note(struct gaicb *const list[], int entries)
{
    for (int i = 0; i < entries; i++) {
        if (list[i])
            note(list[i]);
    }
}

int gai_request_error(struct gaicb *request)
{
    int (*const call)(struct gaicb *) = next(NEXT_gai_error);

    return call ? call(request) : EAI_SYSTEM;
}

/* A cancelled one has no answer. */
static bool is_finished(struct gaicb *request)
{
    const int error = gai_request_error(request);

    return error != EAI_INPROGRESS && error != EAI_CANCELED;
}

/* The program may have freed a request that it never asked about. What is there then counts as finished. */
bool gai_requests_owe_answers(void)
{
    bool owes = atomic_load(&full);

    for (struct requests *r = &first; r; r = atomic_load(&r->more)) {
        for (size_t i = 0; !owes && i < REQUESTS_TOGETHER; i++) {
            struct gaicb *const request = atomic_load(&r->request[i]);
            struct gaicb copy;

            owes = request && (!memory_read(&copy, request, sizeof copy) || is_finished(&copy));
        }
    }
    return owes;
}
#else
bool gai_requests_owe_answers(void)
{
    return false;
}
#endif
