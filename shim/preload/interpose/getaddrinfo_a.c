/*
 * getaddrinfo_a(3): threads of libc's own make the lookups, and the program collects the answers whenever it
 * likes. These lookups have no place in the order of the calling thread's own, so they belong to nobody.
 *
 * We remember an answer when the program learns that it has come: in gai_error(), gai_suspend(), GAI_WAIT,
 * and a notification by thread. We do not see a program take a signal and read ar_result without gai_error().
 * So once a request is finished, and until the program asks about it, any connection may be for its name.
 */
#include "preload/interpose/resolver.h"

#ifdef __GLIBC__ /* musl does not have it */
#    include <errno.h>
#    include <signal.h>
#    include <stdlib.h>

#    include "preload/libc/next.h"
#    include "preload/names/gai_requests.h"
#    include "preload/sys/export.h"

static int done(struct gaicb *request)
{
    const int error = gai_request_error(request);

    if (error != EAI_INPROGRESS)
        gai_request_forget(request);
    if (error == 0) {
        struct names_question question = names_begin(request->ar_name, true);

        resolver_answer_all(&question, request->ar_service, request->ar_result);
    }
    return error;
}

static void all_done(struct gaicb *const list[], int entries)
{
    const int saved = errno;

    for (int i = 0; i < entries; i++) {
        if (list[i])
            done(list[i]);
    }
    errno = saved;
}

EXPORTED int gai_error(struct gaicb *request)
{
    return done(request);
}

EXPORTED int gai_suspend(const struct gaicb *const list[], int entries, const struct timespec *timeout)
{
    int (*const call)(const struct gaicb *const[], int, const struct timespec *) = next(NEXT_gai_suspend);
    const int error = call ? call(list, entries, timeout) : EAI_SYSTEM;

    if (error == 0 || error == EAI_ALLDONE)
        all_done((struct gaicb *const *)list, entries);
    return error;
}

/* Stands in for the program's own notification. */
struct notice {
    void (*function)(union sigval);
    union sigval value;
    int entries;
    struct gaicb *list[];
};

static void notify(union sigval value)
{
    struct notice *const notice = value.sival_ptr;
    void (*const function)(union sigval) = notice->function;
    const union sigval own = notice->value;

    all_done(notice->list, notice->entries);
    free(notice);
    function(own);
}

/*
 * NULL if memory is short: then the program gets its own notification, and we learn of the answer from
 * gai_error().
 */
static struct notice *make_notice(const struct sigevent *event, struct gaicb *list[], int entries)
{
    struct notice *const notice = malloc(sizeof *notice + (size_t)entries * sizeof(struct gaicb *));

    if (!notice)
        return NULL;
    notice->function = event->sigev_notify_function;
    notice->value = event->sigev_value;
    notice->entries = entries;
    for (int i = 0; i < entries; i++)
        notice->list[i] = list[i];
    return notice;
}

EXPORTED int getaddrinfo_a(int mode, struct gaicb *list[], int entries, struct sigevent *event)
{
    int (*const call)(int, struct gaicb *[], int, struct sigevent *) = next(NEXT_getaddrinfo_a);
    struct sigevent ours;
    struct notice *notice;
    int error;

    if (!call)
        return EAI_SYSTEM;
    if (mode == GAI_NOWAIT && event && event->sigev_notify == SIGEV_THREAD && entries > 0 &&
        (notice = make_notice(event, list, entries))) {
        ours = *event;
        ours.sigev_notify_function = notify;
        ours.sigev_value.sival_ptr = notice;
        /* After an error libc may notify or not. Leaking the notice is better than using it after free(). */
        return call(mode, list, entries, &ours);
    }
    if (mode == GAI_NOWAIT)
        gai_requests_note(list, entries);
    error = call(mode, list, entries, event);
    if (mode == GAI_WAIT)
        all_done(list, entries);
    return error;
}
#endif
