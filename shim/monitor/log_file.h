/*
 * The log: a file that is the user's own whatever others do to its folders, or syslog. Only the monitor
 * writes it, and only whole lines of printable ASCII, whoever composed them.
 */
#ifndef RETROTLS_MONITOR_LOG_FILE_H
#define RETROTLS_MONITOR_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "monitor/credentials.h"

enum { LOG_LINE_LIMIT = 4096 }; /* bytes of a line, its end included */

/*
 * Opens the file `path` for appending, and makes it where it is not there (mode 0600). A symbolic link on the
 * way to it is followed only where it is root's or the user's own; the last name must be none. The file must
 * be regular, have that one name, and be the user's or root's. -1 with errno.
 */
int log_file_open(const struct credentials *rights, const char *path);

/*
 * Writes one line of `length` bytes to where `log` in a policy says: NULL or "syslog", "stderr" (the
 * descriptor `standard_error`), "none", or a path. A line that a file does not take goes to syslog. Never
 * waits for a reader.
 */
void log_line(const struct credentials *rights, const char *where, int standard_error, bool warning,
              const char *text, size_t length);

#endif
