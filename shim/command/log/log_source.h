/* Where lines of the log may be: the journal, files of syslog's, those that a policy names, our own. */
#ifndef RETROTLS_COMMAND_LOG_LOG_SOURCE_H
#define RETROTLS_COMMAND_LOG_LOG_SOURCE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "command/log/log_record.h"

enum { LOG_SOURCES = 12, LOG_SOURCE_LINE = 8192, LOG_SOURCE_PATH = 1024 };

struct log_source {
    char name[LOG_SOURCE_PATH]; /* its path, or "the journal" */
    enum log_form form;
    bool own;  /* it lies in a folder of everybody's, and counts only if it is this user's */
    int fd;    /* -1: not open */
    int error; /* why it is not: an errno, or 0 if there is none */
    char line[LOG_SOURCE_LINE];
    size_t used;
    bool skip; /* up to the next newline: the line's start is missing, or did not fit */
    dev_t device;
    ino_t inode;
};

/*
 * Finds all sources and opens them. `lines`: how many the journal should show at first; `follow`: then go on
 * with new ones. Returns how many there are.
 */
size_t log_sources_open(struct log_source source[LOG_SOURCES], unsigned lines, bool follow);

/* Opens a file that has been begun anew since, or that was missing. The journal follows by itself. */
void log_source_renew(struct log_source *source);

/*
 * Reads what there is now, and calls `each` for each of our lines. Returns false at the end of the journal.
 */
bool log_source_read(struct log_source *source, void (*each)(struct log_record *record));

#endif
