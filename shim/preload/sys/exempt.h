/*
 * If every program of a machine loads the library (/etc/ld.so.preload), the relay and retrotls-check load it
 * too. These two speak to mail servers themselves, and the library must leave their connections alone. They
 * identify themselves by a symbol, which no environment can fake.
 */
#ifndef RETROTLS_PRELOAD_SYS_EXEMPT_H
#define RETROTLS_PRELOAD_SYS_EXEMPT_H

#include <stdbool.h>
#include <stddef.h>

/* Only these two programs define it; in all others its address is NULL. */
extern const char retrotls_speaks_itself __attribute__((weak, visibility("default")));

static inline bool is_exempt(void)
{
    return &retrotls_speaks_itself != NULL;
}

#endif
