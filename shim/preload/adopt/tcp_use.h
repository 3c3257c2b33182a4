/* What has become of a TCP socket, told by the kernel's counters (TCP_INFO, tcp(7)). */
#ifndef RETROTLS_PRELOAD_ADOPT_TCP_USE_H
#define RETROTLS_PRELOAD_ADOPT_TCP_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tcp_use {
    USE_NONE,       /* neither connected nor connecting: no byte can cross it as it is */
    USE_CONNECTING, /* SYN_SENT */
    USE_ACCEPTED,   /* a server's side: accept(2) made it */
    USE_UNTOUCHED,  /* connected, nothing written, and all that has come is still there to be read */
    USE_TOUCHED,    /* connected, and used */
};

/* As the kernel lays struct tcp_info out (include/uapi/linux/tcp.h); every libc has another part of it. */
struct tcp_counts {
    uint8_t state;
    uint8_t before_acked[119];
    uint64_t bytes_acked;    /* Linux 4.1 */
    uint64_t bytes_received; /* Linux 4.1 */
    uint32_t segs_out, segs_in;
    uint32_t notsent_bytes; /* Linux 4.6 */
    uint32_t min_rtt, data_segs_in;
    uint32_t data_segs_out; /* Linux 4.6 */
    uint8_t before_sent[40];
    uint64_t bytes_sent;    /* Linux 4.19 */
    uint64_t bytes_retrans; /* Linux 4.19 */
};

/*
 * The use of a socket of which getsockopt(TCP_INFO) gave the first `length` bytes of `counts`, and ioctl(2)
 * `unread` (FIONREAD) and `unacked` (SIOCOUTQ) at the same time. A field beyond `length` counts for nothing;
 * without bytes_acked and bytes_received a connection counts as touched.
 *
 * Who connected is told by bytes_acked: the SYN that connect(2) sends counts there as one byte, what
 * accept(2) gives has sent none (net/ipv4/tcp_input.c; tried on Linux 6.18). A FIN that has come counts one
 * in bytes_received. In doubt it is TOUCHED.
 */
enum tcp_use tcp_use_of(const struct tcp_counts *counts, size_t length, uint32_t unread, uint32_t unacked);

/* The same of a descriptor, a TCP socket. Keeps errno. USE_TOUCHED where the kernel tells nothing. */
enum tcp_use tcp_use(int fd);

/* The state of a TCP socket (TCP_CLOSE, ...), or -1 where the kernel tells none. Keeps errno. */
int tcp_state(int fd);

#endif
