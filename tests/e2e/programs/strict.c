/*
 * Shuts itself in with SECCOMP_MODE_STRICT, where any system call except read(2), write(2) and exit(2) kills
 * it. Then it uses a file, a pipe, a pair of sockets, and an accepted connection for the first time.
 */
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof any;
    int pipes[2], pair[2], bad = 0;
    char byte;
    int file = open(argc > 1 ? argv[1] : "/etc/passwd", O_RDONLY);
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    if (file < 0 || pipe(pipes) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ||
        bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, 1) ||
        getsockname(listener, (struct sockaddr *)&any, &length) ||
        connect(client, (struct sockaddr *)&any, sizeof any))
        return 2;
    int accepted = accept(listener, NULL, NULL);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
        return 3;
    bad |= read(file, &byte, 1) != 1;
    bad |= write(pipes[1], "x", 1) != 1 || read(pipes[0], &byte, 1) != 1;
    bad |= write(pair[1], "x", 1) != 1 || read(pair[0], &byte, 1) != 1;
    bad |= write(client, "x", 1) != 1 || read(accepted, &byte, 1) != 1;
    bad |= write(STDOUT_FILENO, "alive\n", 6) != 6;
    syscall(SYS_exit, bad);
    return 4;
}
