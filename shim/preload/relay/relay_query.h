/* Requests to the relay about a connection that it has. */
#ifndef RETROTLS_PRELOAD_RELAY_RELAY_QUERY_H
#define RETROTLS_PRELOAD_RELAY_RELAY_QUERY_H

#include <stdbool.h>
#include <sys/socket.h>

#include "preload/descriptor/identity.h"

/*
 * setsockopt(2) and getsockopt(2) on the real socket, with up to WIRE_VALUE_LIMIT bytes. Each returns 0 or
 * the errno that the kernel gave there; ESHUTDOWN if no relay can be asked any more.
 */
int relay_query_set_option(int fd, const struct identity *id, int level, int name, const void *value,
                           socklen_t length);
int relay_query_get_option(int fd, const struct identity *id, int level, int name, void *value,
                           socklen_t *length);

/* Gets the real socket of a failed connect(), close-on-exec. False if we cannot. Signals must be blocked. */
bool relay_query_reclaim(int fd, const struct identity *id, int *tcp);

#endif
