/* The first line of a script, as execve(2) reads it, and what env(1) makes of its arguments. */
#ifndef RETROTLS_COMMAND_REACH_SHEBANG_H
#define RETROTLS_COMMAND_REACH_SHEBANG_H

#include <stdbool.h>
#include <stddef.h>

enum { SHEBANG_LIMIT = 256 }; /* BINPRM_BUF_SIZE: what the kernel looks at */

enum shebang_kind {
    SHEBANG_NONE,    /* does not start with "#!" */
    SHEBANG_BAD,     /* names no interpreter, or one that the kernel would cut off */
    SHEBANG_READ,    /* `interpreter` is set */
    SHEBANG_OBSCURE, /* env(1) with arguments that are not understood here */
    SHEBANG_CLEARS,  /* env(1) told to drop the environment, or LD_PRELOAD */
};

struct shebang {
    char interpreter[SHEBANG_LIMIT];
    char program[SHEBANG_LIMIT]; /* where the interpreter is env(1): what env runs; else "" */
};

enum shebang_kind shebang_read(struct shebang *line, const void *bytes, size_t size);

/* Whether a shell would refuse the file as no text: a NUL before the first line's end. */
bool shebang_is_binary(const void *bytes, size_t size);

#endif
