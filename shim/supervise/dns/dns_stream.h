/* The part of dns_session.h that is about TCP (RFC 1035, 4.2.2; RFC 7766). */
#ifndef RETROTLS_SUPERVISE_DNS_DNS_STREAM_H
#define RETROTLS_SUPERVISE_DNS_DNS_STREAM_H

#include "supervise/dns/dns_session.h"

void dns_stream_wants(const struct dns_session *session, struct pollfd set[2]);
/* False if the session is over. */
bool dns_stream_serve(struct dns_session *session, const struct pollfd set[2], struct forwarder_state *state);

#endif
