#include "monitor/opener.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/channel.h"
#include "monitor/threads/thread.h"

struct opener {
    int channel;
    struct monitor_answer answer;
    _Alignas(8) uint8_t data[MONITOR_DATA_LIMIT];
};

static atomic_uint openers;

/*
 * If the worker asks for anything else here, it is compromised: the channel ends. Only the main thread
 * answers that.
 */
static void *run(void *argument)
{
    struct opener *const o = argument;
    struct monitor_question question;

    while (channel_receive(o->channel, &question, o->data, NULL) &&
           channel_answer(o->channel, &question, &o->answer, monitor_may_hang))
        ;
    close(o->channel);
    free(o);
    openers--;
    return NULL;
}

int opener_start(int *workers_end)
{
    struct opener *const o = openers < OPENERS_LIMIT ? malloc(sizeof *o) : NULL;
    int pair[2];

    if (!o)
        return EAGAIN;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        const int error = errno;

        free(o);
        return error;
    }
    o->channel = pair[0];
    openers++;
    if (!thread_start(run, o, MONITOR_STACK)) {
        openers--;
        close(pair[0]);
        close(pair[1]);
        free(o);
        return EAGAIN;
    }
    *workers_end = pair[1];
    return 0;
}
