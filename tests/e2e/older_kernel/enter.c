#include "kernel.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* i386's numbers of system calls, which the headers of x86-64 do not give. */
enum {
    I386_UNAME = 122,
    I386_PRCTL = 172,
    I386_FCNTL64 = 221,
    I386_READLINK = 85,
    I386_OPEN = 5,
    I386_OPENAT = 295,
    I386_READLINKAT = 305,
    I386_SOCKETCALL = 102
};

enum { ROOM = 160 };

struct program {
    struct sock_filter code[ROOM];
    unsigned short length;
};

static void add(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    if (p->length == ROOM)
        abort();
    p->code[p->length++] = (struct sock_filter){code, yes, no, k};
}

static void load(struct program *p, size_t offset)
{
    add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void give(struct program *p, uint32_t action)
{
    add(p, BPF_RET | BPF_K, action, 0, 0);
}

static void load_call(struct program *p)
{
    load(p, offsetof(struct seccomp_data, nr));
}

static void load_argument(struct program *p, int argument)
{
    load(p, offsetof(struct seccomp_data, args) + 8 * (size_t)argument); /* the low half, on x86 */
}

/* These functions test the loaded call number, and load it again if they used the accumulator. */
static void call_gives(struct program *p, uint32_t call, uint32_t action)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
    give(p, action);
}

static void argument_from_on_gives(struct program *p, uint32_t call, int argument, uint32_t first,
                                   uint32_t action)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4);
    load_argument(p, argument);
    add(p, BPF_JMP | BPF_JGE | BPF_K, first, 0, 1);
    give(p, action);
    load_call(p);
}

/* The level is the second argument, the option the third. */
static void option_from_on_is_unknown(struct program *p, uint32_t call, uint32_t level, uint32_t first)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 6);
    load_argument(p, 1);
    add(p, BPF_JMP | BPF_JEQ | BPF_K, level, 0, 3);
    load_argument(p, 2);
    add(p, BPF_JMP | BPF_JGE | BPF_K, first, 0, 1);
    give(p, SECCOMP_RET_USER_NOTIF);
    load_call(p);
}

static const uint32_t notify = SECCOMP_RET_USER_NOTIF, invalid = SECCOMP_RET_ERRNO | EINVAL;

static void allow_or_notify_paths(struct program *p, const struct kernel *k, const uint32_t *calls,
                                  size_t count)
{
    for (size_t i = 0; k->version < 317 && i < count; i++)
        call_gives(p, calls[i], notify);
}

static void for_64_bits(struct program *p, const struct kernel *k)
{
    static const uint32_t with_path[] = {SYS_open, SYS_openat, SYS_readlink, SYS_readlinkat};

    load_call(p);
    add(p, BPF_JMP | BPF_JGE | BPF_K, k->calls, 0, 1);
    give(p, SECCOMP_RET_ERRNO | ENOSYS);
    option_from_on_is_unknown(p, SYS_getsockopt, SOL_SOCKET, k->socket);
    option_from_on_is_unknown(p, SYS_setsockopt, SOL_SOCKET, k->socket);
    option_from_on_is_unknown(p, SYS_getsockopt, IPPROTO_TCP, k->tcp);
    option_from_on_is_unknown(p, SYS_setsockopt, IPPROTO_TCP, k->tcp);
    argument_from_on_gives(p, SYS_fcntl, 1, k->fcntl, invalid);
    if (k->version < 305) { /* PR_SET_SECCOMP with a filter */
        add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 6);
        load_argument(p, 0);
        add(p, BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 3);
        load_argument(p, 1);
        add(p, BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_MODE_FILTER, 0, 1);
        give(p, invalid);
        load_call(p);
    }
    argument_from_on_gives(p, SYS_prctl, 0, k->prctl, invalid);
    argument_from_on_gives(p, SYS_seccomp, 0, k->seccomp, invalid);
    argument_from_on_gives(p, SYS_seccomp, 1, k->seccomp_flags + 1, invalid);
    /* TCP_INFO */
    add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_getsockopt, 0, 6);
    load_argument(p, 1);
    add(p, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 3);
    load_argument(p, 2);
    add(p, BPF_JMP | BPF_JEQ | BPF_K, 11, 0, 1);
    give(p, notify);
    load_call(p);
    allow_or_notify_paths(p, k, with_path, sizeof with_path / sizeof *with_path);
    if (k->landlock > 0)
        call_gives(p, SYS_landlock_create_ruleset, notify);
    call_gives(p, SYS_uname, notify);
    give(p, SECCOMP_RET_ALLOW);
}

/*
 * On i386, socket options go through socketcall(2), whose arguments are in memory, where a filter cannot
 * look. So only calls with their own number are handled.
 */
static void for_32_bits(struct program *p, const struct kernel *k)
{
    static const uint32_t with_path[] = {I386_OPEN, I386_OPENAT, I386_READLINK, I386_READLINKAT};

    load_call(p);
    add(p, BPF_JMP | BPF_JGE | BPF_K, k->calls_of_32_bits, 0, 1);
    give(p, SECCOMP_RET_ERRNO | ENOSYS);
    argument_from_on_gives(p, I386_FCNTL64, 1, k->fcntl, invalid);
    argument_from_on_gives(p, I386_PRCTL, 0, k->prctl, invalid);
    allow_or_notify_paths(p, k, with_path, sizeof with_path / sizeof *with_path);
    call_gives(p, I386_UNAME, notify);
    give(p, SECCOMP_RET_ALLOW);
}

static void make(struct program *p, const struct kernel *k)
{
    struct program of_32 = {.length = 0};

    for_32_bits(&of_32, k);
    load(p, offsetof(struct seccomp_data, arch));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, (uint8_t)of_32.length);
    for (unsigned i = 0; i < of_32.length; i++)
        p->code[p->length++] = of_32.code[i];
    for_64_bits(p, k);
}

/* Sends a descriptor to the other end of the pair, or receives one if `fd` is -1. */
static int pass(int over, int fd)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    char byte = 0;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};

    if (fd < 0) {
        if (recvmsg(over, &message, MSG_CMSG_CLOEXEC) != 1 || message.msg_controllen < CMSG_LEN(sizeof(int)))
            return -1;
        memcpy(&fd, CMSG_DATA(&control.head), sizeof fd);
        return fd;
    }
    control.head = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    return sendmsg(over, &message, 0) == 1 ? 0 : -1;
}

/*
 * The server is a grandchild: the program must have no child that it did not start, and keep its own number.
 */
static bool start_server(int over, int programs, const struct kernel *kernel)
{
    const pid_t child = fork();
    int status;

    if (child == 0) {
        int listener;

        if (fork() != 0)
            _exit(0);
        setsid();
        close(programs);
        listener = pass(over, -1);
        if (listener < 0)
            _exit(1);
        /* Nobody waits for an end of file because of this process. */
        for (int fd = 0; fd < 1024; fd++) {
            if (fd != listener)
                close(fd);
        }
        kernel_serve(listener, kernel);
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

bool kernel_enter(const struct kernel *kernel)
{
    struct program program = {.length = 0};
    struct sock_fprog filter = {.filter = program.code};
    int way[2], listener;

    make(&program, kernel);
    filter.len = program.length;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, way) != 0 ||
        !start_server(way[1], way[0], kernel)) {
        perror("older_kernel: helper");
        return false;
    }
    close(way[1]);
    if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return false;
    listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
    if (listener < 0 || pass(way[0], listener) != 0) {
        perror("older_kernel: filter");
        return false;
    }
    close(listener);
    close(way[0]);
    return true;
}
