/*
 * What the preload adds to a call that does not concern it. In one process, short batches of the call as the
 * program reaches it and of libc's own alternate. Both see the same machine, so the median of the differences
 * is good to a nanosecond. Without the preload both are libc's, which gives the error of the measurement.
 *
 *   paired read | connect
 *
 * Prints nanoseconds per call: as the program reaches it, libc's own, and the median difference.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 2001, READS = 500, CONNECTS = 32 };

typedef ssize_t read_function(int, void *, size_t);
typedef int connect_function(int, const struct sockaddr *, socklen_t);

/* Runs one batch. Returns nanoseconds per call. */
typedef double batch(void *function);

static int zero, listener;
static struct sockaddr_in here = {.sin_family = AF_INET};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double reads(void *function)
{
    read_function *call;
    char byte;
    memcpy(&call, &function, sizeof call); /* ISO C cannot cast an object pointer to a function's */
    double start = now();
    for (int i = 0; i < READS; i++)
        if (call(zero, &byte, 1) != 1)
            err(1, "read");
    return (now() - start) / READS;
}

static double connects(void *function)
{
    connect_function *call;
    int sockets[CONNECTS];
    struct linger reset = {.l_onoff = 1}; /* leaves no TIME_WAIT behind */
    memcpy(&call, &function, sizeof call);
    for (int i = 0; i < CONNECTS; i++) {
        sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(sockets[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    double start = now();
    for (int i = 0; i < CONNECTS; i++)
        if (call(sockets[i], (const struct sockaddr *)&here, sizeof here) != 0)
            err(1, "connect");
    double taken = (now() - start) / CONNECTS;
    for (int i = 0; i < CONNECTS; i++) {
        close(accept(listener, NULL, NULL));
        close(sockets[i]);
    }
    return taken;
}

static int ascending(const void *left, const void *right)
{
    double l = *(const double *)left, r = *(const double *)right;
    return (l > r) - (l < r);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, ascending);
    return values[ROUNDS / 2];
}

int main(int count, char **arguments)
{
    static double ours[ROUNDS], theirs[ROUNDS], difference[ROUNDS];
    int connecting = count == 2 && strcmp(arguments[1], "connect") == 0;
    if (!connecting && (count != 2 || strcmp(arguments[1], "read") != 0))
        errx(2, "usage: paired read | connect");
    batch *measure = connecting ? connects : reads;

    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    void *own = libc ? dlsym(libc, arguments[1]) : NULL;
    void *reached = dlsym(RTLD_DEFAULT, arguments[1]);
    if (!own || !reached)
        errx(1, "%s", dlerror());
    zero = open("/dev/zero", O_RDONLY);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t length = sizeof here;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (zero < 0 || bind(listener, (struct sockaddr *)&here, sizeof here) != 0 ||
        listen(listener, CONNECTS) != 0 || getsockname(listener, (struct sockaddr *)&here, &length) != 0)
        err(1, "cannot prepare");

    for (int i = 0; i < ROUNDS; i++) {
        if (i % 2)
            theirs[i] = measure(own);
        ours[i] = measure(reached);
        if (i % 2 == 0)
            theirs[i] = measure(own);
        difference[i] = ours[i] - theirs[i];
    }
    printf("%.2f %.2f %.2f\n", median(ours), median(theirs), median(difference));
    return 0;
}
