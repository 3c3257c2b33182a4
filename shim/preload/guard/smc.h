/*
 * SMC sockets (Linux 4.11, net/smc): smc_run(8) and others make them of TCP sockets. They are connected to an
 * IP address, shake hands over TCP, and stay on TCP where the peer does not know SMC.
 */
#ifndef RETROTLS_PRELOAD_GUARD_SMC_H
#define RETROTLS_PRELOAD_GUARD_SMC_H

#include <stdbool.h>

/* Whether `fd` is one; `protocol` is its SO_PROTOCOL, -1 where that is not known. */
bool smc_is(int fd, int protocol);

#endif
