/*
 * The log: syslog, or a file that stays the user's own whatever others do to its folders. Only the monitor
 * writes it, and only whole lines of printable ASCII, whoever composed them.
 */
#ifndef RETROTLS_MONITOR_FILES_LOG_FILE_H
#define RETROTLS_MONITOR_FILES_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/files/credentials.h"

enum { LOG_LINE_LIMIT = 4096 }; /* bytes of a line, with its newline */

/* Opens the file as log_path_open() does (policy/log_path.h), with these rights. */
int log_file_open(const struct credentials *rights, const char *path);

/*
 * Writes one line of `length` bytes to the place that a policy's `log` names: NULL or "syslog", "stderr" (the
 * descriptor `standard_error`), "none", or a path. If a file cannot take the line, it goes to syslog. A line
 * for syslog that nobody takes goes to the user's runtime log (policy/runtime_log.h), and to `standard_error`
 * if that is not -1. Never waits for a reader.
 */
void log_line(const struct credentials *rights, const char *where, int standard_error, bool warning,
              const char *text, size_t length);

/* False if lines for syslog have to go to a file. */
bool log_has_logger(void);

/* Does log_file_rotate() for this process's user's runtime log. */
void log_rotate_runtime(void);
/*
 * If the log at `path` belongs to `user` and has RUNTIME_LOG_ROTATED bytes, gives it the name that ends in
 * RUNTIME_LOG_OLD; two processes that do so at once move one file. Needs more rights than the walls leave.
 */
void log_file_rotate(const char *path, uint32_t user);

#endif
