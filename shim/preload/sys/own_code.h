/* This library itself, where it is loaded. */
#ifndef RETROTLS_PRELOAD_SYS_OWN_CODE_H
#define RETROTLS_PRELOAD_SYS_OWN_CODE_H

#include <stdbool.h>

/* Whether the address, of a function say, is in it. */
bool own_code_has(const void *address);

#endif
