/*
 * The monitor as its worker sees it, over the channel. A monitor without free descriptors must say so: a
 * person who reads "invalid argument" looks in the wrong place.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/channel.h"
#include "monitor/files/credentials.h"
#include "tests/unit/cmocka_all.h"

static const uint8_t token[WIRE_TOKEN_SIZE] = "the right token";

/* `room`: how many more descriptors it may open. */
static pid_t start(int *channel, rlim_t room)
{
    int pair[2];
    pid_t child;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const rlim_t first = (rlim_t)dup(pair[0]); /* pair[1] keeps its number; those below are in use */
        const struct rlimit limit = {.rlim_cur = first + room, .rlim_max = first + room};

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close((int)first);
        dup2(STDERR_FILENO, pair[1]);
        monitor_set_token(token);
        if (!credentials_note_own() || setrlimit(RLIMIT_NOFILE, &limit) != 0)
            _exit(1);
        monitor_run(pair[0], -1);
        _exit(0);
    }
    close(pair[0]);
    *channel = pair[1];
    return child;
}

static void stop(pid_t child, int channel)
{
    int status;

    close(channel);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int ask(int channel, uint32_t kind, const int *descriptor, size_t count)
{
    struct monitor_head head = {.kind = kind};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int) * MONITOR_DESCRIPTORS)];
    } control = {.room = {0}};
    struct iovec part = {&head, sizeof head};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct monitor_answer_head answer;

    if (count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(&control.head), descriptor, sizeof(int) * count);
    }
    assert_int_equal(sendmsg(channel, &message, MSG_NOSIGNAL), sizeof head);
    assert_int_equal(recv(channel, &answer, sizeof answer, 0), sizeof answer);
    return answer.error;
}

static void want_of_descriptors_is_told_as_that(void **state)
{
    const int along[2] = {STDIN_FILENO, STDERR_FILENO};
    int channel;
    const pid_t child = start(&channel, 0);

    (void)state;
    assert_int_equal(ask(channel, MONITOR_TAKE, along, 1), EMFILE);
    assert_int_equal(ask(channel, MONITOR_OPTION, along, 2), EMFILE);
    assert_int_equal(ask(channel, MONITOR_PARENT, NULL, 0), 0); /* it still answers */
    stop(child, channel);
}

static void with_descriptors_it_is_the_question_that_is_wrong(void **state)
{
    const int along[2] = {STDIN_FILENO, STDERR_FILENO};
    int channel;
    const pid_t child = start(&channel, 8);

    (void)state;
    assert_int_equal(ask(channel, MONITOR_TAKE, along, 2), EINVAL);
    assert_int_equal(ask(channel, MONITOR_OPTION, along, 1), EINVAL);
    stop(child, channel);
}

/* If a worker ends with an answer unread, the channel is reset. What it asked before must still be heard. */
static void what_a_worker_asked_before_it_ended_is_heard(void **state)
{
    const struct monitor_head asked = {.kind = MONITOR_PARENT, .what = 7};
    static _Alignas(8) uint8_t data[MONITOR_DATA_LIMIT];
    struct monitor_question question;
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(send(pair[0], "answer", 6, 0), 6);
    assert_int_equal(send(pair[1], &asked, sizeof asked, 0), sizeof asked);
    close(pair[1]);
    assert_true(channel_receive(pair[0], &question, data, NULL));
    assert_memory_equal(&question.head, &asked, sizeof asked);
    assert_false(channel_receive(pair[0], &question, data, NULL));
    close(pair[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(want_of_descriptors_is_told_as_that),
        cmocka_unit_test(with_descriptors_it_is_the_question_that_is_wrong),
        cmocka_unit_test(what_a_worker_asked_before_it_ended_is_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
