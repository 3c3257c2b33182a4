/* How a TCP socket has been used so far, according to the kernel's counters (TCP_INFO, tcp(7)). */
#ifndef RETROTLS_PRELOAD_DESCRIPTOR_TCP_USE_H
#define RETROTLS_PRELOAD_DESCRIPTOR_TCP_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tcp_use {
    USE_NONE,       /* neither connected nor connecting: no byte can pass */
    USE_CONNECTING, /* SYN_SENT */
    USE_ACCEPTED,   /* the server's side: accept(2) made it */
    USE_UNTOUCHED,  /* connected, nothing written, and all that was received is still unread */
    USE_TOUCHED,    /* connected, and used */
};

/* The kernel's layout of struct tcp_info (include/uapi/linux/tcp.h). Each libc declares only part of it. */
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
 * The use of a socket, from the first `length` bytes of `counts`, as getsockopt(TCP_INFO) gave them, and from
 * `unread` (ioctl(2), FIONREAD) and `unacked` (SIOCOUTQ) at the same time. Fields beyond `length` are
 * ignored; without bytes_acked and bytes_received, a connection counts as touched.
 *
 * bytes_acked shows which side connected: it counts the SYN that connect(2) sends as one byte, and a socket
 * from accept(2) has sent none (net/ipv4/tcp_input.c; tried on Linux 6.18). bytes_received counts a received
 * FIN as one. In doubt, the use is USE_TOUCHED.
 */
enum tcp_use tcp_use_of(const struct tcp_counts *counts, size_t length, uint32_t unread, uint32_t unacked);

/* The use of the TCP socket `fd`; USE_TOUCHED if the kernel does not say. Keeps errno. */
enum tcp_use tcp_use(int fd);

/* The state of a TCP socket (TCP_CLOSE, ...), or -1 if the kernel does not say. Keeps errno. */
int tcp_state(int fd);

#endif
