/*
 * Waits for the two sockets of a session, edge-triggered: a state that was reported once is not reported
 * again.
 *
 * Falling asleep and being woken costs more than anything else that a short message needs. So when messages
 * follow each other closely, the thread polls for the next one for a moment before it sleeps, and yields the
 * processor to other threads meanwhile. Over a network, where an answer takes longer than that, it never
 * polls.
 */
#ifndef RETROTLS_RELAY_IO_EDGES_H
#define RETROTLS_RELAY_IO_EDGES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    EDGES_LOOK = 50,   /* microseconds to poll before sleeping */
    EDGES_CLOSE = 100, /* microseconds: after a shorter wait, the next one polls */
};

enum side { PROGRAM_SIDE, SERVER_SIDE, SIDES };

struct edges {
    int epoll;
    int fd[SIDES];
    uint32_t asked[SIDES]; /* epoll's events; 0: not registered yet */
    bool close;            /* the last wait was short */
};

/* False with errno. */
bool edges_open(struct edges *e, int program, int server);
void edges_close(struct edges *e);

/*
 * Waits for an edge of input, end or error on either side, and of output on the sides that `output` names.
 * Sets `events` (EPOLLIN, ...). `timeout` is in ms, -1: none. `dialogue`: the traffic is short messages, not
 * bulk. Returns the number of sides with events; 0 on timeout; -1 with errno.
 */
int edges_wait(struct edges *e, const bool output[SIDES], uint32_t events[SIDES], int timeout, bool dialogue);

#endif
