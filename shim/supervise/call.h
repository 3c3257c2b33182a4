/*
 * One notified call, on its way through the code that serves it. The main loop (serve.h) answers the calls
 * that take no time. Each of the others gets a thread with a descriptor table of its own, so that everything
 * a call has opened is closed when the thread ends.
 */
#ifndef RETROTLS_SUPERVISE_CALL_H
#define RETROTLS_SUPERVISE_CALL_H

#include <stdbool.h>
#include <sys/socket.h>

#include "supervise/client.h"
#include "supervise/notification.h"

enum { CALL_LOOK_AGAIN = 20 };

struct call {
    struct notification n;
    int listener; /* the number in this thread */
    struct client client;
    int fd; /* ours, for the program's open file */
    /* For connect(2): our copy of the address. The program can no longer change it. */
    struct sockaddr_storage address;
    socklen_t length;
    int begun; /* EINPROGRESS or EALREADY if we have begun to connect it (plain_connect.h), else 0 */
};

/* Answers the call. If `error` is not 0, the call fails with it. */
void call_answer(struct call *call, int64_t value, int error);

/*
 * True if a signal interrupts the call, as it would a call that waits in the kernel. The call is then over:
 * it fails with EINTR or is restarted (SA_RESTART). The kernel does not notify us of signals, so a call that
 * waits must ask this every CALL_LOOK_AGAIN milliseconds.
 */
bool call_is_interrupted(struct call *call);

/*
 * Fails a call that we cannot serve because of errno; the kernel must not make it. The program gets EPERM if
 * we may not look at it, or EXDEV if we cannot. A line in the log says so.
 */
void call_refuse(struct call *call, const char *what);

#endif
