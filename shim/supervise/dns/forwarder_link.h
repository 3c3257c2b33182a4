/* The supervisor's side of the forwarder. */
#ifndef RETROTLS_SUPERVISE_DNS_FORWARDER_LINK_H
#define RETROTLS_SUPERVISE_DNS_FORWARDER_LINK_H

#include <stdbool.h>

#include "supervise/dns/forwarding.h"

/*
 * Starts the forwarder. Call this after names_start(), but before the process has threads, or any descriptor
 * that the forwarder must not inherit. Without a forwarder, all names count as unseen.
 */
void forwarder_start(void);

/* A descriptor to poll: readable if forwarder_hear() has something to return. -1: there is no forwarder. */
int forwarder_channel(void);
/*
 * Reads one message. Returns false if there is none now. Once the forwarder has ended, all names count as
 * unseen.
 */
bool forwarder_hear(struct forwarding *what);

/* Gives the forwarder copies of two descriptors. False if there is no forwarder. */
bool forwarder_give(const struct forwarding *what, int program, int server);

/* Notes that a name may have been looked up in a way that we do not see. This cannot be undone. */
void forwarder_note_unseen(void);
bool forwarder_has_unseen(void);

#endif
