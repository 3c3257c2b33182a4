/*
 * Where the library is loaded into every program of a machine (/etc/ld.so.preload), it is in the relay too,
 * and in retrotls-check: these speak to mail servers themselves, and what they do is to pass as it is. They
 * show who they are by a symbol, which no environment can fake.
 */
#ifndef RETROTLS_PRELOAD_EXEMPT_H
#define RETROTLS_PRELOAD_EXEMPT_H

#include <stdbool.h>
#include <stddef.h>

/* Defined by these two programs alone; elsewhere its address is NULL. */
extern const char retrotls_speaks_itself __attribute__((weak, visibility("default")));

static inline bool is_exempt(void)
{
    return &retrotls_speaks_itself != NULL;
}

#endif
