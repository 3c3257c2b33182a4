/*
 * retrotls-relay: libretrotls.so starts it, with the listening socket as descriptor 3, and no other
 * descriptor, except for a relay that it starts ahead: that one has the file of members.h as descriptor 4.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor/channel.h"
#include "monitor/files/credentials.h"
#include "monitor/files/log_file.h"
#include "monitor/heap.h"
#include "monitor/monitor.h"
#include "monitor/random.h"
#include "monitor/walls/walls.h"
#include "relay/members.h"
#include "relay/request.h"
#include "relay/sandbox/monitor_client.h"
#include "relay/sandbox/sandbox.h"
#include "relay/service.h"
#include "relay/tls/tls_context.h"

/* Tells the library, if it is preloaded here too, to leave this program alone: shim/preload/sys/exempt.h. */
extern const char retrotls_speaks_itself;
const char retrotls_speaks_itself __attribute__((visibility("default"))) = 1;

enum { LISTENER = 3, MEMBERS = 4 };

static int usage(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("retrotls-relay %s\n", RETROTLS_VERSION);
        return 0;
    }
    fputs("libretrotls.so starts retrotls-relay; do not start it by hand; see 'retrotls --help'\n", stderr);
    return 2;
}

/* Reads "PID:TOKEN", with the token in hex. False if it is malformed. */
static bool read_authority(const char *text, pid_t *owner, uint8_t token[WIRE_TOKEN_SIZE])
{
    char *end;
    const long pid = strtol(text, &end, 10);

    if (end == text || *end != ':' || pid < 0 || strlen(end + 1) != 2 * WIRE_TOKEN_SIZE)
        return false;
    *owner = (pid_t)pid;
    for (size_t i = 0; i < WIRE_TOKEN_SIZE; i++) {
        const char digits[3] = {end[1 + 2 * i], end[2 + 2 * i], '\0'};
        char *stop;

        token[i] = (uint8_t)strtoul(digits, &stop, 16);
        if (*stop)
            return false;
    }
    return true;
}

/* Reads the hex in the listener's name: \0retrotls/1 relay HEX. */
static bool read_name(void)
{
    static const char prefix[] = "retrotls/1 relay ";
    struct sockaddr_un name;
    char text[sizeof name.sun_path + 1] = "";
    socklen_t length = sizeof name;

    memset(&name, 0, sizeof name);
    if (getsockname(LISTENER, (struct sockaddr *)&name, &length) != 0 || name.sun_family != AF_UNIX)
        return false;
    memcpy(text, name.sun_path + 1, sizeof name.sun_path - 1);
    if (strncmp(text, prefix, sizeof prefix - 1) != 0 || strlen(text) != sizeof prefix - 1 + 32)
        return false;
    monitor_set_relay_name(text + sizeof prefix - 1);
    return true;
}

/*
 * Stopping the service that the program belongs to must not take its connections away, nor may a limit of the
 * program's: a log file at its size limit just loses lines.
 */
static void ignore_signals(void)
{
    static const int ignored[] = {SIGTERM, SIGINT,  SIGHUP,  SIGQUIT, SIGPIPE, SIGUSR1,
                                  SIGUSR2, SIGALRM, SIGTSTP, SIGXFSZ, SIGXCPU};
    sigset_t none;

    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static const struct rlimit *raised(struct rlimit *limit)
{
    limit->rlim_cur = limit->rlim_max;
    return limit;
}

/*
 * Sets limits for four descriptors per connection, the log and CPU time, regardless of the program's own; no
 * core dumps, which would hold secrets.
 */
static void set_limits(void)
{
    const struct rlimit no_core = {.rlim_cur = 0};
    struct rlimit limit;

    setrlimit(RLIMIT_CORE, &no_core);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        setrlimit(RLIMIT_NOFILE, raised(&limit));
        request_limit_descriptors(limit.rlim_cur);
    }
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0)
        setrlimit(RLIMIT_FSIZE, raised(&limit));
    if (getrlimit(RLIMIT_CPU, &limit) == 0)
        setrlimit(RLIMIT_CPU, raised(&limit));
}

/* Prepares for the first connection. That takes milliseconds, and happens during its TCP handshake. */
static void *warm_up(void *unused)
{
    (void)unused;
    heap_populate();
    tls_warm_up();
    return NULL;
}

static void start_warming_up(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, warm_up, NULL) == 0)
        pthread_detach(thread);
}

/* ---- two processes ---- */

/*
 * For the worker: when the monitor ends, however it ends, the worker ends at once (PR_SET_PDEATHSIG), since
 * it could do nothing alone. Giving up capabilities does not undo this (kernel/cred.c, commit_creds()).
 */
static bool die_with(pid_t monitor)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == monitor;
}

/*
 * Leaves out EVP_get_cipherbyname()'s table, which takes a fifth of OpenSSL's start. Only an encrypted key
 * needs it, and keys are the monitor's. TLS fetches its ciphers from the provider (ssl/ssl_ciph.c,
 * ssl_load_ciphers(); with OpenSSL 3.0.19, SSL_get1_supported_ciphers() of ALL:COMPLEMENTOFALL lists the same
 * 94). The table of digests stays: the signature of a certificate is looked up there.
 */
static void prepare_openssl(void)
{
    OPENSSL_init_crypto(
        OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_ADD_ALL_CIPHERS, NULL);
}

static int work(int channel, pid_t owner, pid_t monitor, bool unshut)
{
    struct service_owner watched;

    monitor_set_token((const uint8_t[WIRE_TOKEN_SIZE]){0}); /* only the monitor knows it */
    monitor_use(channel);
    watched = service_owner_of(owner, monitor_parent);
    prepare_openssl();
    if (!die_with(monitor) || !sandbox_enter(unshut))
        return 1;
    start_warming_up();
    service_run(LISTENER, &watched);
    return 0;
}

/*
 * Splits into two processes. The monitor keeps the PID that the program's machine knows the relay by; the
 * worker, which serves, is its child. We fork before OpenSSL has allocated anything, so that both stay small.
 */
static int part(pid_t owner, bool unshut)
{
    const pid_t monitor = getpid();
    int channel[2];
    pid_t worker;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0)
        return 1;
    worker = fork();
    if (worker < 0)
        return 1;
    if (worker == 0) {
        close(channel[0]);
        return work(channel[1], owner, monitor, unshut);
    }
    close(channel[1]);
    log_rotate_runtime();
    close(LISTENER); /* so that callers are refused once the worker has ended */
    if (!unshut)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* as in the worker: sandbox.c */
    if ((unshut || walls_put_up()) && credentials_note_own())
        monitor_run(channel[0], worker);
    return 0;
}

int main(int argc, char **argv)
{
    char *authority = getenv("RETROTLS_RELAY");
    const char *const sandbox = getenv("RETROTLS_SANDBOX");
    uint8_t token[WIRE_TOKEN_SIZE];
    pid_t owner = 0;
    bool good;

    if (argc > 1 || !authority)
        return usage(argc, argv);
    good = read_authority(authority, &owner, token);
    explicit_bzero(authority, strlen(authority)); /* /proc/PID/environ shows it */
    unsetenv("RETROTLS_RELAY");
    if (!good || !read_name())
        return usage(0, NULL);
    ignore_signals();
    /* Many a program gives up its root directory and never connects: until it does, we take up little. */
    if (members_take(MEMBERS) && !members_await_first(LISTENER, owner))
        return 0;
    heap_prepare();
    random_prepare();
    monitor_set_token(token);
    explicit_bzero(token, sizeof token);
    umask(077);
    set_limits();
    if (fcntl(LISTENER, F_SETFD, FD_CLOEXEC) != 0 || fcntl(LISTENER, F_SETFL, O_NONBLOCK) != 0)
        return 1;
    return part(owner, sandbox && strcmp(sandbox, "off") == 0);
}
