#include "relay/strangers.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "monitor/threads/thread.h"
#include "relay/protocol/plain.h"
#include "relay/request.h"

enum { STACK_SIZE = 128 * 1024 }; /* a message of 32 KiB, and a policy's worth of paths */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct waiting {
    int connection;
    int64_t since;
} queue[STRANGERS_QUEUE];
static size_t begin, count; /* a ring */
static unsigned threads;
static int64_t latest = INT64_MIN / 2;

static int next(void)
{
    int connection = -1;

    pthread_mutex_lock(&lock);
    if (count > 0) {
        connection = queue[begin].connection;
        begin = (begin + 1) % STRANGERS_QUEUE;
        count--;
    } else {
        threads--;
    }
    pthread_mutex_unlock(&lock);
    return connection;
}

static void *serve(void *unused)
{
    int connection;

    (void)unused;
    while ((connection = next()) >= 0) {
        request_serve(connection);
        close(connection);
    }
    return NULL;
}

/* Call under `lock`. If the first in the queue has waited for long, no thread has come back for it. */
static bool are_stuck(int64_t now)
{
    return count > 0 && now - queue[begin].since > STRANGERS_PATIENCE;
}

bool strangers_have_room(void)
{
    bool room;

    pthread_mutex_lock(&lock);
    room = count < STRANGERS_QUEUE || are_stuck(plain_now());
    pthread_mutex_unlock(&lock);
    return room;
}

bool strangers_serve(int connection)
{
    bool taken;

    pthread_mutex_lock(&lock);
    if (threads < STRANGERS_THREADS && thread_start(serve, NULL, STACK_SIZE))
        threads++;
    taken = threads > 0 && count < STRANGERS_QUEUE && !are_stuck(plain_now());
    if (taken) {
        latest = plain_now();
        queue[(begin + count++) % STRANGERS_QUEUE] =
            (struct waiting){.connection = connection, .since = latest};
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

bool strangers_are_served(void)
{
    bool served;

    pthread_mutex_lock(&lock);
    served = plain_now() - latest < STRANGERS_PRESENCE;
    pthread_mutex_unlock(&lock);
    return served;
}
