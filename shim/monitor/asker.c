#include "monitor/asker.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/*
 * One asker serves all requests of a process, so that each process takes only one descriptor. A relay has few
 * askers: its program and that program's children.
 */
struct asker {
    pid_t pid;
    int fd; /* pidfd_open(2): readable once the process has ended */
    unsigned uses;
    struct asker *next;
};

static struct asker *first;
static struct asker *unused; /* the one released last, because a process often asks again */

bool asker_has_ended(const struct asker *asker)
{
    struct pollfd end = {.fd = asker->fd, .events = POLLIN};

    return poll(&end, 1, 0) == 1;
}

static struct asker *known(pid_t pid)
{
    for (struct asker *a = first; a; a = a->next) {
        if (a->pid == pid && !asker_has_ended(a))
            return a;
    }
    return NULL;
}

static struct asker *open_asker(pid_t pid, int connection)
{
    struct pollfd peer = {.fd = connection};
    struct asker *a = malloc(sizeof *a);

    if (!a)
        return NULL;
    *a = (struct asker){.pid = pid, .fd = (int)syscall(SYS_pidfd_open, pid, 0), .next = first};
    /* Check this after opening: if the peer has not hung up by now, the PID was still its own. */
    if (a->fd >= 0 && poll(&peer, 1, 0) == 0) {
        first = a;
        return a;
    }
    if (a->fd >= 0)
        close(a->fd);
    free(a);
    return NULL;
}

struct asker *asker_of(int connection)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    struct asker *a;

    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.pid <= 0)
        return NULL;
    a = known(peer.pid);
    if (!a)
        a = open_asker(peer.pid, connection);
    if (a)
        a->uses++;
    if (a && a == unused)
        unused = NULL;
    return a;
}

static void close_asker(struct asker *asker)
{
    struct asker **at = &first;

    while (*at != asker)
        at = &(*at)->next;
    *at = asker->next;
    close(asker->fd);
    free(asker);
}

void asker_forget(struct asker *asker)
{
    if (!asker || --asker->uses > 0)
        return;
    if (unused)
        close_asker(unused);
    unused = asker;
}
