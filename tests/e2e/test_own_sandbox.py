"""Programs that sandbox themselves with their own system call filter or Landlock rules."""
import platform
import re

import pytest
from support import certs
from support.hostile import Hostile
from support.late import guard, path, upgraded
from support.play import honest
from support.protocols import POP3, SECRET, SENDER
from support.tree import compile_c

FILTER = r"""
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From now on the listed calls are the only ones (`only`), or those that fail, with EPERM. */
static void shut_in(int only, int count, const int *calls)
{
    struct sock_filter filter[32] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
    struct sock_fprog program = {(unsigned short)(count + 3), filter};
    for (int i = 0; i < count; i++)
        filter[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], count - i, 0);
    filter[count + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, only ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_ALLOW);
    filter[count + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, only ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EPERM);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        exit(9);
}

static int connect_to(int fd, const char *port)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(fd, (struct sockaddr *)&server, sizeof server);
}
"""

BYTES_ONLY = FILTER + r"""
int main(int count, char **words)
{
    static const int calls[] = {SYS_read, SYS_write, SYS_exit_group};
    const char *say = getenv("WORDS");
    char bytes[4096];
    ssize_t got;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect_to(fd, words[1]))
        return 2;
    shut_in(1, 3, calls);
    if ((got = read(fd, bytes, sizeof bytes)) <= 0 || write(fd, say, strlen(say)) != (ssize_t)strlen(say))
        return 3;
    for (; got > 0; got = read(fd, bytes, sizeof bytes))
        write(1, bytes, got);
    return got == 0 ? 0 : 4;
}
"""


def test_program_that_may_only_read_and_write_once_it_is_connected(shim):
    program = compile_c(BYTES_ONLY, shim.folder / "program")
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        result = shim.run(program, tap.port, env={"WORDS": POP3.words.decode()}).ok()
    upgraded(tap, POP3)
    assert re.match(POP3.upgraded, result.out), result.show()


LINKS = FILTER + r"""
int main(int count, char **words)
{
    static const int calls[] = {SYS_readlinkat};
    struct epoll_event event = {.events = EPOLLIN};
    char path[64], line[256];
    unsigned long inode = 0;
    struct stat status;
    int fd = socket(AF_INET, SOCK_STREAM, 0), set = epoll_create1(0);
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    shut_in(0, 1, calls);
    if (connect_to(fd, words[1]) || fstat(fd, &status))
        return 2;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", set);
    for (FILE *info = fopen(path, "r"); fgets(line, sizeof line, info);)
        if (strncmp(line, "tfd:", 4) == 0)
            inode = strtoul(strstr(line, "ino:") + 4, NULL, 16);
    return inode == status.st_ino ? 0 : 3;
}
"""


def test_epoll_set_where_links_of_proc_cannot_be_read(shim):
    """The epoll set must not keep waiting for the TCP socket, which the relay reads."""
    program = compile_c(LINKS, shim.folder / "program")
    with path(lambda s: s.rest()) as tap:
        guard(shim, tap, "pop3")
        shim.run(program, tap.port).ok()


TRAPS = "#define _GNU_SOURCE" + FILTER + r"""
#include <signal.h>
#include <ucontext.h>

/* Stands for a broker that makes the call in this process's place. */
static void make(int signal, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    int saved = errno;
    registers[REG_RAX] = syscall(SYS_openat2, (int)registers[REG_RDI], registers[REG_RSI],
                                 &(unsigned long[3]){(unsigned)registers[REG_RDX], 0, 0}, 24);
    if (registers[REG_RAX] < 0)
        registers[REG_RAX] = -errno;
    errno = saved;
    (void)signal, (void)info;
}

int main(int count, char **words)
{
    struct sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
                                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
                                   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {4, filter};
    const char *say = getenv("WORDS");
    char bytes[4096];
    ssize_t got;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (count > 2) { /* the relay would be shut in, too: it is there already */
        int before = socket(AF_INET, SOCK_STREAM, 0);
        if (connect_to(before, words[2]) || read(before, bytes, 1) != 1)
            return 1;
        close(before);
    }
    sigaction(SIGSYS, &(struct sigaction){.sa_sigaction = make, .sa_flags = SA_SIGINFO | SA_NODEFER}, NULL);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return 9;
    if (connect_to(fd, words[1]))
        return 2;
    got = read(fd, bytes, sizeof bytes);
    if (write(fd, say, strlen(say)) < 0)
        return 3;
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        ;
    return got == 0 ? 0 : 4;
}
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the program knows x86-64's registers alone")
def test_program_that_makes_its_system_calls_in_a_handler_of_sigsys(shim):
    """If SIGSYS is blocked, such a call kills the program (seccomp(2), SECCOMP_RET_TRAP)."""
    program = compile_c(TRAPS, shim.folder / "program")
    with path(honest(POP3)) as tap, Hostile(honest(POP3)) as other:
        shim.policy("".join(f"match port {port}\n level secure\n protocol pop3\n name localhost\n"
                            f" ca-file {certs.authority().pem}\n" for port in (tap.port, other.port)))
        result = shim.run(program, tap.port, other.port, env={"WORDS": POP3.words.decode()}).ok()
    upgraded(tap, POP3)
    assert [line["result"] for line in result.lines].count("tls") == 2, result.show()


SCOPED = FILTER + r"""
int main(int count, char **words)
{
    struct {
        unsigned long files, network, scoped;
    } rules = {0, 0, 1 /* LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET */};
    enum { CREATE_RULESET = 444, RESTRICT_SELF = 446 }; /* landlock(7) */
    const char *say = getenv("WORDS");
    char bytes[4096];
    for (int i = 1; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect_to(fd, words[i]))
            return i;
        if (write(fd, say, strlen(say)) < 0)
            return 8;
        while (read(fd, bytes, sizeof bytes) > 0)
            ;
        int set = syscall(CREATE_RULESET, &rules, sizeof rules, 0);
        if (set < 0)
            return 77;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(RESTRICT_SELF, set, 0))
            return 9;
    }
    return 0;
}
"""


def test_program_that_shuts_itself_off_from_the_relay_that_it_had(shim):
    """From then on, it uses a new relay inside its own Landlock domain."""
    program = compile_c(SCOPED, shim.folder / "program")
    with path(honest(POP3)) as tap:
        guard(shim, tap, "pop3")
        result = shim.run(program, tap.port, tap.port, env={"WORDS": POP3.words.decode()})
    if result.status == 77:
        pytest.skip("this kernel's Landlock does not know of UNIX sockets")
    result.ok()
    tap.never_saw(SECRET, SENDER)
    assert tap.server_side.over_tls == 2 * POP3.words, result.show()
