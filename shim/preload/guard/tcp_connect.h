/*
 * TCP's part of a guarded connect(). The TCP socket, which no number of the program's refers to, is never
 * waited for: where the outcome takes time, the program's numbers are switched first and the relay is waited
 * for. So whatever ends the call on the way (a handler that leaves by longjmp(3), a cancelled thread), the
 * program is left with one end of a pending pair: nothing that it does with that, by stdio or by raw system
 * calls, reaches the network in clear.
 */
#ifndef RETROTLS_PRELOAD_GUARD_TCP_CONNECT_H
#define RETROTLS_PRELOAD_GUARD_TCP_CONNECT_H

#include "preload/guard/guard.h"
#include "preload/sys/sys.h"

/*
 * Begins to connect the nonblocking `tcp`, in no time. Returns 0, EINPROGRESS or the errno of connect(2).
 * `may_wait`: the program's call is to wait for the outcome, so what is known at once is told. Wants signals
 * blocked, which shall include that libc's cancellation of threads is.
 */
int tcp_connect_begin(int tcp, const struct sockaddr_storage *address, socklen_t length, bool may_wait);

/*
 * Waits for the outcome that the relay tells in guard_hand_over(WIRE_PENDING_TOLD), with the program's
 * signals open, as a blocking connect(2) would: its errno, or 0; EINTR, or EINPROGRESS after SO_SNDTIMEO,
 * where the connection goes on. After a failure the program's numbers are the TCP socket again, as it was
 * before connect(). ENETUNREACH with guard->why set where the relay has failed.
 */
int tcp_connect_await(struct guard *guard, sys_signals *signals);

#endif
