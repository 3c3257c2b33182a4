/*
 * SMC sockets (Linux 4.11, net/smc), which smc_run(8) and others make in place of TCP sockets. They connect
 * to an IP address, shake hands over TCP, and stay on TCP if the peer does not know SMC.
 */
#ifndef RETROTLS_PRELOAD_GUARD_SMC_H
#define RETROTLS_PRELOAD_GUARD_SMC_H

#include <stdbool.h>

/* True if `fd` is an SMC socket; `protocol` is its SO_PROTOCOL, or -1 if that is not known. */
bool smc_is(int fd, int protocol);

#endif
