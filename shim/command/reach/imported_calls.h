/* Which calls that matter to retrotls a program and its libraries import, read from their dynamic symbols. */
#ifndef RETROTLS_COMMAND_REACH_IMPORTED_CALLS_H
#define RETROTLS_COMMAND_REACH_IMPORTED_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CALLS_FILES_LIMIT = 64,  /* files with such calls; of further ones only the answers below are kept */
    CALLS_TEXT_LIMIT = 1024, /* bytes of calls_text() */
    CALLS_NAMES_LIMIT = 256, /* bytes of a list of libraries */
};

struct calls {
    bool connects;                        /* some file imports connect() */
    bool resolves;                        /* some file imports a resolver call of libc's */
    bool loads_more;                      /* the program itself imports dlopen() */
    bool rings;                           /* some file needs liburing */
    char tls[CALLS_NAMES_LIMIT];          /* TLS libraries among the files: "libssl.so.3, ..." */
    char own_resolver[CALLS_NAMES_LIMIT]; /* DNS libraries that do not ask libc */
    size_t count;
    struct calls_of {
        char name[64]; /* the file's base name */
        uint64_t set;  /* which calls, by their place in the list of imported_calls.c */
    } file[CALLS_FILES_LIMIT];
};

/* Adds what the file at `path` imports; `program`: it is the program, no library. libc's own are left out. */
void calls_add(struct calls *calls, const char *path, bool program);

/* "connect getaddrinfo ...", into `text`; returns it. */
char *calls_text(const struct calls_of *of, char text[CALLS_TEXT_LIMIT]);

#endif
