/*
 * The libc function behind an interposed one, looked up at its first use: a program may load libresolv or
 * libanl later, with a plugin.
 */
#ifndef RETROTLS_PRELOAD_LIBC_NEXT_H
#define RETROTLS_PRELOAD_LIBC_NEXT_H

#include <stdatomic.h>

struct next {
    const char *name;
    const char *alias;   /* tried if there is none of that name; or NULL */
    const char *library; /* has it if libc does not, perhaps loaded by a plugin; or NULL */
    _Atomic(void *) found;
};

/*
 * Returns the next definition after this library's (dlsym(3), RTLD_NEXT), so that other preloads keep
 * working, or NULL with errno ENOSYS if there is none.
 */
void *next(struct next *function);

#endif
