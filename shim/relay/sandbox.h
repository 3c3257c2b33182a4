/*
 * The relay reads what strangers send, so it gives up what it does not need: whoever takes it over finds no
 * program to run, no file but the trust store, no way to another process and no socket but those it has.
 */
#ifndef RETROTLS_RELAY_SANDBOX_H
#define RETROTLS_RELAY_SANDBOX_H

#include <stdbool.h>

#include "relay/connection.h"
#include "relay/domain.h"

/*
 * Shuts the process in, before it has another thread; no_new_privs has to be set. `off`: it does not (for
 * debugging), and the log tells. False where it has not the memory or the descriptors for that: the process
 * must end. Until it is called, as in unit tests, nothing here does anything.
 */
bool sandbox_enter(bool off);

/*
 * For the loop's thread, before another one is given `c`: the domain that it has to be in, and c->log opened,
 * as that thread may not. Where there are no domains they are all the same.
 */
void sandbox_plan(struct domain *domain, struct connection *c);

/*
 * For the thread of `c`, the first that it serves: takes `domain` on, which is that of `c`. Where it cannot,
 * it returns false, and c->request.failure says why: the thread serves no other connection.
 */
bool sandbox_enter_domain(const struct domain *domain, struct connection *c);

/* Tells in the log of `c` which of the walls are missing: once in the process, and nothing if none is. */
void sandbox_tell(const struct connection *c);

#endif
