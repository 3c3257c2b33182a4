/*
 * Logs one line for each connection, once the outcome of its negotiation is known.
 *
 * Every value is cleaned, quoted if it is text, and cut, so that nothing from outside can forge a field or a
 * line. Logging never delays a connection: a write that would block is dropped.
 */
#ifndef RETROTLS_RELAY_RELAY_LOG_H
#define RETROTLS_RELAY_RELAY_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor/log_file.h"
#include "relay/sandbox/monitor_client.h"
#include "wire/settings.h"
#include "wire/wire.h"

enum relay_log_result { RESULT_TLS, RESULT_PLAINTEXT, RESULT_FAILED };

struct relay_log_line {
    const char *program; /* path; NULL: unknown */
    uint32_t pid;
    const char *server; /* host name, or the address again */
    struct wire_address address;
    const char *protocol;
    enum level level;
    bool testing;
    enum relay_log_result result;
    const char *version, *cipher; /* (tls) */
    const char *verified;         /* (tls) the name or fingerprint that matched; "" if nothing was checked */
    bool resumed;                 /* (tls) */
    int64_t milliseconds;         /* since connect() was called */
    const char *rule;             /* NULL: unknown */
    size_t discarded;             /* bytes dropped from a program that left before hearing of the failure */
    const char *error; /* why it failed, or (testing, plaintext) what would have failed; "": nothing */
};

/*
 * Writes to `where`, which the policy of `files` names: NULL or "syslog", "stderr", "none", or a path. The
 * monitor does the writing (monitor/log_file.h). `last`: the files are not needed any more.
 */
void relay_log_write(struct files *files, const char *where, bool last, const struct relay_log_line *line);
/* The same for a warning that concerns no single connection. `text` needs no cleaning. */
void relay_log_warning(struct files *files, const char *where, const char *text);

/*
 * What relay_log_write() writes, without time or line end. Both return the length, which is less than `size`.
 */
size_t relay_log_fields(char *to, size_t size,
                        const struct relay_log_line *line); /* key=value, for machines */
size_t relay_log_sentence(char *to, size_t size, const struct relay_log_line *line); /* for a person */

#endif
