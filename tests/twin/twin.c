/* See twin.h. */
#include "twin.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <time.h>

enum { TRANSCRIPT_SIZE = 1 << 20, LINE_SIZE = 1200, PATIENCE = 20 };

/* The runner's file, mapped: it needs no descriptor, and children write to the same transcript. */
struct transcript {
    _Atomic uint32_t used;
    char text[TRANSCRIPT_SIZE - sizeof(uint32_t)];
};
static struct transcript *transcript;

static pid_t starter;

static _Noreturn void fail(const char *what)
{
    say("twin: %s: %s", what, error_name(errno));
    fprintf(stderr, "twin: %s: %s\n", what, strerror(errno));
    _exit(99);
}

/* Without the runner, the transcript goes to standard output. */
static void show(void)
{
    if (getpid() == starter)
        fwrite(transcript->text, 1, transcript->used, stdout);
}

void twin_start(void)
{
    const char *path = getenv("TWIN_TRANSCRIPT");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *volatile first;
    if (path && fd < 0)
        fail(path);
    /*
     * glibc's first malloc() asks getrandom(2), and changes errno where Linux has none (before 3.17). With
     * the library it is not the program's.
     */
    first = malloc(1);
    free(first);
    transcript = mmap(NULL, TRANSCRIPT_SIZE, PROT_READ | PROT_WRITE,
                      fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
    if (transcript == MAP_FAILED) {
        perror("twin: transcript");
        _exit(99);
    }
    if (fd >= 0)
        close(fd);
    starter = getpid();
    if (!path)
        atexit(show);
}

_Noreturn void twin_skip(const char *why)
{
    say("skip: %s", why);
    exit(77);
}

void exec_again(const char *name, const char *argument)
{
    const char *const emulator = getenv("TWIN_EMULATOR");
    char self[PATH_MAX];
    ssize_t length;

    if (!emulator) {
        execl("/proc/self/exe", name, argument, NULL);
        return;
    }
    length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return;
    self[length] = 0;
    execl(emulator, emulator, "-L", "/", "-0", name, self, argument, NULL);
}

void say(const char *format, ...)
{
    int error = errno;
    char line[LINE_SIZE];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(line, sizeof line - 1, format, list);
    va_end(list);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof line - 2 ? (size_t)n : sizeof line - 2;
    line[length++] = '\n';
    size_t at = atomic_fetch_add(&transcript->used, (uint32_t)length);
    if (at + length > sizeof transcript->text)
        _exit(99);
    memcpy(transcript->text + at, line, length);
    errno = error;
}

long twin_result(const char *call, long result)
{
    int error = errno;
    if (result == -1)
        say("%s = -1 %s", call, error_name(error));
    else
        say("%s = %ld%s", call, result, error ? ", errno changed" : "");
    errno = error;
    return result;
}

static uint16_t port(const char *variable)
{
    const char *value = getenv(variable);
    if (!value) {
        fprintf(stderr, "twin: %s is not set; run this by tests/twin/run\n", variable);
        _exit(99);
    }
    return htons((uint16_t)atoi(value));
}

static struct sockaddr_in loopback(const char *variable)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = port(variable), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

struct sockaddr_in twin_server(void)
{
    return loopback("TWIN_PORT");
}

struct sockaddr_in twin_refusing(void)
{
    return loopback("TWIN_REFUSING");
}

struct sockaddr_in twin_slow(void)
{
    return loopback("TWIN_SLOW");
}

struct sockaddr_in6 twin_server6(void)
{
    return (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = port("TWIN_PORT"), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
}

struct sockaddr_in6 twin_server46(void)
{
    struct sockaddr_in6 server = twin_server6();
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &server.sin6_addr);
    return server;
}

const char *peer(const char *format, ...)
{
    static _Thread_local char answer[LINE_SIZE];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *name = getenv("TWIN_CONTROL"); /* in the abstract namespace, so it works in any root */
    size_t length = name ? strlen(name) : 0;
    if (!length || length >= sizeof address.sun_path)
        fail("TWIN_CONTROL is not set; run this by tests/twin/run");
    memcpy(address.sun_path + 1, name, length);
    int error = errno;
    char command[LINE_SIZE];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(command, sizeof command, format, list);
    va_end(list);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        connect(fd, SA(&address), (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)) != 0)
        fail("no control");
    if (send(fd, command, (size_t)n, MSG_NOSIGNAL) != n)
        fail("control");
    ssize_t got;
    do
        got = recv(fd, answer, sizeof answer - 1, 0);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        fail(command);
    answer[got] = 0;
    close(fd);
    errno = error;
    return answer;
}

unsigned char pattern(size_t at)
{
    return (unsigned char)('a' + at % 23);
}

void fill_pattern(void *buffer, size_t from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ((unsigned char *)buffer)[i] = pattern(from + i);
}

bool is_pattern(const void *buffer, size_t from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (((const unsigned char *)buffer)[i] != pattern(from + i))
            return false;
    return true;
}

int twin_connect(void)
{
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, SA(&server), sizeof server) != 0)
        fail("connect");
    twin_greeting(fd);
    return fd;
}

void twin_greeting(int fd)
{
    char byte = 0;
    while (byte != '\n') {
        wait_events(fd, POLLIN);
        if (read(fd, &byte, 1) != 1)
            fail("greeting");
    }
}

unsigned twin_events(int fd)
{
    struct pollfd p = {fd, TWIN_EVENTS, 0};
    if (poll(&p, 1, 0) < 0)
        fail("poll");
    return (unsigned short)p.revents;
}

void say_events(const char *what, int fd)
{
    say("events %s: %s", what, event_names(twin_events(fd)));
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void twin_pause(const char *condition)
{
    static _Thread_local const char *last;
    static _Thread_local double since;
    static _Thread_local double latest;
    double t = now();
    if (condition != last || t - latest > 1)
        since = t;
    last = condition;
    latest = t;
    if (t - since > PATIENCE) {
        errno = ETIMEDOUT;
        fail(condition);
    }
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

void wait_events(int fd, short events)
{
    WAIT_FOR((twin_events(fd) & (unsigned)events) == (unsigned)events);
}

static int readable(int fd)
{
    int count = 0;
    return ioctl(fd, FIONREAD, &count) == 0 ? count : -1;
}

void wait_readable(int fd, int bytes)
{
    WAIT_FOR(readable(fd) >= bytes);
}

void wait_child(pid_t child)
{
    int status = 0;
    pid_t got;
    do
        got = waitpid(child, &status, 0);
    while (got < 0 && errno == EINTR);
    if (got != child)
        say("waitpid = -1 %s", error_name(errno));
    else if (WIFSIGNALED(status))
        say("child ended by signal %d", WTERMSIG(status));
    else
        say("child ended with %d", WEXITSTATUS(status));
}

static bool sleeping(pid_t thread)
{
    char path[64], text[512];
    /* Not /proc/PID/stat, which qemu-user fakes. */
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)thread, (int)thread);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    text[n] = 0;
    const char *state = strrchr(text, ')');
    /* A supervised thread waits in a way that only a deadly signal ends, which /proc shows as D. */
    return state && (state[2] == 'S' || (state[2] == 'D' && getenv("TWIN_SUPERVISED")));
}

void wait_sleeping(pid_t thread)
{
    WAIT_FOR(sleeping(thread));
}

/*
 * Looks in /proc/net/tcp. We could ask the program's own socket for TCP_INFO in another process that shares
 * it, but no other test may depend on that.
 */
static bool connecting(void)
{
    struct sockaddr_in server = twin_slow();
    char wanted[32], line[256];
    bool found = false;
    FILE *file = fopen("/proc/net/tcp", "re");
    if (!file) {
        fail("/proc/net/tcp");
        return false;
    }
    /*
     * The kernel prints the address as a number in this machine's byte order, and the port as people read it.
     */
    snprintf(wanted, sizeof wanted, " %08X:%04X 02 ", server.sin_addr.s_addr, ntohs(server.sin_port));
    while (!found && fgets(line, sizeof line, file))
        found = strstr(line, wanted) != NULL;
    fclose(file);
    return found;
}

void wait_connecting(void)
{
    WAIT_FOR(connecting());
}

static pid_t alarm_after(void (*wait)(void), enum alarms alarms)
{
    pid_t parent = getpid(), child = fork();
    if (child != 0)
        return child;
    if (wait)
        wait();
    do {
        wait_sleeping(parent);
        kill(parent, SIGALRM);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    } while (alarms == ALARM_AGAIN);
    _exit(0);
}

pid_t alarm_when_waiting(enum alarms alarms)
{
    return alarm_after(NULL, alarms);
}

pid_t alarm_when_connecting(enum alarms alarms)
{
    return alarm_after(wait_connecting, alarms);
}

void end_alarm(pid_t child)
{
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
}

void say_addresses(int fd, const struct sockaddr *server, socklen_t length)
{
    struct sockaddr_storage a;
    socklen_t size = sizeof a;
    memset(&a, 0, sizeof a);
    if (SAY_AS("getpeername", getpeername(fd, SA(&a), &size)) == 0)
        say("  length %u, %s", size,
            size == length && !memcmp(&a, server, length) ? "the server's address" : "another address");
    size = sizeof a;
    memset(&a, 0, sizeof a);
    if (SAY_AS("getsockname", getsockname(fd, SA(&a), &size)) == 0) {
        char text[INET6_ADDRSTRLEN] = "?";
        const struct sockaddr_in *v4 = (const void *)&a;
        const struct sockaddr_in6 *v6 = (const void *)&a;
        bool six = a.ss_family == AF_INET6;
        inet_ntop(a.ss_family, six ? (const void *)&v6->sin6_addr : &v4->sin_addr, text, sizeof text);
        say("  length %u, family %d, %s, port %s", size, a.ss_family, text,
            (six ? v6->sin6_port : v4->sin_port) ? "set" : "0");
    }
}

int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = -1; /* the folder's own descriptor */
    if (!folder)
        fail("/proc/self/fd");
    for (struct dirent *e; (e = readdir(folder));)
        count += e->d_name[0] != '.';
    closedir(folder);
    return count;
}
