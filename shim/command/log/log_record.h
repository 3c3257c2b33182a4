/* One line of the log, as it is read back. */
#ifndef RETROTLS_COMMAND_LOG_LOG_RECORD_H
#define RETROTLS_COMMAND_LOG_LOG_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* The fields of libretrotls(7), in their order there; then `warning`, which stands alone. */
#define LOG_FIELDS(FIELD)               \
    FIELD(RESULT, "result", false)      \
    FIELD(PROGRAM, "program", false)    \
    FIELD(PID, "pid", true)             \
    FIELD(SERVER, "server", false)      \
    FIELD(ADDRESS, "address", false)    \
    FIELD(PORT, "port", true)           \
    FIELD(PROTOCOL, "protocol", false)  \
    FIELD(LEVEL, "level", false)        \
    FIELD(TESTING, "testing", false)    \
    FIELD(VERSION, "version", false)    \
    FIELD(CIPHER, "cipher", false)      \
    FIELD(RESUMED, "resumed", false)    \
    FIELD(VERIFIED, "verified", false)  \
    FIELD(MS, "ms", true)               \
    FIELD(RULE, "rule", false)          \
    FIELD(DISCARDED, "discarded", true) \
    FIELD(ERROR, "error", false)        \
    FIELD(REASON, "reason", false)      \
    FIELD(WARNING, "warning", false)

enum log_field {
#define LOG_FIELD(KEY, name, number) LOG_##KEY,
    LOG_FIELDS(LOG_FIELD)
#undef LOG_FIELD
        LOG_FIELD_COUNT,
};

const char *log_field_name(enum log_field field);
/* True if the field's value is a decimal number. */
bool log_field_is_number(enum log_field field);

struct log_record {
    time_t time;
    const char *value[LOG_FIELD_COUNT]; /* printable ASCII, in `text`; NULL: absent */
    char *text;                         /* freed by log_record_free() */
};

/*
 * How a line begins before its fields: in a file of ours with the time, in the journal's `short-unix` output
 * and in a file of syslog's with time, host and "retrotls[PID]:". Time in syslog's files is local and may
 * lack the year: the latest that is not after `now` then.
 */
enum log_form { LOG_OWN, LOG_JOURNAL, LOG_SYSLOG };

/*
 * Reads a line without its newline. False if it is not one of ours: another program's, cut, or with a field
 * that we do not know before the first that we know. Anyone may write to a log, so nothing is taken on trust.
 */
bool log_record_read(struct log_record *record, enum log_form form, const char *line, time_t now);
void log_record_free(struct log_record *record);

#endif
