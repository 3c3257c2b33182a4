/*
 * Openers: threads of the monitor that answer questions which may hang in a file system, each over a channel
 * of its own. While one hangs, the others and the main thread go on. An opener starts only when the worker
 * needs it.
 */
#ifndef RETROTLS_MONITOR_OPENER_H
#define RETROTLS_MONITOR_OPENER_H

enum { OPENERS_LIMIT = 64 };

/*
 * Starts an opener, which ends with its channel. Returns 0 and the worker's end of the channel, or an
 * errno: EAGAIN if there are OPENERS_LIMIT already.
 */
int opener_start(int *workers_end);

#endif
