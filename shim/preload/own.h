/* This library itself, where it is loaded. */
#ifndef RETROTLS_PRELOAD_OWN_H
#define RETROTLS_PRELOAD_OWN_H

#include <stdbool.h>

/* Whether the address, of a function say, is in it. */
bool own_has(const void *address);

#endif
