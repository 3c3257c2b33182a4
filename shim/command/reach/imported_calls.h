/* Which calls that matter to retrotls a program and its libraries import, from their dynamic symbols. */
#ifndef RETROTLS_COMMAND_REACH_IMPORTED_CALLS_H
#define RETROTLS_COMMAND_REACH_IMPORTED_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    IMPORTED_CALLS_FILES_LIMIT = 64,  /* files with such calls; of any more we keep only the answers below */
    IMPORTED_CALLS_TEXT_LIMIT = 1024, /* bytes of imported_calls_text() */
    IMPORTED_CALLS_NAMES_LIMIT = 256, /* bytes of a list of libraries */
};

struct imported_calls {
    bool connects;                                 /* some file imports connect() */
    bool resolves;                                 /* some file imports a resolver call of libc's */
    bool loads_more;                               /* the program itself imports dlopen() */
    bool rings;                                    /* some file needs liburing */
    char tls[IMPORTED_CALLS_NAMES_LIMIT];          /* the TLS libraries among the files: "libssl.so.3, ..." */
    char own_resolver[IMPORTED_CALLS_NAMES_LIMIT]; /* DNS libraries that do not ask libc */
    size_t count;
    struct imported_calls_of {
        char name[64]; /* the file's base name */
        uint64_t set;  /* which calls, by their index in the list of imported_calls.c */
    } file[IMPORTED_CALLS_FILES_LIMIT];
};

/*
 * Adds what the file at `path` imports. `program`: it is the program, not a library. Skips the files of libc.
 */
void imported_calls_add(struct imported_calls *calls, const char *path, bool program);

/* Writes "connect getaddrinfo ..." to `text`, and returns it. */
char *imported_calls_text(const struct imported_calls_of *of, char text[IMPORTED_CALLS_TEXT_LIMIT]);

#endif
