/*
 * Logs one line for each connection, once the outcome of its negotiation is known. Logging never delays a
 * connection: a write that would block is dropped.
 */
#ifndef RETROTLS_RELAY_RELAY_LOG_H
#define RETROTLS_RELAY_RELAY_LOG_H

#include <stdbool.h>

#include "relay/sandbox/monitor_client.h"
#include "wire/log_line.h"

/*
 * Writes to `where`, which the policy of `files` names: NULL or "syslog", "stderr", "none", or a path. The
 * monitor does the writing (monitor/files/log_file.h). `last`: the files are not needed any more.
 */
void relay_log_write(struct files *files, const char *where, bool last, const struct log_line *line);
/* The same for a warning that concerns no single connection. `text` needs no cleaning. */
void relay_log_warning(struct files *files, const char *where, const char *text);

#endif
