/*
 * How long the relay lives: as long as somebody needs it, and no longer. The loop runs in its own process, as
 * in the relay. Its owner is a third process.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "relay/protocol/plain.h"
#include "relay/request.h"
#include "relay/service.h"
#include "relay/session.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/request_peer.h"
#include "tests/unit/tls_peer.h"
#include "wire/wire.h"

/* Shared with the relay. */
static struct {
    atomic_bool fail;
    atomic_int failed;
} * accepting;

/* The relay's accept4(2), which fails as it does without descriptors. */
int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    if (accepting && accepting->fail) {
        accepting->failed++;
        errno = EMFILE;
        return -1;
    }
    return (int)syscall(SYS_accept4, fd, address, length, flags);
}

static const uint8_t token[WIRE_TOKEN_SIZE] = "the right token";

struct relay {
    struct sockaddr_un address;
    socklen_t length;
    pid_t owner, process;
    int alive; /* end of file once the relay has gone */
};

static pid_t start_owner(void)
{
    const pid_t owner = fork();

    if (owner == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* ends when the test fails */
        for (;;)
            pause();
    }
    return owner;
}

/* `as_child`: this process is the owner, and the relay its child. Else the owner is another process. */
static void start(struct relay *r, bool as_child)
{
    static int number;
    int pipes[2], listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

    memset(r, 0, sizeof *r);
    r->address.sun_family = AF_UNIX;
    r->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                            (size_t)snprintf(r->address.sun_path + 1, sizeof r->address.sun_path - 1,
                                             "retrotls/1 test %d %d", (int)getpid(), ++number));
    assert_int_equal(bind(listener, (struct sockaddr *)&r->address, r->length), 0);
    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(pipe(pipes), 0);
    r->owner = as_child ? getpid() : start_owner();
    r->process = fork();
    if (r->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pipes[0]);
        monitor_set_token(token);
        monitor_set_relay_name("00112233445566778899aabbccddeeff");
        {
            const struct service_owner owner = service_owner_of(r->owner, getppid);

            service_run(listener, &owner);
        }
        _exit(0);
    }
    close(listener);
    close(pipes[1]);
    r->alive = pipes[0];
}

static bool has_ended(const struct relay *r, int milliseconds)
{
    struct pollfd polled = {.fd = r->alive, .events = POLLIN};

    return poll(&polled, 1, milliseconds) == 1;
}

static void end_owner(struct relay *r)
{
    kill(r->owner, SIGKILL);
    waitpid(r->owner, NULL, 0);
    r->owner = 0;
}

static void stop(struct relay *r)
{
    int status;

    if (r->owner > 0 && r->owner != getpid())
        end_owner(r);
    assert_true(has_ended(r, 20000));
    assert_int_equal(waitpid(r->process, &status, 0), r->process);
    assert_int_equal(status, 0);
    close(r->alive);
}

static int connect_to(const struct relay *r)
{
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    if (connect(fd, (const struct sockaddr *)&r->address, r->length) == 0)
        return fd;
    close(fd);
    return -1;
}

static int answer_of(int fd)
{
    _Alignas(8) uint8_t bytes[1024];
    struct wire_reply reply;
    const ssize_t n = recv(fd, bytes, sizeof bytes, 0);

    return n > 0 && wire_read_reply(&reply, bytes, (size_t)n) ? reply.error : -1;
}

/* A connection to a silent server. Returns the program's end; `*server` is the server's. */
static int guarded(const struct relay *r, int *server)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    struct guard_request request = {.filler = 1,
                                    .asked_address = {.family = AF_INET, .port = 143},
                                    .settings = {.level = LEVEL_MAY, .log = "none"}};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int) * 3)];
    } control = {
        .head = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * 3)}};
    struct iovec part = {.iov_base = message};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int pair[2], tcp[2], descriptors[3];
    const int fd = connect_to(r);

    assert_true(fd >= 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    peer_tcp_pair(tcp);
    assert_int_equal(send(pair[0], "", 1, 0), 1);
    memcpy(request.token, token, sizeof token);
    request.cookie = request_cookie(pair[0]);
    part.iov_len = wire_write_guard(message, &request);
    descriptors[0] = tcp[0];
    descriptors[1] = pair[1];
    descriptors[2] = pair[0];
    memcpy(CMSG_DATA(&control.head), descriptors, sizeof descriptors);
    assert_true(sendmsg(fd, &header, 0) > 0);
    assert_int_equal(answer_of(fd), 0);
    close(fd);
    close(tcp[0]);
    close(pair[1]);
    *server = tcp[1];
    return pair[0];
}

static void it_ends_with_its_owner(void **state)
{
    struct relay r;

    (void)state;
    start(&r, false);
    assert_false(has_ended(&r, 100));
    end_owner(&r);
    assert_true(has_ended(&r, 20000)); /* not because it was idle, which takes IDLE_WITH_OWNER */
    assert_int_equal(connect_to(&r), -1);
    stop(&r);
}

/* A forked child keeps using the connection after the program has gone. */
static void it_outlives_its_owner_while_a_connection_lives(void **state)
{
    struct relay r;
    int program, server, later, later_server;

    (void)state;
    start(&r, false);
    program = guarded(&r, &server);
    end_owner(&r);
    assert_false(has_ended(&r, 2500));
    later = guarded(&r, &later_server);
    close(program);
    close(server);
    assert_false(has_ended(&r, 100));
    close(later);
    close(later_server);
    assert_true(has_ended(&r, 20000));
    stop(&r);
}

/* During a connect(), a request connection is open and silent. */
static void a_silent_request_keeps_it_alive_and_blocks_nobody(void **state)
{
    struct relay r;
    int silent, program, server;

    (void)state;
    start(&r, false);
    silent = connect_to(&r);
    assert_true(silent >= 0);
    end_owner(&r);
    assert_false(has_ended(&r, 2500));
    program = guarded(&r, &server);
    close(program);
    close(server);
    assert_false(has_ended(&r, 100));
    close(silent);
    assert_true(has_ended(&r, 20000));
    stop(&r);
}

/* An owner that waits for all its children must not wait for the relay for ever. */
static void as_a_child_of_its_owner_it_ends_when_idle(void **state)
{
    struct relay r;
    int program, server;
    int64_t began;

    (void)state;
    start(&r, true);
    program = guarded(&r, &server);
    assert_false(has_ended(&r, IDLE_WITHOUT_OWNER + 500));
    close(program);
    close(server);
    began = plain_now();
    assert_true(has_ended(&r, 20000));
    assert_true(plain_now() - began >= IDLE_WITHOUT_OWNER / 2);
    stop(&r);
}

/* Anybody may connect to an abstract address. Many silent connections must not keep the program out. */
static void a_crowd_of_silent_requests_keeps_nobody_out(void **state)
{
    enum { CROWD = REQUESTS_LIMIT + 50 };
    static int crowd[CROWD];
    struct relay r;
    int program, server;

    (void)state;
    start(&r, false);
    for (int i = 0; i < CROWD; i++)
        assert_true((crowd[i] = connect_to(&r)) >= 0);
    program = guarded(&r, &server);
    close(program);
    close(server);
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
    stop(&r);
}

/* What waits for a descriptor keeps the listener readable, and the loop must not spin meanwhile. */
static void without_descriptors_it_looks_again_only_now_and_then(void **state)
{
    struct relay r;
    int program, server, waiting;

    (void)state;
    accepting = mmap(NULL, sizeof *accepting, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(accepting != MAP_FAILED);
    start(&r, false);
    program = guarded(&r, &server);
    accepting->fail = true;
    waiting = connect_to(&r);
    assert_true(waiting >= 0);
    assert_false(has_ended(&r, 1000));
    assert_in_range(accepting->failed, 1, 20); /* every 100 ms */
    accepting->fail = false;
    close(program);
    close(server);
    program = guarded(&r, &server);
    close(program);
    close(server);
    close(waiting);
    stop(&r);
    munmap(accepting, sizeof *accepting);
    accepting = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ends_with_its_owner),
        cmocka_unit_test(it_outlives_its_owner_while_a_connection_lives),
        cmocka_unit_test(a_silent_request_keeps_it_alive_and_blocks_nobody),
        cmocka_unit_test(as_a_child_of_its_owner_it_ends_when_idle),
        cmocka_unit_test(a_crowd_of_silent_requests_keeps_nobody_out),
        cmocka_unit_test(without_descriptors_it_looks_again_only_now_and_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
