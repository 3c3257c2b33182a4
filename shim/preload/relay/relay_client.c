#include "preload/relay/relay_client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "preload/process/config.h"
#include "preload/relay/relay_path.h"
#include "preload/relay/relay_spawn.h"
#include "preload/sys/lock.h"
#include "preload/sys/memory_file.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

enum { BACKLOG = 4096, PAUSE = 2 /* milliseconds between two tries */ };

static struct lock lock;
/* Under `lock`. */
static struct relay in_use = {.uid = UINT32_MAX};
static struct relay kept = {.uid = UINT32_MAX}; /* the one to go back to if no other can be started */
static char path[RELAY_PATH_LIMIT];             /* of the relay's program */
static struct relay_passed_over passed;
static const char *_Atomic confined_by;

static bool is_same(const struct relay *one, const struct relay *other)
{
    return one->uid == other->uid && memcmp(one->name, other->name, sizeof one->name) == 0;
}

bool relay_in_use(struct relay *relay)
{
    if (!lock_take(&lock, sys_milliseconds() + RELAY_DEADLINE))
        return false;
    *relay = in_use;
    lock_release(&lock);
    return relay->uid != UINT32_MAX;
}

void relay_forget(const struct relay *relay)
{
    const int saved = errno;

    if (lock_take(&lock, sys_milliseconds() + RELAY_DEADLINE)) {
        if (is_same(&in_use, relay))
            in_use.uid = UINT32_MAX;
        lock_release(&lock);
    }
    errno = saved;
}

static bool belongs_to(int connection, uint32_t uid)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    /* For a connected socket, these are the credentials at listen(2): whoever started the relay. */
    return sys_getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           (peer.uid == uid || peer.uid == 0);
}

static int close_and_fail(int fd, int error)
{
    sys_close(fd);
    errno = error;
    return -1;
}

int relay_connect_to(const uint8_t name[RELAY_NAME_SIZE], uint32_t uid, int64_t deadline)
{
    struct sockaddr_un address;
    const socklen_t length = identity_write_relay(&address, name);
    const int fd = sys_lift(sys_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0));

    if (fd < 0)
        return -1;
    while (sys_connect(fd, &address, length) != 0) {
        /* Nonblocking: EAGAIN means that too many connections wait to be accepted. */
        if (errno != EAGAIN || sys_milliseconds() >= deadline)
            return close_and_fail(fd, errno);
        sys_pause(PAUSE);
    }
    if (!belongs_to(fd, uid))
        return close_and_fail(fd, ECONNREFUSED);
    return fd;
}

static int listen_as(const uint8_t name[RELAY_NAME_SIZE])
{
    struct sockaddr_un address;
    const socklen_t length = identity_write_relay(&address, name);
    const int fd = sys_socket(AF_UNIX, SOCK_SEQPACKET, 0);

    if (fd >= 0 && (sys_bind(fd, &address, length) != 0 || sys_listen(fd, BACKLOG) != 0))
        return close_and_fail(fd, errno);
    return fd;
}

static void say_why(char *why, size_t size, const char *what, const char *which, int error)
{
    const char *const remedy = strbuf_remedy(error);
    struct strbuf w;

    strbuf_start(&w, why, size);
    strbuf_add(&w, what);
    strbuf_add(&w, which);
    strbuf_add(&w, ": ");
    strbuf_error(&w, error);
    if (confined_by) {
        strbuf_add(&w, "; the program has called ");
        strbuf_add(&w, confined_by);
        strbuf_add(&w, ", and the relay that was started before that has ended: start the program again");
    } else if (remedy) {
        strbuf_add(&w, "; ");
        strbuf_add(&w, remedy);
    }
    errno = error;
}

static void say_why_not_started(char *why, size_t size, int error)
{
    struct strbuf w;

    if (!passed.relay[0]) {
        say_why(why, size, "cannot start ", path, error);
        return;
    }
    strbuf_start(&w, why, size);
    strbuf_add(&w, passed.relay);
    strbuf_add(&w, " was not started, because ");
    strbuf_add(&w, strcmp(passed.cause, passed.relay) == 0 ? "it" : passed.cause);
    strbuf_byte(&w, ' ');
    strbuf_add(&w, trust_words(passed.trust));
    strbuf_add(&w, "; and ");
    strbuf_add(&w, path);
    strbuf_add(&w, ": ");
    strbuf_error(&w, error);
    errno = error;
}

/*
 * Maps the page that makes this process and its children members (relay/members.h); it stays mapped, because
 * nobody knows when the relay has ended. Returns the file, or -1: then the relay ends when it is idle, as
 * others do.
 */
static int become_member(void)
{
    enum { PAGE = 4096 }; /* the kernel rounds it up; nobody touches it, so the file may be empty */
    const int file = memory_file("retrotls-members", 0);
    /* A shared mapping counts as writable if its descriptor is (mm/mmap.c), whatever its protection. */
    void *const page = file >= 0 ? mmap(NULL, PAGE, PROT_NONE, MAP_SHARED, file, 0) : MAP_FAILED;

    if (page == MAP_FAILED) {
        if (file >= 0)
            sys_close(file);
        return -1;
    }
    return file;
}

/* Starts a relay and makes it the one in use. Under `lock`. */
static bool start_relay(bool to_keep, char *why, size_t size)
{
    char token[64];
    static char sandbox_off[] = "RETROTLS_SANDBOX=off";
    char *const environment[] = {token, config_sandbox_is_off() ? sandbox_off : NULL, NULL};
    struct relay fresh = {.uid = (uint32_t)geteuid(), .kept = to_keep};
    struct strbuf w;
    int listener, error, members;

    if (!sys_random(fresh.name, sizeof fresh.name) || !sys_random(fresh.token, sizeof fresh.token)) {
        say_why(why, size, "no random numbers from the kernel", "", errno);
        return false;
    }
    listener = listen_as(fresh.name);
    if (listener < 0) {
        say_why(why, size, "cannot make a socket for the relay", "", errno);
        return false;
    }
    strbuf_start(&w, token, sizeof token);
    strbuf_add(&w, "RETROTLS_RELAY=");
    strbuf_number(&w, sys_process());
    strbuf_byte(&w, ':');
    strbuf_hex_bytes(&w, fresh.token, sizeof fresh.token);
    relay_path_find(path, &passed);
    members = to_keep ? become_member() : -1;
    error = spawn_relay(path, environment, listener, members);
    sys_close(listener);
    if (members >= 0)
        sys_close(members);
    memset(token, 0, sizeof token);
    if (error != 0) {
        say_why_not_started(why, size, error);
        return false;
    }
    in_use = fresh;
    if (fresh.kept)
        kept = fresh;
    return true;
}

/*
 * No relay can be started. The kept one may have been given up because it was full or slow; if it answers, it
 * is the one in use again. Under `lock`. Keeps errno if it does not.
 */
static bool go_back(int64_t deadline, int *fd)
{
    const int error = errno;

    *fd = kept.uid != UINT32_MAX ? relay_connect_to(kept.name, kept.uid, deadline) : -1;
    if (*fd >= 0)
        in_use = kept;
    else
        errno = error;
    return *fd >= 0;
}

int relay_connect(struct relay *relay, int64_t deadline, char *why, size_t size)
{
    int fd = -1;

    if (relay_in_use(relay)) {
        fd = relay_connect_to(relay->name, relay->uid, deadline);
        if (fd >= 0)
            return fd;
        /* EPERM: the program has sandboxed itself (landlock(7), LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET). */
        if (errno != ECONNREFUSED && errno != EPERM) {
            say_why(why, size, "cannot reach the relay ", path, errno);
            return -1;
        }
        relay_forget(relay);
    }
    if (!lock_take(&lock, deadline)) {
        say_why(why, size, "another thread has been starting the relay for too long", "", ETIMEDOUT);
        return -1;
    }
    /* Another thread may have started one by now. */
    if (in_use.uid != UINT32_MAX || start_relay(confined_by, why, size)) {
        *relay = in_use;
        fd = relay_connect_to(relay->name, relay->uid, deadline);
        if (fd < 0)
            say_why(why, size, "cannot reach the relay ", path, errno);
    } else if (go_back(deadline, &fd)) {
        *relay = in_use;
    }
    lock_release(&lock);
    return fd;
}

/* True if the relay in use is one that stays, and answers. */
static bool has_kept(int64_t deadline)
{
    struct relay relay;
    int fd;

    if (!relay_in_use(&relay) || !relay.kept)
        return false;
    fd = relay_connect_to(relay.name, relay.uid, deadline);
    if (fd >= 0)
        sys_close(fd);
    return fd >= 0;
}

bool relay_keep(int64_t deadline)
{
    const int saved = errno;
    char why[256];
    bool good = has_kept(deadline);

    if (!good && lock_take(&lock, deadline)) {
        good = start_relay(true, why, sizeof why);
        lock_release(&lock);
    }
    errno = saved;
    return good;
}

void relay_note_confined(const char *call)
{
    confined_by = call;
}

static bool is_gone(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

static bool send_message(int connection, const uint8_t *message, size_t length, const int *descriptors,
                         size_t count, int64_t deadline)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int) * WIRE_DESCRIPTORS)];
    } control;
    struct iovec bytes = {.iov_base = (void *)(uintptr_t)message, .iov_len = length};
    struct msghdr header = {.msg_iov = &bytes, .msg_iovlen = 1};

    if (count > 0) {
        memset(&control, 0, sizeof control);
        header.msg_control = &control;
        header.msg_controllen = (__typeof__(header.msg_controllen))CMSG_SPACE(sizeof(int) * count);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = (__typeof__(control.head.cmsg_len))CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(&control.head), descriptors, sizeof(int) * count);
    }
    while (sys_sendmsg(connection, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        /* ETOOMANYREFS: this user's descriptors in flight have reached RLIMIT_NOFILE (unix(7)). */
        if ((errno != ETOOMANYREFS && errno != EAGAIN && errno != ENOBUFS) ||
            sys_milliseconds() >= deadline) {
            if (is_gone(errno))
                errno = ECONNRESET;
            return false;
        }
        sys_pause(PAUSE);
    }
    return true;
}

static bool await(int connection, int64_t deadline)
{
    struct pollfd set = {.fd = connection, .events = POLLIN};
    int64_t left;
    int ready;

    do {
        left = deadline - sys_milliseconds();
        ready = sys_poll(&set, 1, left > 0 ? (int)left : 0);
    } while (ready < 0 && errno == EINTR);
    if (ready == 0)
        errno = ETIMEDOUT;
    return ready > 0;
}

bool relay_ask(int connection, const uint8_t *message, size_t length, const int *descriptors, size_t count,
               int64_t deadline, uint8_t *buffer, size_t size, struct wire_reply *reply, int *received)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec bytes = {.iov_base = buffer, .iov_len = size};
    struct msghdr header = {.msg_iov = &bytes, .msg_iovlen = 1};
    int came = -1;
    ssize_t got;

    if (received)
        *received = -1;
    if (!send_message(connection, message, length, descriptors, count, deadline) ||
        !await(connection, deadline))
        return false;
    memset(&control, 0, sizeof control);
    header.msg_control = &control;
    /* With CMSG_SPACE, the kernel would put a second descriptor into the padding. */
    header.msg_controllen = (__typeof__(header.msg_controllen))CMSG_LEN(sizeof(int));
    /*
     * An end that is closed with a message unread, or that nobody accepted, gives ECONNRESET; otherwise its
     * peer reads an end of file (net/unix/af_unix.c, unix_release_sock()).
     */
    got = sys_recvmsg(connection, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got <= 0) {
        if (got == 0)
            errno = EPIPE;
        return false;
    }
    if (header.msg_controllen >= CMSG_LEN(sizeof(int)) && control.head.cmsg_level == SOL_SOCKET &&
        control.head.cmsg_type == SCM_RIGHTS)
        memcpy(&came, CMSG_DATA(&control.head), sizeof came);
    if (!received || header.msg_flags & MSG_TRUNC || !wire_read_reply(reply, buffer, (size_t)got)) {
        if (came >= 0)
            sys_close(came);
        came = -1;
        if (header.msg_flags & MSG_TRUNC || !wire_read_reply(reply, buffer, (size_t)got)) {
            errno = EBADMSG;
            return false;
        }
    }
    if (received)
        *received = came;
    return true;
}
