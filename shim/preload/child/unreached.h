/*
 * Finds out, from the beginning of a file, whether the library would be loaded into the program that this one
 * is about to start. A program without the library makes its connections unguarded.
 *
 * Safe in a signal handler and in a child of vfork(2).
 */
#ifndef RETROTLS_PRELOAD_CHILD_UNREACHED_H
#define RETROTLS_PRELOAD_CHILD_UNREACHED_H

#include <stdbool.h>
#include <stdint.h>

#include "program/elf.h"
#include "program/shebang.h"

enum unreached {
    UNREACHED_NOT,    /* it is loaded; or the kernel will refuse it */
    UNREACHED_STATIC, /* no loader */
    UNREACHED_GO,     /* it is loaded, but the program calls the kernel without libc */
    UNREACHED_PASCAL, /* likewise (program/marks.h) */
    UNREACHED_RIGHTS, /* the loader ignores LD_PRELOAD: set-id bits, file capabilities, mixed ids (AT_SECURE)
                       */
    UNREACHED_OTHER_BITS, /* 32 bits under a 64-bit library, or the reverse, and LD_PRELOAD names one file */
    UNREACHED_UNREADABLE, /* it may be any of these: we may execute the file, but not read it */
};

struct unreached_program {
    enum unreached why;
    bool own; /* the file is this program's own */
    /*
     * It is certainly unreached, and may call connect(). False for UNREACHED_UNREADABLE, and for
     * UNREACHED_RIGHTS if it does not import connect().
     */
    bool connects;
};

/* What it takes to look at a file: too much for threads' stacks, which may be small. */
struct unreached_room {
    uint8_t beginning[2048]; /* holds the program headers, and what they say of the loader */
    struct elf_piece piece[ELF_PIECES];
    uint8_t piece_bytes[2048];
    struct shebang line;
    char interpreter[SHEBANG_LIMIT];
};

/* `one_file`: LD_PRELOAD has the library as a path without variables. Keeps errno. */
struct unreached_program unreached_look(const char *path, bool one_file, struct unreached_room *room);

#endif
