/*
 * Runs a program as if on a kernel that has SMC sockets, but with no peer that speaks SMC: `smc_kernel
 * program arguments`. socket(AF_SMC), and socket(AF_INET or AF_INET6, SOCK_STREAM, IPPROTO_SMC), return TCP
 * sockets (which SMC falls back to then) that report what SMC sockets report. x86-64, Linux 5.9.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    FAMILY_SMC = 43,
    PROTOCOL_SMC = 256,
    /* The IP_TTL or IPV6_UNICAST_HOPS by which we recognise such a socket. */
    BY_FAMILY = 143,
    BY_PROTOCOL = 144,
};

static bool is_v6(int fd)
{
    int domain = 0;
    socklen_t length = sizeof domain;

    return syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_INET6;
}

static int kind_of(int fd)
{
    int kind = 0;
    socklen_t length = sizeof kind;
    const bool v6 = is_v6(fd);

    if (syscall(SYS_getsockopt, fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_UNICAST_HOPS : IP_TTL, &kind,
                &length) != 0)
        return 0;
    return kind;
}

static void make_socket(int listener, const struct seccomp_notif *call, struct seccomp_notif_resp *answer)
{
    const __u64 *const args = call->data.args;
    const bool by_family = args[0] == FAMILY_SMC;
    const int family = by_family ? (args[2] == 1 ? AF_INET6 : AF_INET) : (int)args[0];
    const int fd = socket(family, (int)args[1] | SOCK_CLOEXEC, 0);
    const int kind = by_family ? BY_FAMILY : BY_PROTOCOL;
    struct seccomp_notif_addfd add = {
        .id = call->id,
        .srcfd = (uint32_t)fd,
        .newfd_flags = (uint32_t)args[1] & SOCK_CLOEXEC,
    };
    int given = -1;

    if (fd >= 0) {
        if (family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &kind, sizeof kind);
        else
            setsockopt(fd, IPPROTO_IP, IP_TTL, &kind, sizeof kind);
        given = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    }
    answer->flags = 0;
    answer->error = given < 0 ? -errno : 0;
    answer->val = given < 0 ? 0 : given;
    if (fd >= 0)
        close(fd);
}

/* Answers getsockopt() for SO_DOMAIN and SO_PROTOCOL. For any other socket, the kernel answers. */
static void tell(const struct seccomp_notif *call, struct seccomp_notif_resp *answer)
{
    const __u64 *const args = call->data.args;
    const int process = (int)syscall(SYS_pidfd_open, call->pid, O_EXCL /* of a thread, Linux 6.9 */);
    const int fd = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, (int)args[0], 0);
    const int kind = fd < 0 ? 0 : kind_of(fd);
    int value = -1;
    uint32_t length = sizeof value;
    struct iovec here[] = {{&value, sizeof value}, {&length, sizeof length}};
    struct iovec there[] = {{(void *)(uintptr_t)args[3], sizeof value},
                            {(void *)(uintptr_t)args[4], sizeof length}};

    if (kind == BY_FAMILY)
        value = args[2] == SO_DOMAIN ? FAMILY_SMC : is_v6(fd);
    else if (kind == BY_PROTOCOL && args[2] == SO_PROTOCOL)
        value = PROTOCOL_SMC;
    if (value >= 0) {
        answer->flags = 0;
        answer->error = process_vm_writev((pid_t)call->pid, here, 2, there, 2, 0) < 0 ? -EFAULT : 0;
    }
    if (fd >= 0)
        close(fd);
    if (process >= 0)
        close(process);
}

static void serve(int listener)
{
    union {
        struct seccomp_notif it;
        char room[512]; /* for a newer kernel's structure */
    } call;
    union {
        struct seccomp_notif_resp it;
        char room[512];
    } answer;
    struct pollfd wait = {.fd = listener, .events = POLLIN};

    while (poll(&wait, 1, -1) > 0 && !(wait.revents & (POLLHUP | POLLERR | POLLNVAL))) {
        memset(&call, 0, sizeof call);
        memset(&answer, 0, sizeof answer);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
            continue;
        answer.it.id = call.it.id;
        answer.it.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        if (call.it.data.nr == SYS_socket)
            make_socket(listener, &call.it, &answer.it);
        else
            tell(&call.it, &answer.it);
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
}

/* Returns the filter's descriptor. Everything that the program starts inherits the filter. */
static int enter(void)
{
    const struct scmp_arg_cmp family = SCMP_A0(SCMP_CMP_EQ, FAMILY_SMC);
    const struct scmp_arg_cmp protocol = SCMP_A2(SCMP_CMP_EQ, PROTOCOL_SMC);
    const struct scmp_arg_cmp domain[] = {SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET), SCMP_A2(SCMP_CMP_EQ, SO_DOMAIN)};
    const struct scmp_arg_cmp number[] = {SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET),
                                          SCMP_A2(SCMP_CMP_EQ, SO_PROTOCOL)};
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    if (!filter || seccomp_rule_add_array(filter, SCMP_ACT_NOTIFY, SCMP_SYS(socket), 1, &family) != 0 ||
        seccomp_rule_add_array(filter, SCMP_ACT_NOTIFY, SCMP_SYS(socket), 1, &protocol) != 0 ||
        seccomp_rule_add_array(filter, SCMP_ACT_NOTIFY, SCMP_SYS(getsockopt), 2, domain) != 0 ||
        seccomp_rule_add_array(filter, SCMP_ACT_NOTIFY, SCMP_SYS(getsockopt), 2, number) != 0 ||
        seccomp_load(filter) != 0)
        return -1;
    return seccomp_notify_fd(filter);
}

int main(int argc, char **argv)
{
    int tell_number[2], go[2], number, status, listener;
    char byte;
    pid_t child;

    if (argc < 2 || pipe2(tell_number, O_CLOEXEC) != 0 || pipe2(go, O_CLOEXEC) != 0)
        return 2;
    child = fork();
    if (child == 0) {
        close(go[1]);
        number = enter();
        if (number < 0 || write(tell_number[1], &number, sizeof number) != sizeof number ||
            read(go[0], &byte, 1) != 1)
            _exit(2);
        close(number);
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    close(tell_number[1]);
    if (child < 0 || read(tell_number[0], &number, sizeof number) != sizeof number)
        return 2;
    listener = (int)syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, child, 0), number, 0);
    if (listener < 0 || write(go[1], "", 1) != 1)
        return 2;
    /*
     * In a separate process: the program's children may need the filter served after the program has ended.
     */
    if (fork() == 0) {
        for (int fd = 0; fd < 256; fd++) {
            if (fd != listener)
                close(fd);
        }
        setsid();
        serve(listener);
        _exit(0);
    }
    close(listener);
    while (waitpid(child, &status, 0) != child)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
