/*
 * Logs connections that never reached the relay, where the policy says: the library's own failures, and
 * connections that stay in plaintext because they were used before the library saw them. The relay logs all
 * others, with the same fields.
 */
#ifndef RETROTLS_PRELOAD_LIBRARY_LOG_H
#define RETROTLS_PRELOAD_LIBRARY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

enum { LIBRARY_LOG_LINE_SIZE = 2048 }; /* three values of 512 bytes at most, and the rest */

enum library_log_result { LIBRARY_LOG_FAILED, LIBRARY_LOG_PLAINTEXT };

/*
 * Logs one line about the connection of `request`: what became of it because of `error`, `milliseconds` after
 * connect() was called. request->settings.log says where the line goes. Never waits; keeps errno.
 */
void library_log_connection(const struct guard_request *request, enum library_log_result result,
                            int64_t milliseconds, const char *error);

/*
 * Whether there is a standard error to log to. A program that has closed it may have a connection under its
 * number, and our line would go into that session as if the program had written it. Changes errno.
 */
bool library_log_has_stderr(void);

/* The text for syslog or a file, and the text for standard error. Each NUL-terminates. */
void library_log_connection_fields(char out[LIBRARY_LOG_LINE_SIZE], const struct guard_request *request,
                                   enum library_log_result result, int64_t milliseconds, const char *error);
void library_log_connection_sentence(char out[LIBRARY_LOG_LINE_SIZE], const struct guard_request *request,
                                     enum library_log_result result, int64_t milliseconds, const char *error);

/* `seconds` since 1970 as 2026-11-24T05:48:00Z (RFC 3339); gmtime_r(3) may read a file. */
enum { LIBRARY_LOG_TIME_SIZE = 32 };
void library_log_time(char out[LIBRARY_LOG_TIME_SIZE], int64_t seconds);

#endif
