#include "preload/guard/tcp_options.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/sys/sys.h"

/* How to carry an option. We compare the socket with a new one and set only what differs. */
enum {
    NEEDED = 1, /* the connection must not be made without it */
    ALWAYS = 2, /* ask about it even if not noted; all zero in a new socket */
    DOUBLED = 4 /* the kernel doubles what is set (socket(7)) */
};

struct option {
    int16_t level, name;
    uint8_t how;
    const char *title; /* if NEEDED */
};

/*
 * By number (include/uapi/asm-generic/socket.h, linux/in.h, in6.h, tcp.h): libcs know different ones. We
 * leave out options that can only be read, options that mean nothing to the side that connects (TCP_SAVE_SYN,
 * ...), packet filters, SO_RXQ_OVFL (taken_mark.h), SO_PEEK_OFF, and TCP_FASTOPEN_CONNECT, with which
 * connect(2) returns before it has connected.
 */
static const struct option options[] = {
    {SOL_SOCKET, 25, NEEDED | ALWAYS, "SO_BINDTODEVICE"},
    {SOL_SOCKET, 36, NEEDED | ALWAYS, "SO_MARK"},
    {SOL_SOCKET, 1, 0, NULL}, /* SO_DEBUG */
    {SOL_SOCKET, 2, 0, NULL}, /* SO_REUSEADDR */
    {SOL_SOCKET, 5, NEEDED, "SO_DONTROUTE"},
    {SOL_SOCKET, 6, 0, NULL},       /* SO_BROADCAST */
    {SOL_SOCKET, 7, DOUBLED, NULL}, /* SO_SNDBUF */
    {SOL_SOCKET, 8, DOUBLED, NULL}, /* SO_RCVBUF */
    {SOL_SOCKET, 72, 0, NULL},      /* SO_BUF_LOCK */
    {SOL_SOCKET, 9, 0, NULL},       /* SO_KEEPALIVE */
    {SOL_SOCKET, 10, 0, NULL},      /* SO_OOBINLINE */
    {SOL_SOCKET, 13, 0, NULL},      /* SO_LINGER */
    {SOL_SOCKET, 15, 0, NULL},      /* SO_REUSEPORT */
    {SOL_SOCKET, 29, 0, NULL},      /* SO_TIMESTAMP */
    {SOL_SOCKET, 35, 0, NULL},      /* SO_TIMESTAMPNS */
    {SOL_SOCKET, 63, 0, NULL},      /* SO_TIMESTAMP_NEW */
    {SOL_SOCKET, 64, 0, NULL},      /* SO_TIMESTAMPNS_NEW */
    {SOL_SOCKET, 37, 0, NULL},      /* SO_TIMESTAMPING */
    {SOL_SOCKET, 41, 0, NULL},      /* SO_WIFI_STATUS */
    {SOL_SOCKET, 43, 0, NULL},      /* SO_NOFCS */
    {SOL_SOCKET, 45, 0, NULL},      /* SO_SELECT_ERR_QUEUE */
    {SOL_SOCKET, 46, 0, NULL},      /* SO_BUSY_POLL */
    {SOL_SOCKET, 47, 0, NULL},      /* SO_MAX_PACING_RATE */
    {SOL_SOCKET, 49, 0, NULL},      /* SO_INCOMING_CPU */
    {SOL_SOCKET, 60, 0, NULL},      /* SO_ZEROCOPY */
    {SOL_SOCKET, 61, 0, NULL},      /* SO_TXTIME */
    {SOL_SOCKET, 69, 0, NULL},      /* SO_PREFER_BUSY_POLL */
    {SOL_SOCKET, 70, 0, NULL},      /* SO_BUSY_POLL_BUDGET */
    {SOL_SOCKET, 73, 0, NULL},      /* SO_RESERVE_MEM */
    {SOL_SOCKET, 74, 0, NULL},      /* SO_TXREHASH */
    {SOL_SOCKET, 75, 0, NULL},      /* SO_RCVMARK */
    {IPPROTO_IP, 1, 0, NULL},       /* IP_TOS: before SO_PRIORITY, which follows from it */
    {IPPROTO_IP, 2, 0, NULL},       /* IP_TTL */
    {IPPROTO_IP, 4, NEEDED, "IP_OPTIONS"},
    {IPPROTO_IP, 6, 0, NULL},  /* IP_RECVOPTS */
    {IPPROTO_IP, 7, 0, NULL},  /* IP_RETOPTS */
    {IPPROTO_IP, 8, 0, NULL},  /* IP_PKTINFO */
    {IPPROTO_IP, 10, 0, NULL}, /* IP_MTU_DISCOVER */
    {IPPROTO_IP, 11, 0, NULL}, /* IP_RECVERR */
    {IPPROTO_IP, 12, 0, NULL}, /* IP_RECVTTL */
    {IPPROTO_IP, 13, 0, NULL}, /* IP_RECVTOS */
    {IPPROTO_IP, 15, NEEDED, "IP_FREEBIND"},
    {IPPROTO_IP, 18, 0, NULL}, /* IP_PASSSEC */
    {IPPROTO_IP, 19, NEEDED, "IP_TRANSPARENT"},
    {IPPROTO_IP, 20, 0, NULL}, /* IP_RECVORIGDSTADDR */
    {IPPROTO_IP, 21, NEEDED, "IP_MINTTL"},
    {IPPROTO_IP, 23, 0, NULL}, /* IP_CHECKSUM */
    {IPPROTO_IP, 24, 0, NULL}, /* IP_BIND_ADDRESS_NO_PORT */
    {IPPROTO_IP, 25, 0, NULL}, /* IP_RECVFRAGSIZE */
    {IPPROTO_IP, 26, 0, NULL}, /* IP_RECVERR_RFC4884 */
    {IPPROTO_IP, 50, NEEDED, "IP_UNICAST_IF"},
    {IPPROTO_IP, 51, NEEDED, "IP_LOCAL_PORT_RANGE"},
    {IPPROTO_IPV6, 11, 0, NULL}, /* IPV6_FLOWINFO */
    {IPPROTO_IPV6, 16, 0, NULL}, /* IPV6_UNICAST_HOPS */
    {IPPROTO_IPV6, 23, 0, NULL}, /* IPV6_MTU_DISCOVER */
    {IPPROTO_IPV6, 25, 0, NULL}, /* IPV6_RECVERR */
    {IPPROTO_IPV6, 26, NEEDED, "IPV6_V6ONLY"},
    {IPPROTO_IPV6, 33, 0, NULL}, /* IPV6_FLOWINFO_SEND */
    {IPPROTO_IPV6, 49, 0, NULL}, /* IPV6_RECVPKTINFO */
    {IPPROTO_IPV6, 51, 0, NULL}, /* IPV6_RECVHOPLIMIT */
    {IPPROTO_IPV6, 53, 0, NULL}, /* IPV6_RECVHOPOPTS */
    {IPPROTO_IPV6, 54, NEEDED, "IPV6_HOPOPTS"},
    {IPPROTO_IPV6, 55, NEEDED, "IPV6_RTHDRDSTOPTS"},
    {IPPROTO_IPV6, 56, 0, NULL}, /* IPV6_RECVRTHDR */
    {IPPROTO_IPV6, 57, NEEDED, "IPV6_RTHDR"},
    {IPPROTO_IPV6, 58, 0, NULL}, /* IPV6_RECVDSTOPTS */
    {IPPROTO_IPV6, 59, NEEDED, "IPV6_DSTOPTS"},
    {IPPROTO_IPV6, 62, 0, NULL}, /* IPV6_DONTFRAG */
    {IPPROTO_IPV6, 66, 0, NULL}, /* IPV6_RECVTCLASS */
    {IPPROTO_IPV6, 67, 0, NULL}, /* IPV6_TCLASS */
    {IPPROTO_IPV6, 70, 0, NULL}, /* IPV6_AUTOFLOWLABEL */
    {IPPROTO_IPV6, 72, 0, NULL}, /* IPV6_ADDR_PREFERENCES */
    {IPPROTO_IPV6, 73, NEEDED, "IPV6_MINHOPCOUNT"},
    {IPPROTO_IPV6, 75, NEEDED, "IPV6_TRANSPARENT"},
    {IPPROTO_IPV6, 76, NEEDED, "IPV6_UNICAST_IF"},
    {IPPROTO_IPV6, 78, NEEDED, "IPV6_FREEBIND"},
    {IPPROTO_TCP, 1, 0, NULL},  /* TCP_NODELAY */
    {IPPROTO_TCP, 2, 0, NULL},  /* TCP_MAXSEG */
    {IPPROTO_TCP, 3, 0, NULL},  /* TCP_CORK */
    {IPPROTO_TCP, 4, 0, NULL},  /* TCP_KEEPIDLE */
    {IPPROTO_TCP, 5, 0, NULL},  /* TCP_KEEPINTVL */
    {IPPROTO_TCP, 6, 0, NULL},  /* TCP_KEEPCNT */
    {IPPROTO_TCP, 7, 0, NULL},  /* TCP_SYNCNT */
    {IPPROTO_TCP, 8, 0, NULL},  /* TCP_LINGER2 */
    {IPPROTO_TCP, 9, 0, NULL},  /* TCP_DEFER_ACCEPT */
    {IPPROTO_TCP, 10, 0, NULL}, /* TCP_WINDOW_CLAMP */
    {IPPROTO_TCP, 12, 0, NULL}, /* TCP_QUICKACK */
    {IPPROTO_TCP, 13, 0, NULL}, /* TCP_CONGESTION */
    {IPPROTO_TCP, 16, 0, NULL}, /* TCP_THIN_LINEAR_TIMEOUTS */
    {IPPROTO_TCP, 17, 0, NULL}, /* TCP_THIN_DUPACK */
    {IPPROTO_TCP, 18, 0, NULL}, /* TCP_USER_TIMEOUT */
    {IPPROTO_TCP, 25, 0, NULL}, /* TCP_NOTSENT_LOWAT */
    {IPPROTO_TCP, 34, 0, NULL}, /* TCP_FASTOPEN_NO_COOKIE */
    {IPPROTO_TCP, 36, 0, NULL}, /* TCP_INQ */
    {IPPROTO_TCP, 37, 0, NULL}, /* TCP_TX_DELAY */
    {IPPROTO_TCP, 44, 0, NULL}, /* TCP_RTO_MAX_MS */
    {IPPROTO_TCP, 45, 0, NULL}, /* TCP_RTO_MIN_US */
    {IPPROTO_TCP, 46, 0, NULL}, /* TCP_DELACK_MAX_US */
    {SOL_SOCKET, 12, 0, NULL},  /* SO_PRIORITY */
};

/*
 * Options that cannot be read back: per-socket IPsec (ip(7)), and the keys of TCP-MD5 and TCP-AO. Without
 * them the connection would not be the one that the program asked for.
 */
static const struct option unreadable[] = {
    {IPPROTO_IP, 16, NEEDED, "IP_IPSEC_POLICY"},     {IPPROTO_IP, 17, NEEDED, "IP_XFRM_POLICY"},
    {IPPROTO_IPV6, 34, NEEDED, "IPV6_IPSEC_POLICY"}, {IPPROTO_IPV6, 35, NEEDED, "IPV6_XFRM_POLICY"},
    {IPPROTO_TCP, 14, NEEDED, "TCP_MD5SIG"},         {IPPROTO_TCP, 32, NEEDED, "TCP_MD5SIG_EXT"},
    {IPPROTO_TCP, 38, NEEDED, "TCP_AO_ADD_KEY"},
};

enum { NAMES = 96, WORDS = NAMES / 32, LEVELS = 4, SO_SNDBUFFORCE_ = 32, SO_RCVBUFFORCE_ = 33 };

static _Atomic uint32_t noted[LEVELS][WORDS];
static atomic_bool noted_all;

static int row_of(int level)
{
    return level == SOL_SOCKET     ? 0
           : level == IPPROTO_TCP  ? 1
           : level == IPPROTO_IP   ? 2
           : level == IPPROTO_IPV6 ? 3
                                   : -1;
}

static void note(int row, int name)
{
    _Atomic uint32_t *const word = &noted[row][name / 32];
    const uint32_t bit = UINT32_C(1) << name % 32;

    if (!(atomic_load_explicit(word, memory_order_relaxed) & bit))
        atomic_fetch_or(word, bit);
}

static bool is_noted(const struct option *option)
{
    return atomic_load(&noted[row_of(option->level)][option->name / 32]) & UINT32_C(1) << option->name % 32;
}

void tcp_options_note(int level, int name)
{
    const int row = row_of(level);

    if (row < 0 || name < 0 || name >= NAMES)
        return;
    note(row, name);
    if (row == 0 &&
        (name == SO_SNDBUF || name == SO_RCVBUF || name == SO_SNDBUFFORCE_ || name == SO_RCVBUFFORCE_)) {
        note(row, SO_SNDBUF);
        note(row, SO_RCVBUF);
        note(row, 72); /* SO_BUF_LOCK */
    }
    /* Each changes the other. */
    if ((row == 2 || row == 3) && (name == IP_TOS || name == 67))
        note(0, SO_PRIORITY);
}

void tcp_options_note_all(void)
{
    atomic_store(&noted_all, true);
}

struct value {
    _Alignas(8) uint8_t bytes[64]; /* IP_OPTIONS has 40 at most */
    socklen_t length;
};

static bool get(int fd, const struct option *option, struct value *value)
{
    memset(value, 0, sizeof *value);
    value->length = sizeof value->bytes;
    return sys_getsockopt(fd, option->level, option->name, value->bytes, &value->length) == 0;
}

static bool is_same(const struct value *a, const struct value *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static bool is_zero(const struct value *value)
{
    static const struct value zero;

    return memcmp(value->bytes, zero.bytes, value->length) == 0;
}

/* A length of zero means SO_BINDTODEVICE with no device. */
static bool set(int fd, const struct option *option, const struct value *value)
{
    int number;

    if (!(option->how & DOUBLED))
        return sys_setsockopt(fd, option->level, option->name, value->bytes, value->length) == 0;
    memcpy(&number, value->bytes, sizeof number);
    number /= 2;
    return sys_setsockopt(fd, option->level, option->name, &number, sizeof number) == 0;
}

/* The kernel, or this kind of socket, does not know it. */
static bool is_unknown(int error)
{
    return error == ENOPROTOOPT || error == EOPNOTSUPP;
}

static bool carry(const struct option *option, int fd, int to)
{
    struct value wanted, has;

    if (!get(fd, option, &wanted))
        return is_unknown(errno);
    if (option->how & ALWAYS && !is_noted(option) && is_zero(&wanted))
        return true;
    if (!get(to, option, &has))
        return false;
    if (is_same(&wanted, &has))
        return true;
    if (!set(to, option, &wanted) || !get(to, option, &has))
        return false;
    errno = EINVAL;
    return is_same(&wanted, &has);
}

static bool is_asked_about(const struct option *option, int family)
{
    return (option->level != IPPROTO_IPV6 || family == AF_INET6) &&
           (option->how & ALWAYS || atomic_load(&noted_all) || is_noted(option));
}

bool tcp_options_carry(int fd, int to, int family, const char **what)
{
    for (size_t i = 0; i < sizeof unreadable / sizeof unreadable[0]; i++) {
        if (is_noted(&unreadable[i])) {
            *what = unreadable[i].title;
            errno = EOPNOTSUPP;
            return false;
        }
    }
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const struct option *const option = &options[i];

        if (is_asked_about(option, family) && !carry(option, fd, to) && option->how & NEEDED) {
            *what = option->title;
            return false;
        }
    }
    return true;
}

const char *tcp_options_lost(int family)
{
    for (size_t i = 0; i < sizeof unreadable / sizeof unreadable[0]; i++) {
        if (is_noted(&unreadable[i]))
            return unreadable[i].title;
    }
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const struct option *const option = &options[i];

        if (option->how & NEEDED && (option->level != IPPROTO_IPV6 || family == AF_INET6) &&
            (is_noted(option) || atomic_load(&noted_all)))
            return option->title;
    }
    return NULL;
}
