#include "supervise/call.h"

#include <errno.h>
#include <string.h>

#include "policy/policy.h"
#include "preload/process/config.h"
#include "preload/process/library_log.h"
#include "preload/sys/strbuf.h"

void call_answer(struct call *call, int64_t value, int error)
{
    notification_answer(call->listener, &call->n, value, error);
}

bool call_is_interrupted(struct call *call)
{
    enum {
        RESTART = 512
    }; /* ERESTARTSYS, which the kernel turns into one or the other (include/linux/errno.h) */

    if (!notification_is_valid(call->listener, &call->n))
        return true;
    if (!client_has_signal(&call->client))
        return false;
    call_answer(call, 0, RESTART);
    return true;
}

static void log_refusal(const struct call *call, const char *what, int error)
{
    char program[PATH_MAX];
    struct guard_request request = {.pid = (uint32_t)call->client.pid, .program = program};
    char why[300];
    struct strbuf w;

    client_program(&call->client, program);
    request.settings.log = config_log();
    strbuf_start(&w, why, sizeof why);
    strbuf_add(&w, what);
    strbuf_add(&w, ": ");
    strbuf_error(&w, error);
    strbuf_add(&w, error == EXDEV ? "; before Linux 6.9, a thread with descriptors of its own (unshare(2), "
                                    "CLONE_FILES) cannot be supervised"
                                  : "; a program that forbids others to look at it (prctl(2), "
                                    "PR_SET_DUMPABLE) cannot be supervised");
    library_log_connection(&request, RESULT_FAILED, 0, why);
}

void call_refuse(struct call *call, const char *what)
{
    const int error = errno;

    if (error == EPERM || error == EACCES || error == EXDEV)
        log_refusal(call, what, error);
    call_answer(call, 0,
                error == EBADF || error == EFAULT || error == EMFILE || error == ENFILE || error == ENOMEM
                    ? error
                    : ENETUNREACH);
}
