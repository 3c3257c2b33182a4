/* Where the real connection goes: the policy may send it elsewhere than the program asked. */
#ifndef RETROTLS_PRELOAD_GUARD_CONNECT_TO_H
#define RETROTLS_PRELOAD_GUARD_CONNECT_TO_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/settings.h"
#include "wire/wire.h"

/*
 * Whether `settings` send a connection to the port `asked` elsewhere: to connect-to's host or port, or, with
 * TLS from the first byte, to the port that the protocol has for that.
 */
bool connect_to_changes(const struct settings *settings, uint16_t asked);

/*
 * `asked` as `settings` change it, in the family of the socket `fd`. A host name is looked up; no lock may be
 * held and signals should be open. False where it has no address of that family.
 */
bool connect_to_of(const struct settings *settings, int fd, const struct wire_address *asked,
                   struct wire_address *target);

#endif
