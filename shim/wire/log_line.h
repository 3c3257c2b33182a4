/*
 * One line of the log: what became of one connection. The relay writes most of them; the library those of
 * connections that never reach it.
 *
 * Every value is cleaned, quoted if it is text, and cut, so that nothing from outside can forge a field or a
 * line.
 */
#ifndef RETROTLS_WIRE_LOG_LINE_H
#define RETROTLS_WIRE_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/settings.h"
#include "wire/wire.h"

/* RESULT_UNGUARDED: the policy leaves it alone, though its port is one of mail's. */
enum log_result { RESULT_TLS, RESULT_PLAINTEXT, RESULT_FAILED, RESULT_UNGUARDED };

/* The environment variable that holds the process ID of the program that `retrotls -v` became. */
#define VERBOSE_VARIABLE "RETROTLS_VERBOSE"

struct log_line {
    const char *program; /* path; NULL: unknown */
    uint32_t pid;
    const char *server; /* host name; NULL: the address again */
    struct wire_address address;
    const char *protocol;
    enum level level;
    bool testing;
    enum log_result result;
    const char *version, *cipher; /* (tls) */
    const char *verified;         /* (tls) the name or fingerprint that matched; "" if nothing was checked */
    bool resumed;                 /* (tls) */
    bool implicit;                /* (tls) from the first byte */
    uint16_t alternative; /* the port that was connected to in place of the program's; 0: the program's own */
    int64_t milliseconds; /* since connect() was called */
    const char *rule;     /* NULL: unknown */
    size_t discarded;     /* bytes dropped from a program that left before hearing of the failure */
    /* Why it failed or is unguarded, or (testing, plaintext) what would have failed; "": nothing. */
    const char *error;
};

/* Without time or line end; cut where it does not fit. Both NUL-terminate and return the length. */
size_t log_line_fields(char *to, size_t size, const struct log_line *line);   /* key=value, for machines */
size_t log_line_sentence(char *to, size_t size, const struct log_line *line); /* for a person */

#endif
