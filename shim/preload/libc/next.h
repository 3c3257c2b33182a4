/*
 * The libc function behind an interposed one, looked up at its first use: a program may load libresolv or
 * libanl later, with a plugin.
 */
#ifndef RETROTLS_PRELOAD_LIBC_NEXT_H
#define RETROTLS_PRELOAD_LIBC_NEXT_H

/* Those that calls.def has as NEXT. */
enum next_call {
#define NEXT(name, libc, doctor, alias, library) NEXT_##name,
#include "preload/calls.def"
    NEXT_CALLS
};

/*
 * Returns the next definition after this library's (dlsym(3), RTLD_NEXT), so that other preloads keep
 * working, or NULL with errno ENOSYS if there is none.
 */
void *next(enum next_call which);

/*
 * Looks up those that a program may call in a signal handler or after vfork(2), where dlsym(3) is not
 * allowed. For the constructor.
 */
void next_start(void);

#endif
