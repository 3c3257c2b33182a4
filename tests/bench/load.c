/*
 * The load client: takes one measurement on an IMAP server, in plaintext or (linked as load-native) with its
 * own STARTTLS.
 *
 *   load ADDRESS PORT CA-FILE|- RESUME(0|1) download BYTES READ-SIZE | upload BYTES WRITE-SIZE | roundtrip
 *   COUNT | first | serial COUNT | open COUNT
 *
 * It prints "ready" when everything is prepared, and waits for a line. Then it measures, and prints seconds,
 * its own CPU seconds and its private memory in bytes. Then it waits for the end of its input. So the caller
 * can look at it, and at the relay or proxy that serves it, just before and just after.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "session.h"

struct load {
    struct sockaddr_in server;
    size_t count, size;
    char *buffer;
};

static double now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Private bytes as the kernel counts them (proc_pid_smaps(5)). */
static unsigned long private_memory(void)
{
    unsigned long sum = 0, kilobytes;
    char text[4096];
    int file = open("/proc/self/smaps_rollup", O_RDONLY);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (length < 0)
        err(1, "/proc/self/smaps_rollup");
    close(file);
    text[length] = 0;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (sscanf(line, "Private_Clean: %lu", &kilobytes) == 1 ||
            sscanf(line, "Private_Dirty: %lu", &kilobytes) == 1)
            sum += kilobytes * 1024;
    }
    return sum;
}

static double started, started_cpu;

static void start(void)
{
    char line[16];
    printf("ready\n");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        exit(1);
    started_cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    started = now(CLOCK_MONOTONIC);
}

static void stop(void)
{
    double seconds = now(CLOCK_MONOTONIC) - started;
    double cpu = now(CLOCK_PROCESS_CPUTIME_ID) - started_cpu;
    printf("%.9f %.9f %lu\n", seconds, cpu, private_memory());
    fflush(stdout);
    while (getchar() != EOF)
        ;
}

static void open_session(struct session *session, const struct load *load)
{
    session_connect(session, &load->server);
    session_greet(session);
    session_login(session);
}

static void download(const struct load *load)
{
    static struct session session;
    open_session(&session, load);
    session_fetch(&session, load->count / 8, load->buffer, load->size);
    start();
    session_fetch(&session, load->count, load->buffer, load->size);
    stop();
    session_close(&session);
}

static void upload(const struct load *load)
{
    static struct session session;
    open_session(&session, load);
    session_append(&session, load->count / 8, load->buffer, load->size);
    start();
    session_append(&session, load->count, load->buffer, load->size);
    stop();
    session_close(&session);
}

static void roundtrip(const struct load *load)
{
    static struct session session;
    open_session(&session, load);
    for (size_t i = 0; i < load->count / 8; i++)
        session_round_trip(&session);
    start();
    for (size_t i = 0; i < load->count; i++)
        session_round_trip(&session);
    stop();
    session_close(&session);
}

static void first(const struct load *load)
{
    static struct session session;
    start();
    open_session(&session, load);
    stop();
    session_close(&session);
}

/* Starts as most clients do, with a command that holds no secret. */
static void first_asking(const struct load *load)
{
    static struct session session;
    start();
    session_connect(&session, &load->server);
    session_greet(&session);
    session_command(&session, "CAPABILITY");
    stop();
    session_close(&session);
}

static void serial(const struct load *load)
{
    static struct session session;
    open_session(&session, load); /* so that the proxies and the relay are up */
    session_close(&session);
    start();
    for (size_t i = 0; i < load->count; i++) {
        open_session(&session, load);
        session_close(&session);
    }
    stop();
}

static void open_at_once(const struct load *load)
{
    struct session *sessions = calloc(load->count, sizeof *sessions);
    if (!sessions)
        err(1, "calloc");
    static struct session session;
    open_session(&session, load);
    start();
    for (size_t i = 0; i < load->count; i++)
        session_connect(&sessions[i], &load->server);
    for (size_t i = 0; i < load->count; i++) {
        session_greet(&sessions[i]);
        session_login(&sessions[i]);
    }
    stop();
    for (size_t i = 0; i < load->count; i++)
        session_close(&sessions[i]);
    session_close(&session);
    free(sessions);
}

static const struct {
    const char *name;
    void (*run)(const struct load *load);
} measures[] = {
    {"download", download}, {"upload", upload},     {"roundtrip", roundtrip},       {"first", first},
    {"serial", serial},     {"open", open_at_once}, {"first-asking", first_asking},
};

int main(int count, char **arguments)
{
    if (count < 6)
        errx(2, "usage: load ADDRESS PORT CA-FILE RESUME MEASURE [COUNT [SIZE]]");
    struct load load = {.server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[2]))}};
    if (inet_pton(AF_INET, arguments[1], &load.server.sin_addr) != 1)
        errx(2, "no address: %s", arguments[1]);
    load.count = count > 6 ? strtoul(arguments[6], NULL, 10) : 1;
    load.size = count > 7 ? strtoul(arguments[7], NULL, 10) : 65536;
    load.buffer = malloc(load.size);
    if (!load.buffer)
        err(1, "malloc");
    memset(load.buffer, 'm', load.size);
    channels_start(arguments[3], atoi(arguments[4]) != 0);
    for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++)
        if (strcmp(measures[i].name, arguments[5]) == 0) {
            measures[i].run(&load);
            free(load.buffer);
            return 0;
        }
    errx(2, "no measure: %s", arguments[5]);
}
