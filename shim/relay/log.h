/*
 * One line for each connection, once the outcome of its negotiation is known.
 *
 * Every value is cleaned, quoted where it is text, and cut: nothing from outside can forge a field or a line.
 * Writing it never holds a connection up: what would block is left out.
 */
#ifndef RETROTLS_RELAY_LOG_H
#define RETROTLS_RELAY_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/settings.h"
#include "wire/wire.h"

enum log_result { RESULT_TLS, RESULT_PLAINTEXT, RESULT_FAILED };

struct log_line {
    const char *program; /* path; NULL: unknown */
    uint32_t pid;
    const char *server; /* host name, or the address again */
    struct wire_address address;
    const char *protocol;
    enum level level;
    bool testing;
    enum log_result result;
    const char *version, *cipher; /* (tls) */
    const char *verified; /* (tls) the name or the fingerprint that matched; "" where nothing was checked */
    bool resumed;         /* (tls) */
    int64_t milliseconds; /* since connect() was called */
    const char *rule;     /* NULL: unknown */
    const char *error;    /* why not, or (testing, plaintext) what would have failed; "": nothing */
};

/*
 * Where `log` in a policy says: NULL or "syslog", "stderr", "none", or a path. `opened` is standard error, or
 * what log_open() has opened; -1: not yet.
 */
void log_write(const char *where, int opened, const struct log_line *line);
/* The same of something that no connection is to blame for. `text` needs no cleaning. */
void log_warning(const char *where, int opened, const char *text);

/* The file `path`, for lines to be written to; -1 where it cannot be. */
int log_open(const char *path);

/* What log_write() writes, without time or line end. Each returns the text's length, less than `size`. */
enum { LOG_LINE_LIMIT = 4096 };
size_t log_fields(char *to, size_t size, const struct log_line *line);   /* key=value, for machines */
size_t log_sentence(char *to, size_t size, const struct log_line *line); /* for a person */

#endif
