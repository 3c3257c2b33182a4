/*
 * Waiting for the two sockets of a session, edge-triggered: what is there already, and was told of once, is
 * not told of again.
 *
 * To fall asleep and be woken costs more than everything else that a short message needs. So where messages
 * follow each other closely, the thread looks for the next one for a moment before it sleeps, and lets every
 * other thread have the processor meanwhile. Over a network, where an answer takes longer than that, it never
 * does.
 */
#ifndef RETROTLS_RELAY_PUMP_EDGES_H
#define RETROTLS_RELAY_PUMP_EDGES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    EDGES_LOOK = 50,   /* microseconds that it looks before it sleeps */
    EDGES_CLOSE = 100, /* microseconds: a wait that took less makes it look at the next one */
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
 * Waits for edges of input, of an end, of an error, and on a side where `output` says so of output. They go
 * to `events` (EPOLLIN, ...). `timeout` in ms, -1: none. `dialogue`: what moves are short messages, not bulk.
 * Returns how many sides have events: 0 where the time was up; -1 with errno.
 */
int edges_wait(struct edges *e, const bool output[SIDES], uint32_t events[SIDES], int timeout, bool dialogue);

#endif
