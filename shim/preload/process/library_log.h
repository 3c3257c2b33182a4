/*
 * Logs connections that never reached the relay, where the policy says: the library's own failures, and
 * connections that stay in plaintext because they were used before the library saw them. The relay logs all
 * others, with the same fields.
 */
#ifndef RETROTLS_PRELOAD_PROCESS_LIBRARY_LOG_H
#define RETROTLS_PRELOAD_PROCESS_LIBRARY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/log_line.h"
#include "wire/wire.h"

enum { LIBRARY_LOG_LINE_SIZE = 2048 }; /* three values of 512 bytes at most, and the rest */

/* A line to write later. `to` is from the settings. */
struct library_log_line {
    const char *to;
    enum log_result result;
    char text[LIBRARY_LOG_LINE_SIZE];
};

/* The two steps of library_log_connection(). The first makes no system call. The second keeps errno. */
void library_log_compose(struct library_log_line *line, const struct guard_request *request,
                         enum log_result result, int64_t milliseconds, const char *error);
void library_log_write(const struct library_log_line *line);

/*
 * Logs one line about the connection of `request`: what became of it (plaintext, failed) because of `error`,
 * `milliseconds` after connect() was called. request->settings.log says where the line goes. Never waits;
 * keeps errno.
 */
void library_log_connection(const struct guard_request *request, enum log_result result, int64_t milliseconds,
                            const char *error);

/*
 * Logs a line that is not about a connection. `to` is settings.log of whatever the line is about. `room`
 * holds the line, because the caller's stack may be small. Never waits; keeps errno.
 */
void library_log_warning(const char *to, const char *words, char room[LIBRARY_LOG_LINE_SIZE]);

/*
 * True if lines for `log`, a policy's setting, may have to go to standard error, and it can take them: by
 * "stderr", or because there is no logger. If the program has closed it, a connection may have its number,
 * and our line would enter that session as if the program had written it. Changes errno.
 */
bool library_log_may_use_stderr(const char *log);

/* `seconds` since 1970 as 2026-11-24T05:48:00Z (RFC 3339); gmtime_r(3) may read a file. */
enum { LIBRARY_LOG_TIME_SIZE = 32 };
void library_log_time(char out[LIBRARY_LOG_TIME_SIZE], int64_t seconds);

#endif
