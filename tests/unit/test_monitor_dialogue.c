/*
 * The monitor as its worker meets it, over the dialogue. A monitor that has run out of descriptors says so: a
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

#include "monitor/credentials.h"
#include "monitor/monitor.h"
#include "tests/unit/cmocka_all.h"

static const uint8_t token[WIRE_TOKEN_SIZE] = "the right token";

/* `room`: descriptors that it may still open. */
static pid_t start(int *dialogue, rlim_t room)
{
    int pair[2];
    pid_t child;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const rlim_t first = (rlim_t)dup(pair[0]); /* pair[1] keeps its number, and what is below is taken */
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
    *dialogue = pair[1];
    return child;
}

static void stop(pid_t child, int dialogue)
{
    int status;

    close(dialogue);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int ask(int dialogue, uint32_t kind, const int *descriptor, size_t count)
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
    assert_int_equal(sendmsg(dialogue, &message, MSG_NOSIGNAL), sizeof head);
    assert_int_equal(recv(dialogue, &answer, sizeof answer, 0), sizeof answer);
    return answer.error;
}

static void want_of_descriptors_is_told_as_that(void **state)
{
    const int along[2] = {STDIN_FILENO, STDERR_FILENO};
    int dialogue;
    const pid_t child = start(&dialogue, 0);

    (void)state;
    assert_int_equal(ask(dialogue, MONITOR_TAKE, along, 1), EMFILE);
    assert_int_equal(ask(dialogue, MONITOR_OPTION, along, 2), EMFILE);
    assert_int_equal(ask(dialogue, MONITOR_PARENT, NULL, 0), 0); /* it goes on */
    stop(child, dialogue);
}

static void with_descriptors_it_is_the_question_that_is_wrong(void **state)
{
    const int along[2] = {STDIN_FILENO, STDERR_FILENO};
    int dialogue;
    const pid_t child = start(&dialogue, 8);

    (void)state;
    assert_int_equal(ask(dialogue, MONITOR_TAKE, along, 2), EINVAL);
    assert_int_equal(ask(dialogue, MONITOR_OPTION, along, 1), EINVAL);
    stop(child, dialogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(want_of_descriptors_is_told_as_that),
        cmocka_unit_test(with_descriptors_it_is_the_question_that_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
