/*
 * Requests that the monitor reads itself, from the connection over which the program sent them: a compromised
 * worker cannot write to it.
 */
#ifndef RETROTLS_MONITOR_TAKE_H
#define RETROTLS_MONITOR_TAKE_H

#include "monitor/grants.h"
#include "monitor/monitor.h"

void take_set_token(const uint8_t token[WIRE_TOKEN_SIZE]);

/* Each returns 0 or an errno. */
int take_guard(int connection, struct monitor_answer *answer);
int take_option(int connection, int tcp, struct monitor_answer *answer);

/* Begins to connect the grant's alternative, and answers with that socket. Never waits. */
int take_alternative(struct grant *grant, struct monitor_answer *answer);

/* Binds the relay's end to a name that says how TCP's connect ended. The relay's name must be set first. */
void take_set_relay_name(const char *name);
int take_bind(int end, uint64_t cookie, int outcome);

#endif
