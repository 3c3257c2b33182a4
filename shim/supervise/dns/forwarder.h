/* The forwarder: see forwarding.h. */
#ifndef RETROTLS_SUPERVISE_DNS_FORWARDER_H
#define RETROTLS_SUPERVISE_DNS_FORWARDER_H

#include "supervise/dns/forwarding.h"

/* Serves until the supervisor closes its end of `channel`. names_start() must have been called. */
void forwarder_run(int channel, struct forwarder_state *state);

#endif
