/*
 * TCP's part of a guarded connect(). We never wait for the TCP socket, which no number of the program refers
 * to. If the outcome takes time, we switch the program's numbers first and then wait for the relay. So
 * whatever ends the call early (a handler that leaves by longjmp(3), a cancelled thread), the program is left
 * with one end of a pending pair. Nothing it does with that end, through stdio or raw system calls, reaches
 * the network in the clear.
 */
#ifndef RETROTLS_PRELOAD_GUARD_TCP_CONNECT_H
#define RETROTLS_PRELOAD_GUARD_TCP_CONNECT_H

#include "preload/guard/guard.h"
#include "preload/sys/sys.h"

/*
 * Begins to connect the nonblocking `tcp`, without waiting. Returns 0, EINPROGRESS or the errno of
 * connect(2). `may_wait`: the program's call would wait for the outcome, so report one that is known at once.
 * Signals must be blocked, including the one that libc uses to cancel threads.
 */
int tcp_connect_begin(int tcp, const struct sockaddr_storage *address, socklen_t length, bool may_wait);

/*
 * Calls another preload's connect() for the copy (guard_connects_by_another()), with the program's signals
 * open, because it may take its time. A proxy's (proxychains) puts another socket, connected to the proxy,
 * under the number; that socket is then the connection. What it writes to the proxy passes through this
 * library, which must not touch it. Returns 0 or the errno of connect(2).
 */
int tcp_connect_by_another(struct guard *guard, const struct sockaddr_storage *address, socklen_t length,
                           sys_signals *signals);

/*
 * Waits, as a blocking connect(2) would and with the program's signals open, for the outcome that the relay
 * reports after guard_hand_over(WIRE_PENDING_REPORTED). Returns 0 or the errno of connect(2). After EINTR, or
 * EINPROGRESS when SO_SNDTIMEO has run out, the connection goes on. After a failure the program's numbers
 * refer to the TCP socket again, as it was before connect(). ENETUNREACH with guard->why set means that the
 * relay has failed.
 */
int tcp_connect_await(struct guard *guard, sys_signals *signals);

#endif
