#include "supervise/dns/forwarder_link.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "supervise/dns/forwarder.h"
#include "supervise/dns/forwarder_walls.h"

#ifndef SYS_close_range
#    define SYS_close_range 436
#endif

enum { PATIENCE = 1000 /* milliseconds to wait for room in a full channel */ };

static struct forwarder_state *state; /* NULL: no memory for it, and all names count as unseen */
static int channel = -1;

static _Noreturn void run(int end)
{
    enum { NUMBER = STDERR_FILENO + 1 };

    if (dup2(end, NUMBER) != NUMBER || syscall(SYS_close_range, NUMBER + 1, UINT32_MAX, 0) != 0 ||
        !forwarder_shut_in())
        _exit(EXIT_FAILURE);
    forwarder_run(NUMBER, state);
    _exit(EXIT_SUCCESS);
}

void forwarder_start(void)
{
    int pair[2];
    pid_t pid;
    void *const page = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return;
    state = page;
    signal(SIGCHLD, SIG_IGN); /* we never wait for it */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        forwarder_note_unseen();
        return;
    }
    pid = fork();
    if (pid == 0)
        run(pair[1]);
    close(pair[1]);
    channel = pair[0];
    if (pid < 0) {
        close(channel);
        channel = -1;
        forwarder_note_unseen();
    }
}

int forwarder_channel(void)
{
    return channel;
}

static void give_up(void)
{
    close(channel);
    channel = -1;
    forwarder_note_unseen();
}

bool forwarder_hear(struct forwarding *what)
{
    const ssize_t got = channel < 0 ? 0 : recv(channel, what, sizeof *what, MSG_DONTWAIT);

    if (got == (ssize_t)sizeof *what)
        return true;
    if (channel >= 0 && (got >= 0 || (errno != EAGAIN && errno != EINTR)))
        give_up();
    return false;
}

bool forwarder_give(const struct forwarding *what, int program, int server)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control = {.room = {0}};
    struct iovec bytes = {.iov_base = (void *)(uintptr_t)what, .iov_len = sizeof *what};
    struct msghdr header = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    const int fd[2] = {program, server};
    struct pollfd set = {.fd = channel, .events = POLLOUT};

    if (channel < 0)
        return false;
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&control.head), fd, sizeof fd);
    if (poll(&set, 1, PATIENCE) == 1 && sendmsg(channel, &header, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        return true;
    give_up();
    return false;
}

void forwarder_note_unseen(void)
{
    if (state)
        atomic_store(&state->unseen, true);
}

bool forwarder_has_unseen(void)
{
    return !state || atomic_load(&state->unseen);
}
