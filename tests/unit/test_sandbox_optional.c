/* What a worker without a filter of system calls serves: sandbox_suffices(). */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/sandbox/sandbox.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/walls.h"

/* Makes seccomp(2), and prctl(2) as its substitute, fail from now on. The kernel of the tests has both. */
static bool forbid_filters(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 2),
        /* the half of the argument that has the value */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args) + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool serves(enum level level, bool optional, struct failure *why)
{
    const struct settings settings = {.level = level, .sandbox_optional = optional};

    *why = (struct failure){.kind = FAILURE_NONE};
    return sandbox_suffices(&settings, "mail.example.org", why);
}

/* Returns the number of the first wrong case, from 1, or 0. `filtered`: the process has its filter. */
static int case_that_is_wrong(bool filtered)
{
    static const enum level levels[] = {LEVEL_MAY, LEVEL_ENCRYPT, LEVEL_SECURE, LEVEL_FINGERPRINT};
    struct failure why;
    int number = 0;

    for (size_t i = 0; i < 2 * sizeof levels / sizeof levels[0]; i++) {
        const enum level level = levels[i / 2];
        const bool optional = i % 2, wanted = filtered || optional || level == LEVEL_MAY;

        number++;
        if (serves(level, optional, &why) != wanted ||
            why.kind != (wanted ? FAILURE_NONE : FAILURE_NO_SANDBOX) ||
            (!wanted && (!strstr(why.text, "mail.example.org") || !strstr(why.text, "no seccomp filters"))))
            return number;
    }
    return 0;
}

static void assert_none_is_wrong(bool filtered)
{
    int status = 0;
    const pid_t pid = fork();

    if (pid == 0) {
        if (filtered ? prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 : !forbid_filters())
            _exit(100);
        _exit(sandbox_enter(false) ? case_that_is_wrong(filtered) : 101);
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    walls_assert_status(status, 0);
}

static void test_what_is_served_without_a_filter(void **state)
{
    (void)state;
    walls_need_filters();
    assert_none_is_wrong(true);
    assert_none_is_wrong(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_served_without_a_filter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
