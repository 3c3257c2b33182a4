/*
 * A classic packet filter on the socket (SO_ATTACH_FILTER): attaches one that passes everything, and detaches
 * it.
 */
#include <linux/filter.h>

#include "options.h"

int main(void)
{
    twin_start();
    if (getuid() != 0)
        twin_skip("needs root: whether an ordinary user may attach one is the kernel's configuration");
    int fd = twin_connect();
    struct sock_filter all = {BPF_RET | BPF_K, 0, 0, 0x40000};
    struct sock_fprog program = {1, &all};
    SAY(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
    peer("send 10");
    wait_readable(fd, 10);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    say_set_option(fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
    say_set_option(fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
    return 0;
}
