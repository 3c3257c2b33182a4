/* Reads the first line of a script as execve(2) does, and interprets its arguments as env(1) does. */
#ifndef RETROTLS_PROGRAM_SHEBANG_H
#define RETROTLS_PROGRAM_SHEBANG_H

#include <stdbool.h>
#include <stddef.h>

enum { SHEBANG_LIMIT = 256 }; /* BINPRM_BUF_SIZE: as much as the kernel looks at */

enum shebang_kind {
    SHEBANG_NONE,    /* does not start with "#!" */
    SHEBANG_BAD,     /* names no interpreter, or one that the kernel would truncate */
    SHEBANG_READ,    /* `interpreter` is set */
    SHEBANG_OBSCURE, /* env(1) with arguments that we do not understand */
    SHEBANG_CLEARS,  /* env(1) that empties LD_PRELOAD */
};

struct shebang {
    char interpreter[SHEBANG_LIMIT];
    char program[SHEBANG_LIMIT]; /* what env(1) runs, if that is the interpreter; else "" */
};

enum shebang_kind shebang_read(struct shebang *line, const void *bytes, size_t size);

/* True if a shell would refuse the file as binary: there is a NUL before the end of the first line. */
bool shebang_is_binary(const void *bytes, size_t size);

#endif
