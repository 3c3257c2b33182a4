/*
 * The program's requests that the monitor reads itself, out of the connection on which they lie: whoever has
 * taken the worker over cannot write there.
 */
#ifndef RETROTLS_MONITOR_TAKE_H
#define RETROTLS_MONITOR_TAKE_H

#include "monitor/monitor.h"

void take_set_token(const uint8_t token[WIRE_TOKEN_SIZE]);

/* Each returns 0 or an errno. */
int take_guard(int connection, struct monitor_answer *answer);
int take_option(int connection, int tcp, struct monitor_answer *answer);

/* Binds the relay's end to the name of TCP's outcome. */
void take_set_relay_name(const char *name);
int take_bind(int end, uint64_t cookie, int outcome);

#endif
