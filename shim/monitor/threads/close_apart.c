#include "monitor/threads/close_apart.h"

#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "monitor/threads/thread.h"

enum { CLOSERS_LIMIT = 16 };

static atomic_uint closers;

static void *run(void *fd)
{
    close((int)(intptr_t)fd);
    closers--;
    return NULL;
}

void close_apart(int fd)
{
    if (lseek(fd, 0, SEEK_CUR) < 0) { /* a pipe, a socket or a terminal */
        close(fd);
        return;
    }
    if (closers++ >= CLOSERS_LIMIT || !thread_start(run, (void *)(intptr_t)fd, MONITOR_STACK))
        closers--;
}
