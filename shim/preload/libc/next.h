/*
 * The function that an interposed resolver call stands in front of, looked up at its first use: a program may
 * load libresolv or libanl only later, with a plugin.
 */
#ifndef RETROTLS_PRELOAD_LIBC_NEXT_H
#define RETROTLS_PRELOAD_LIBC_NEXT_H

#include <stdatomic.h>

struct next {
    const char *name;
    const char *alias;   /* tried where there is none of that name; or NULL */
    const char *library; /* where it lives outside of libc, for a plugin that loaded it by itself; or NULL */
    _Atomic(void *) found;
};

/*
 * The next definition after this library's (dlsym(3), RTLD_NEXT), so that other preloads keep working.
 * NULL with errno ENOSYS where there is none.
 */
void *next(struct next *function);

#endif
