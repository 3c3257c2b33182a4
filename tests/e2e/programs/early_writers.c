/*
 * Threads that write on a socket before, while and after another thread connects it: on the program's number,
 * on a duplicate, and in a child forked before connect().
 *
 *     early_writers PORT RUNS CALL
 *
 * CALL is what writes (send, sendto, ...), "mixed" for a random one in each thread and run, or "waiting": a
 * splice() that is called before connect(), and gets its bytes afterwards. Each run is a connection of its
 * own. Every writer ends when a few of its writes have succeeded, or when connect() has returned and the
 * server has greeted. A run counts if a call that writes was under way at some moment of connect(). Prints
 * the number of connections, and of those that count.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char words[] = "NOOP S3cret-Passw0rd\r\n";
enum { SIZE = sizeof words - 1, WRITERS = 3, TAKEN = 2 };

static struct sockaddr_in server;
static int file; /* contains the words */

static ssize_t by_send(int fd)
{
    return send(fd, words, SIZE, 0);
}

static ssize_t by_sendto(int fd)
{
    return sendto(fd, words, SIZE, 0, (struct sockaddr *)&server, sizeof server);
}

static ssize_t by_sendmsg(int fd)
{
    struct iovec piece = {words, SIZE};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    return sendmsg(fd, &message, 0);
}

static ssize_t by_sendmmsg(int fd)
{
    struct iovec piece = {words, SIZE};
    struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}},
                                  {.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}}};
    return sendmmsg(fd, messages, 2, 0);
}

static ssize_t by_write(int fd)
{
    return write(fd, words, SIZE);
}

static ssize_t by_writev(int fd)
{
    struct iovec pieces[2] = {{words, 5}, {words + 5, SIZE - 5}};
    return writev(fd, pieces, 2);
}

static ssize_t by_sendfile(int fd)
{
    off_t from = 0;
    return sendfile(fd, file, &from, SIZE);
}

static ssize_t by_splice(int fd)
{
    int pipes[2];
    if (pipe(pipes) != 0 || write(pipes[1], words, SIZE) != SIZE)
        _exit(3);
    const ssize_t sent = splice(pipes[0], NULL, fd, NULL, SIZE, 0);
    close(pipes[0]);
    close(pipes[1]);
    return sent;
}

static const struct way {
    const char *name;
    ssize_t (*write)(int fd);
} ways[] = {
    {"send", by_send},   {"sendto", by_sendto}, {"sendmsg", by_sendmsg},   {"sendmmsg", by_sendmmsg},
    {"write", by_write}, {"writev", by_writev}, {"sendfile", by_sendfile}, {"splice", by_splice},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

/* Shared with the forked child. */
static struct shared {
    atomic_int ready;
    atomic_bool over;
    atomic_int phase;
    atomic_bool raced;
} * shared;
enum { BEFORE, CONNECTING, CONNECTED };

struct writer {
    int fd;
    const struct way *way;
    pthread_t thread;
};

static void *write_until_over(void *argument)
{
    const struct writer *w = argument;
    int taken = 0;
    atomic_fetch_add(&shared->ready, 1);
    while (taken < TAKEN && !atomic_load(&shared->over)) {
        const int before = atomic_load(&shared->phase);
        taken += w->way->write(w->fd) > 0;
        if (before <= CONNECTING && atomic_load(&shared->phase) >= CONNECTING)
            atomic_store(&shared->raced, true);
    }
    return NULL;
}

/*
 * This thread is in the kernel with the number's old socket when connect() is called. Bytes in the pipe wake
 * it.
 */
struct waiting {
    int fd, pipes[2];
    atomic_int thread;
    pthread_t number;
};

static void *splice_what_comes(void *argument)
{
    struct waiting *w = argument;
    atomic_store(&w->thread, gettid());
    splice(w->pipes[0], NULL, w->fd, NULL, SIZE, 0);
    return NULL;
}

static void wait_until_asleep(int thread)
{
    char path[64], text[256];
    const char *state;
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", thread);
    for (;;) {
        int stat = open(path, O_RDONLY);
        ssize_t got = read(stat, text, sizeof text - 1);
        close(stat);
        text[got > 0 ? got : 0] = '\0';
        state = text;
        if (strtol(state, NULL, 10) == SYS_splice) /* "running" until it sleeps */
            return;
    }
}

static int new_socket(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        exit(3);
    return fd;
}

/* Returns whether a call that writes was under way during connect(). */
static bool run(const struct way *only, bool waits)
{
    const int fd = new_socket(), copy = dup(fd);
    struct writer writers[WRITERS];
    struct waiting waiting = {.fd = fd};
    char byte;
    pid_t child;
    int expected = WRITERS;

    atomic_store(&shared->ready, 0);
    atomic_store(&shared->over, false);
    atomic_store(&shared->phase, BEFORE);
    atomic_store(&shared->raced, waits);
    for (int i = 0; i < WRITERS; i++)
        writers[i] = (struct writer){i == 1 ? copy : fd, only ? only : &ways[rand() % WAYS], 0};
    if (waits) {
        expected = 0;
        if (pipe(waiting.pipes) != 0)
            exit(3);
        pthread_create(&waiting.number, NULL, splice_what_comes, &waiting);
        while (atomic_load(&waiting.thread) == 0)
            continue;
        wait_until_asleep(atomic_load(&waiting.thread));
    }
    child = waits ? 0 : fork();
    if (!waits && child == 0) {
        write_until_over(&writers[2]);
        _exit(0);
    }
    for (int i = 0; !waits && i < 2; i++)
        pthread_create(&writers[i].thread, NULL, write_until_over, &writers[i]);
    while (atomic_load(&shared->ready) < expected)
        continue;
    atomic_store(&shared->phase, CONNECTING);
    if (connect(fd, (struct sockaddr *)&server, sizeof server) != 0) {
        perror("connect");
        exit(4);
    }
    atomic_store(&shared->phase, CONNECTED);
    if (waits && write(waiting.pipes[1], words, SIZE) != SIZE)
        exit(3);
    if (read(fd, &byte, 1) != 1) {
        perror("read");
        exit(5);
    }
    atomic_store(&shared->over, true);
    if (waits) {
        pthread_join(waiting.number, NULL);
        close(waiting.pipes[0]);
        close(waiting.pipes[1]);
    } else {
        pthread_join(writers[0].thread, NULL);
        pthread_join(writers[1].thread, NULL);
        waitpid(child, NULL, 0);
    }
    close(copy);
    close(fd);
    return atomic_load(&shared->raced);
}

int main(int argc, char **argv)
{
    const struct way *only = NULL;
    int connections = 0, raced = 0;
    bool waits;

    if (argc != 4)
        return 2;
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    inet_pton(AF_INET, "127.0.0.1", &server.sin_addr);
    waits = strcmp(argv[3], "waiting") == 0;
    for (int i = 0; i < WAYS; i++) {
        if (strcmp(argv[3], ways[i].name) == 0)
            only = &ways[i];
    }
    if (!only && !waits && strcmp(argv[3], "mixed") != 0)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    file = memfd_create("words", MFD_CLOEXEC);
    if (shared == MAP_FAILED || write(file, words, SIZE) != SIZE)
        return 3;
    while (raced < atoi(argv[2]) && connections < 10 * atoi(argv[2])) {
        raced += run(only, waits);
        connections++;
    }
    printf("%d %d\n", connections, raced);
    return 0;
}
