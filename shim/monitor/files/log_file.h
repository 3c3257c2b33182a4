/*
 * The log: syslog, or a file that stays the user's own whatever others do to its folders. Only the monitor
 * writes it, and only whole lines of printable ASCII, whoever composed them.
 */
#ifndef RETROTLS_MONITOR_FILES_LOG_FILE_H
#define RETROTLS_MONITOR_FILES_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "monitor/files/credentials.h"

enum { LOG_LINE_LIMIT = 4096 }; /* bytes of a line, with its newline */

/* Opens the file as log_path_open() does (policy/log_path.h), with these rights. */
int log_file_open(const struct credentials *rights, const char *path);

/*
 * Writes one line of `length` bytes to the place that a policy's `log` names: NULL or "syslog", "stderr" (the
 * descriptor `standard_error`), "none", or a path. If a file cannot take the line, it goes to syslog. Never
 * waits for a reader.
 */
void log_line(const struct credentials *rights, const char *where, int standard_error, bool warning,
              const char *text, size_t length);

#endif
