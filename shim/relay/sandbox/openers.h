/*
 * The worker's channels to the monitor's openers (monitor/opener.h). Each has one question at a time, about
 * one file. All questions about a file go to the same opener, one after another. So a file system that hangs
 * occupies at most one opener for each file on it that the policies name.
 */
#ifndef RETROTLS_RELAY_SANDBOX_OPENERS_H
#define RETROTLS_RELAY_SANDBOX_OPENERS_H

#include <stdint.h>

#include "relay/sandbox/exchange.h"

enum { MONITOR_NO_OPENER = -100 }; /* the monitor could start none */

/*
 * Asks an opener about the file that `path` identifies (struct grant_facts). Returns what exchange() returns.
 * Returns MONITOR_HANGS after `patience` ms, or at once if all openers hang or if an earlier question about
 * that file has used up its own patience without an answer. Returns MONITOR_NO_OPENER if it could ask nobody.
 * `start` stores the worker's end of another opener, and returns 0 or an errno.
 */
int openers_ask(struct exchange *call, uint64_t path, int patience, int start(int *opener));

#endif
