#include "preload/adopt/first_use.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/adopt/adopt.h"
#include "preload/adopt/refused.h"
#include "preload/descriptor/identity.h"
#include "preload/descriptor/open_numbers.h"
#include "preload/guard/replaced.h"
#include "preload/guard/smc.h"
#include "preload/guard/taken_mark.h"
#include "preload/guard/tcp_options.h"
#include "preload/libc/io.h"
#include "preload/libc/real.h"
#include "preload/process/config.h"
#include "preload/sys/environment.h"
#include "preload/sys/exempt.h"
#include "preload/sys/sys.h"
#include "wire/greeting.h"

enum { PROTOCOL_MPTCP = 262 };

static enum first_use refuse(int error)
{
    errno = error;
    return FIRST_USE_REFUSED;
}

static enum first_use plain(const struct look *look)
{
    fd_state_set(look->fd, FD_STATE_PLAIN);
    return FIRST_USE_PLAIN;
}

static bool may_wait(const struct look *look)
{
    return look->may_wait && !(sys_fcntl(look->fd, F_GETFL, 0) & O_NONBLOCK);
}

/*
 * Peeks at what a read would find. In a read, this waits as the read itself would. -1 with the errno that a
 * read would fail with, 0 at the end of the stream.
 */
static ssize_t peek(const struct look *look, char *bytes, size_t size)
{
    const bool waits = look->occasion == AT_USE && look->way == FIRST_USE_READ && look->may_wait;

    return io.recv(look->fd, bytes, size, MSG_PEEK | (waits ? 0 : MSG_DONTWAIT));
}

static enum first_use ask(struct look *look, const struct policy *policy)
{
    const enum first_use watched = adopt(look, policy);

    return look->unguarded ? plain(look) : watched;
}

/* A connection to a port that no rule names. */
static enum first_use look_at_greeting(struct look *look, const struct policy *policy)
{
    char bytes[GREETING_LINE];
    ssize_t count;

    if (look->use != USE_UNTOUCHED || !policy_may_guard_by_greeting(policy))
        return plain(look);
    count = peek(look, bytes, sizeof bytes);
    if (count < 0 && look->occasion != AT_USE)
        return FIRST_USE_PLAIN;
    if (count < 0 && look->way == FIRST_USE_READ)
        return FIRST_USE_REFUSED;
    /* A program that speaks before the server does is not a mail program. */
    look->guard.shown = count > 0 ? greeting_protocol(bytes, (size_t)count, GREETING_UNNAMED) : PROTOCOL_AUTO;
    return look->guard.shown == PROTOCOL_AUTO ? plain(look) : ask(look, policy);
}

static enum first_use look_at_peer(struct look *look, const struct policy *policy)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;

    if (sys_getpeername(look->fd, &peer, &length) != 0)
        return errno == ENOTCONN ? FIRST_USE_PLAIN /* it has ended by now */ : FIRST_USE_REFUSED;
    if (!address_read(&look->guard.asked, &peer, length))
        return FIRST_USE_PLAIN;
    if (policy_may_guard(policy, look->guard.asked.port)) {
        const enum first_use watched = adopt(look, policy);

        if (!look->unguarded)
            return watched;
    }
    return look_at_greeting(look, policy);
}

/*
 * The address of a connection that is under way. getpeername(2) gives it only once the connection is up
 * (net/ipv4/af_inet.c, inet_getname()). EINVAL: we asked for more than the address has (net/core/sock.c).
 */
static bool read_coming_peer(int fd, struct sockaddr_storage *peer, socklen_t *length)
{
    *length = sizeof(struct sockaddr_in6);
    if (sys_getsockopt(fd, SOL_SOCKET, SO_PEERNAME, peer, length) == 0)
        return true;
    *length = sizeof(struct sockaddr_in);
    return errno == EINVAL && sys_getsockopt(fd, SOL_SOCKET, SO_PEERNAME, peer, length) == 0;
}

static enum first_use look_at_coming_peer(struct look *look, const struct policy *policy)
{
    struct sockaddr_storage peer;
    socklen_t length;

    if (!read_coming_peer(look->fd, &peer, &length))
        return errno == ENOTCONN ? FIRST_USE_PLAIN /* it has failed by now */ : FIRST_USE_REFUSED;
    if (!address_read(&look->guard.asked, &peer, length))
        return FIRST_USE_PLAIN;
    return policy_may_guard(policy, look->guard.asked.port) ? adopt(look, policy) : FIRST_USE_PLAIN;
}

/*
 * A connect() that we did not see is under way. At a read or write we wait for it as the call would, or fail
 * with EAGAIN if it must not wait. At the start, or when a nonblocking descriptor becomes a stream, we switch
 * at once.
 */
static enum first_use look_at_connecting(struct look *look, const struct policy *policy)
{
    if (look->occasion == AT_ARRIVAL)
        return FIRST_USE_PLAIN;
    if (look->occasion != AT_USE && !may_wait(look))
        return look_at_coming_peer(look, policy);
    if (!may_wait(look))
        return refuse(EAGAIN);
    /* Sends nothing, but waits until it could (net/ipv4/tcp.c, tcp_sendmsg_locked()). */
    look->again = io.send(look->fd, "", 0, MSG_NOSIGNAL) == 0;
    return FIRST_USE_REFUSED;
}

/* A process that shares the socket has taken it for a guarded connection (taken_mark.h, replaced.h). */
static enum first_use look_at_taken(struct look *look)
{
    const struct policy *const policy = config_policy();
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;

    if (!policy || !sys_cookie(look->fd, &look->cookie))
        return FIRST_USE_REFUSED;
    look->is_taken = true;
    if (sys_getpeername(look->fd, &peer, &length) != 0 || !address_read(&look->guard.asked, &peer, length))
        look->guard.asked = (struct wire_address){.family = AF_INET};
    return adopt(look, policy);
}

static enum first_use look_at_connection(struct look *look)
{
    const struct policy *const policy = config_policy();

    if (!policy || !sys_cookie(look->fd, &look->cookie))
        return FIRST_USE_REFUSED; /* it may be guarded */
    return look->use == USE_CONNECTING ? look_at_connecting(look, policy) : look_at_peer(look, policy);
}

/*
 * Not connected: we let the kernel answer. connect() never connects this very socket to a guarded server
 * (tcp_copy.h), so it cannot become a guarded connection before the call.
 */
static enum first_use look_at_unconnected(const struct look *look)
{
    if (look->occasion == AT_START || look->occasion == AT_ARRIVAL)
        tcp_options_note_all();
    return FIRST_USE_PLAIN;
}

static enum first_use look_at_tcp(struct look *look)
{
    enum first_use watched;

    look->use = tcp_use(look->fd);
    if (look->use == USE_ACCEPTED)
        return plain(look);
    if (look->use == USE_NONE ? replaced_is(look->fd) : taken_mark_is_set(look->fd))
        return look_at_taken(look);
    if (look->use == USE_NONE)
        return look_at_unconnected(look);
    watched = look_at_connection(look);
    return watched == FIRST_USE_PLAIN && real_connect_is_behind() ? FIRST_USE_PROXY : watched;
}

/*
 * An SMC socket that connect() never saw. We cannot switch it, and do not look at its greeting. If it is not
 * connected, we ask again at the next use.
 */
static enum first_use look_at_smc(struct look *look)
{
    const struct policy *const policy = config_policy();
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;

    if (!policy || !sys_cookie(look->fd, &look->cookie))
        return FIRST_USE_REFUSED; /* it may be guarded */
    if (sys_getpeername(look->fd, &peer, &length) != 0 || !address_read(&look->guard.asked, &peer, length))
        return FIRST_USE_PLAIN;
    if (!policy_may_guard(policy, look->guard.asked.port))
        return plain(look);
    look->is_smc = true;
    look->use = tcp_use(look->fd);
    return ask(look, policy);
}

/*
 * getsockopt(2) fails on this socket (a sandbox inside the program may forbid the call), so we cannot switch
 * it. It may be a guarded connection.
 */
static enum first_use look_without_options(struct look *look)
{
    const struct policy *const policy = config_policy();
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;

    if (sys_getpeername(look->fd, &peer, &length) != 0 || !address_read(&look->guard.asked, &peer, length))
        return FIRST_USE_PLAIN;
    if (policy && !policy_may_guard(policy, look->guard.asked.port))
        return plain(look);
    return refuse(EPERM);
}

static enum first_use look_at(struct look *look)
{
    const int protocol = sys_option(look->fd, SOL_SOCKET, SO_PROTOCOL, -1);
    struct identity id;

    if (protocol == IPPROTO_TCP || protocol == PROTOCOL_MPTCP)
        return look_at_tcp(look);
    if (protocol < 0 && errno == EBADF)
        return FIRST_USE_PLAIN;
    if (protocol < 0 && errno == ENOTSOCK && refused_is(look->fd))
        return refuse(EPERM);
    if (protocol < 0 && errno != ENOTSOCK)
        return look_without_options(look);
    if (protocol == 0 && identity_of(look->fd, &id)) {
        fd_state_set(look->fd, FD_STATE_SWITCHED);
        return FIRST_USE_SWITCHED;
    }
    return smc_is(look->fd, protocol) ? look_at_smc(look) : plain(look);
}

static enum first_use look_until_settled(struct look *look)
{
    if (is_exempt())
        return FIRST_USE_PLAIN;
    const int saved = errno;
    enum first_use watched = FIRST_USE_REFUSED;

    do {
        look->again = look->unguarded = false;
        look->is_taken = look->is_smc = false;
        look->guard.shown = PROTOCOL_AUTO;
        watched = look_at(look);
    } while (look->again);
    if (watched != FIRST_USE_REFUSED)
        errno = saved;
    return watched;
}

enum first_use first_use(int fd, enum first_use_way way, int flags)
{
    struct look look = {.fd = fd,
                        .occasion = AT_USE,
                        .way = way,
                        .may_wait = !(flags & MSG_DONTWAIT),
                        .frame = __builtin_frame_address(0)};

    return fd_state_of(fd) == FD_STATE_SWITCHED ? FIRST_USE_SWITCHED : look_until_settled(&look);
}

static void look_on(int fd, enum occasion occasion, const void *frame)
{
    const int saved = errno;
    struct look look = {.fd = fd, .occasion = occasion, .frame = frame};

    fd_state_forget(fd); /* unless we settle it now, we ask at its first use */
    look_until_settled(&look);
    errno = saved;
}

bool first_use_stream(int fd)
{
    struct look look = {
        .fd = fd, .occasion = AT_STREAM, .may_wait = true, .frame = __builtin_frame_address(0)};

    return fd_state_is_plain(fd) || fd_state_of(fd) == FD_STATE_SWITCHED ||
           look_until_settled(&look) != FIRST_USE_REFUSED;
}

void first_use_standard(int fd)
{
    if (!fd_state_is_plain(fd))
        look_on(fd, AT_START, __builtin_frame_address(0));
}

void first_use_received(int fd)
{
    look_on(fd, fd <= STDERR_FILENO ? AT_START : AT_ARRIVAL, __builtin_frame_address(0));
}

static bool look_at_inherited(void *context, int fd)
{
    enum { FOR_READING = 6, FOR_WRITING = 7 };
    const bool *const by_connector = context;
    const bool meant = fd <= STDERR_FILENO || (*by_connector && (fd == FOR_READING || fd == FOR_WRITING));

    look_on(fd, meant ? AT_START : AT_ARRIVAL, __builtin_frame_address(0));
    return true;
}

void first_use_start(void)
{
    enum { NUMBERS = 256 };
    /* UCSPI: a connector's program talks on descriptors 6 and 7, and finds this in its environment. */
    const char *const protocol = environment_value("PROTO");
    bool by_connector = protocol && strcmp(protocol, "TCP") == 0;
    const int saved = errno;

    /* Without /proc, we guess which numbers the program may have been started with. */
    if (!open_numbers_visit_in("/proc/self/fd", look_at_inherited, &by_connector)) {
        for (int fd = 0; fd < NUMBERS; fd++)
            look_at_inherited(&by_connector, fd);
    }
    errno = saved;
}
