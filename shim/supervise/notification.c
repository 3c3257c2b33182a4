#include "supervise/notification.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE /* Linux 5.5 */
#    define SECCOMP_USER_NOTIF_FLAG_CONTINUE 1UL
#endif

bool notification_receive(int listener, struct notification *n)
{
    /*
     * A newer kernel may have a longer structure (seccomp_unotify(2)), but fills in only the members that it
     * knows.
     */
    union {
        struct seccomp_notif from;
        uint8_t room[512];
    } u;

    memset(&u, 0, sizeof u); /* the kernel requires this */
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &u.from) != 0)
        return false;
    n->id = u.from.id;
    n->tid = (pid_t)u.from.pid;
    n->call = u.from.data.nr;
    n->at = u.from.data.instruction_pointer;
    for (int i = 0; i < 6; i++)
        n->argument[i] = u.from.data.args[i];
    return true;
}

bool notification_is_valid(int listener, const struct notification *n)
{
    uint64_t id = n->id;

    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static bool send_answer(int listener, const struct notification *n, int64_t value, int error, uint32_t flags)
{
    struct seccomp_notif_resp response = {
        .id = n->id, .val = error != 0 ? 0 : value, .error = -error, .flags = flags};

    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0;
}

bool notification_answer(int listener, const struct notification *n, int64_t value, int error)
{
    return send_answer(listener, n, value, error, 0);
}

void notification_continue(int listener, const struct notification *n)
{
    send_answer(listener, n, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

#ifdef SECCOMP_IOCTL_NOTIF_ADDFD

static int add(int listener, uint64_t id, int fd, int number, int flags)
{
    struct seccomp_notif_addfd added = {.id = id,
                                        .flags = SECCOMP_ADDFD_FLAG_SETFD,
                                        .srcfd = (uint32_t)fd,
                                        .newfd = (uint32_t)number,
                                        .newfd_flags = (uint32_t)flags};

    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &added);
}

#else

static int add(int listener, uint64_t id, int fd, int number, int flags)
{
    (void)listener, (void)id, (void)fd, (void)number, (void)flags;
    errno = EINVAL;
    return -1;
}

#endif

bool notification_install(int listener, const struct notification *n, int fd, int number, int flags)
{
    return add(listener, n->id, fd, number, flags) == number;
}

/* No call has that number. So a kernel that knows the request fails with ENOENT (kernel/seccomp.c). */
bool notification_is_supported(int listener)
{
    return add(listener, UINT64_MAX, listener, 0, 0) < 0 && errno == ENOENT;
}
