/* Where the real connection goes: the policy may send it elsewhere than the program asked. */
#ifndef RETROTLS_PRELOAD_GUARD_CONNECT_TO_H
#define RETROTLS_PRELOAD_GUARD_CONNECT_TO_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/settings.h"
#include "wire/wire.h"

/*
 * True if `settings` change where a connection to the port `asked` goes: to the host or port of connect-to
 * or, with TLS from the first byte, to the port that the protocol has for that.
 */
bool connect_to_changes(const struct settings *settings, uint16_t asked);

/*
 * Applies `settings` to `asked`, in the address family of the socket `fd`. This may look up a host name, so
 * the caller must hold no lock and should have signals unblocked. Returns false if the host has no address of
 * that family.
 */
bool connect_to_of(const struct settings *settings, int fd, const struct wire_address *asked,
                   struct wire_address *target);

/* 127.0.0.1 for 0.0.0.0 and ::1 for ::, where the kernel connects instead; other addresses unchanged. */
struct wire_address connect_to_destination(const struct wire_address *asked);

#endif
