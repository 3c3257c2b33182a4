/* Which calls that matter to retrotls a program and its libraries import, from their dynamic symbols. */
#ifndef RETROTLS_COMMAND_REACH_IMPORTED_CALLS_H
#define RETROTLS_COMMAND_REACH_IMPORTED_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    IMPORTED_CALLS_FILES_LIMIT = 64,  /* files with such calls; for more, we keep only the answers below */
    IMPORTED_CALLS_TEXT_LIMIT = 1024, /* bytes of imported_calls_text() */
    IMPORTED_CALLS_NAMES_LIMIT = 256, /* bytes of a list of libraries */
};

struct imported_calls {
    bool connects;                                 /* a file imports connect() */
    bool resolves;                                 /* a file imports one of libc's resolver calls */
    bool loads_more;                               /* the program itself imports dlopen() */
    bool rings;                                    /* a file needs liburing */
    char tls[IMPORTED_CALLS_NAMES_LIMIT];          /* the TLS libraries among the files: "libssl.so.3, ..." */
    char own_resolver[IMPORTED_CALLS_NAMES_LIMIT]; /* DNS libraries that do not go through libc */
    size_t count;
    struct imported_calls_of {
        char name[64]; /* the file's base name */
        uint64_t set;  /* which calls, by their index in the list of imported_calls.c */
    } file[IMPORTED_CALLS_FILES_LIMIT];
};

/*
 * Adds what the file at `path` imports. `program` is true for the program, false for a library. Skips libc's
 * files.
 */
void imported_calls_add(struct imported_calls *calls, const char *path, bool program);

/* Writes "connect getaddrinfo ..." to `text`, and returns it. */
char *imported_calls_text(const struct imported_calls_of *of, char text[IMPORTED_CALLS_TEXT_LIMIT]);

#endif
