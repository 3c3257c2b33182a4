/* Which system calls of a supervised program wait for the supervisor's answer. */
#ifndef RETROTLS_SUPERVISE_START_NOTIFY_FILTER_H
#define RETROTLS_SUPERVISE_START_NOTIFY_FILTER_H

#include "monitor/walls/filter.h"

/*
 * Writes the filter. These calls are notified: connect(2); calls that would show a descriptor to be switched
 * (names, options); and, for DNS (served_dns.h), calls that send to an address or ask where a datagram came
 * from. Other ways to connect, which the supervisor does not serve (MSG_FASTOPEN, io_uring), fail as on an
 * older kernel, so that programs fall back to connect(2).
 */
void notify_filter_write(struct filter *filter);

#endif
