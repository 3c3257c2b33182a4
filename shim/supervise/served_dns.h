/*
 * Calls by which a program asks DNS servers itself (dns_forward.h), and other signs that it looks up names.
 * These functions run in the main loop and return at once, except for served_receive().
 */
#ifndef RETROTLS_SUPERVISE_SERVED_DNS_H
#define RETROTLS_SUPERVISE_SERVED_DNS_H

#include <stdbool.h>

#include "supervise/call.h"
#include "supervise/dns_forward.h"

/*
 * True if a call that sends or receives messages may be about DNS. Most calls of sendmsg(2), sendmmsg(2),
 * recvfrom(2), recvmsg(2) and recvmmsg(2) are not; this needs only the thread's number to tell.
 */
bool serve_dns_concerns(struct call *call);

/*
 * connect(2) of a socket other than TCP. The address must have been copied. True if the call has been
 * answered.
 */
bool serve_dns_connect(struct call *call);

/* True if an unguarded connect(2) of a TCP socket is to a DNS server. The address must have been copied. */
bool serve_dns_is_asked(const struct call *call);
/* Begins that connect(2). Returns as plain_connect_begin() does. */
int serve_dns_begin_stream(struct call *call);

/*
 * sendto(2), sendmsg(2) and sendmmsg(2) to a DNS server, and getsockname(2) and getpeername(2) afterwards.
 * True as for serve_dns_connect().
 */
bool serve_dns_send(struct call *call);
bool serve_dns_name(struct call *call);

/* Handles messages from the forwarder: a server has refused, and the program's socket must report that. */
void serve_dns_news(void);

/* True if the socket receives its datagrams from the forwarder. */
bool serve_dns_receives(const struct call *call);
/*
 * recvfrom(2), recvmsg(2) and recvmmsg(2) on such a socket: shows the server's address as the source of the
 * datagrams. Returns false if there is none yet, and the call has to wait: then run served_receive() in a
 * thread of its own.
 */
bool serve_dns_receive(struct call *call);
void served_receive(struct call *call);

#endif
