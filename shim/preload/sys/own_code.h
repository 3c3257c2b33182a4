/* The memory into which this library is loaded. */
#ifndef RETROTLS_PRELOAD_SYS_OWN_CODE_H
#define RETROTLS_PRELOAD_SYS_OWN_CODE_H

#include <stdbool.h>

/* Whether the address (of a function, for example) is in this library. */
bool own_code_has(const void *address);

#endif
