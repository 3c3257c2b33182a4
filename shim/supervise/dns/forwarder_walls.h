/* Confines the forwarder. */
#ifndef RETROTLS_SUPERVISE_DNS_FORWARDER_WALLS_H
#define RETROTLS_SUPERVISE_DNS_FORWARDER_WALLS_H

#include <stdbool.h>

/*
 * From now on this process can open nothing, connect to nothing, run nothing and look at no other process,
 * and it has no privileges. Returns false with errno set if the kernel cannot do that.
 */
bool forwarder_shut_in(void);

#endif
