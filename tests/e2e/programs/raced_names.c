/*
 * Attacks on the memory of names (threats H4 to H7), in which two lookups race: each has begun before either
 * is answered. The attacker's host is evil.example, and DNS gives it the address of bank.example.
 *
 *     raced_names PORT RUNS ATTACK
 *
 * Each run is a program of its own (the parent makes no lookups and no connections), because the memory is a
 * program's. After the lookups the program connects and sends a password whatever it reads. A run in which
 * the lookups did not race is not played to its end, and does not count. Prints how many programs ran, in how
 * many the lookups raced, and how many of those read another greeting than a failure's. Without arguments, it
 * lists the attacks.
 *
 * resolver.so calls resolving() before it answers.
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <resolv.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char BANK[] = "bank.example", EVIL[] = "evil.example", HUGE_ANSWER[] = "huge.evil.example";
static const char PASSWORD[] = "a1 LOGIN test S3cret-Passw0rd\r\na3 LOGOUT\r\n";
enum {
    CROWD = 300,
    LOOKUPS = 1000,
    HOSTS = 60,
    PATIENCE = 10 /* seconds that one lookup waits for the other */
};
enum { HELD_BACK = 10, THROUGH, NO_RACE }; /* exit codes of a run */

static struct sockaddr_in server;
static unsigned port;

/* ---- the race */

enum side { NEITHER, FIRST, SECOND };
static _Thread_local enum side side; /* of the next question of this thread */

/* Shared with forked children. */
static struct shared {
    atomic_bool asks[SECOND + 1];
} * shared;

static time_t seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* Waits until the other side's question has begun too. */
__attribute__((visibility("default"))) void resolving(void);
void resolving(void)
{
    const enum side mine = side;
    const time_t end = seconds() + PATIENCE;

    side = NEITHER;
    if (mine == NEITHER)
        return;
    atomic_store(&shared->asks[mine], true);
    while (!atomic_load(&shared->asks[FIRST + SECOND - mine]) && seconds() < end)
        sched_yield();
}

static bool raced(void)
{
    return atomic_load(&shared->asks[FIRST]) && atomic_load(&shared->asks[SECOND]);
}

/* ---- lookups */

static void must(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(3);
}

/* `with`: 0 for no service. */
static void ask_port(const char *name, unsigned with)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *result;
    char service[12];

    snprintf(service, sizeof service, "%u", with);
    must(getaddrinfo(name, with ? service : NULL, &hints, &result) == 0, name);
    freeaddrinfo(result);
}

static void ask(const char *name)
{
    ask_port(name, port);
}

static void ask_bank(void)
{
    ask(BANK);
}

static void ask_evil(void)
{
    ask(EVIL);
}

static void ask_bank_without_port(void)
{
    ask_port(BANK, 0);
}

static void ask_bank_with_another_port(void)
{
    ask_port(BANK, port ^ 1);
}

/* Names from answers. Each expects the attacker's name in the answer. */

static void is_evil(const char *name)
{
    must(name && strcmp(name, EVIL) == 0, "the name in the answer");
}

static void derive_ai_canonname(void)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
    struct addrinfo *result;

    must(getaddrinfo(BANK, NULL, &hints, &result) == 0, BANK);
    is_evil(result->ai_canonname);
    freeaddrinfo(result);
}

static void derive_h_name(void)
{
    const struct hostent *const host = gethostbyname(BANK);

    is_evil(host ? host->h_name : NULL);
}

/* `fixed`: bytes of the record's data before the name. */
static void derive_by_query(const char *question, int type, int fixed)
{
    unsigned char answer[1024];
    char name[NS_MAXDNAME];
    ns_msg message;
    ns_rr record;
    const int length = res_query(question, ns_c_in, type, answer, sizeof answer);

    must(length > 0 && ns_initparse(answer, length, &message) == 0 &&
             ns_parserr(&message, ns_s_an, 0, &record) == 0 &&
             ns_name_uncompress(answer, answer + length, ns_rr_rdata(record) + fixed, name, sizeof name) > 0,
         question);
    is_evil(name);
}

static void derive_mx(void)
{
    derive_by_query(BANK, ns_t_mx, 2);
}

static void derive_ptr(void)
{
    derive_by_query("1.0.0.127.in-addr.arpa", ns_t_ptr, 0);
}

static void derive_getnameinfo(void)
{
    char name[NI_MAXHOST];

    must(getnameinfo((struct sockaddr *)&server, sizeof server, name, sizeof name, NULL, 0, 0) == 0, "name");
    is_evil(name);
}

static void derive_gethostbyaddr(void)
{
    const struct hostent *const host = gethostbyaddr(&server.sin_addr, sizeof server.sin_addr, AF_INET);

    is_evil(host ? host->h_name : NULL);
}

/* What pushes names out of the memory. The first question of each is one side of the race. */

static void push_by_addresses(void)
{
    ask(HUGE_ANSWER);
}

static void push_by_lookups(void)
{
    char name[32];

    for (unsigned i = 0; i < LOOKUPS; i++) {
        snprintf(name, sizeof name, "n%u.evil.example", i % HOSTS);
        ask_port(name, 1 + i);
    }
}

static void *crowd_asks(void *unused)
{
    (void)unused;
    ask_evil();
    return NULL;
}

static void push_by_threads(void)
{
    pthread_t thread[CROWD];

    ask_evil();
    for (int i = 0; i < CROWD; i++)
        must(pthread_create(&thread[i], NULL, crowd_asks, NULL) == 0, "pthread_create");
    for (int i = 0; i < CROWD; i++)
        pthread_join(thread[i], NULL);
}

static void push_by_children(void)
{
    ask_evil();
    for (int i = 0; i < CROWD; i++) {
        const pid_t child = fork();

        must(child >= 0, "fork");
        if (child == 0) {
            ask_evil();
            _exit(0);
        }
    }
    for (int i = 0; i < CROWD; i++)
        must(wait(NULL) > 0, "wait");
}

/* ---- attacks */

static const struct attack {
    const char *name;
    void (*before)(void); /* this thread, first of all */
    void (*first)(void);  /* races with `second` */
    bool first_in_thread; /* of its own; else it is this thread's */
    void (*second)(void); /* a thread's */
    bool second_in_child; /* or a child's */
    void (*then)(void);   /* this thread, before it connects */
    void (*then_in_thread)(void);
} attacks[] = {
    {"h4 thread", .first = ask_evil, .second = ask_bank},
    {"h4 child", .first = ask_evil, .second = ask_bank, .second_in_child = true},
    {"h4 without a port", .first = ask_evil, .second = ask_bank_without_port},
    {"h4 the other way round", .first = ask_bank, .second = ask_evil},
    {"h4 resolvers for both", .first = ask_bank, .first_in_thread = true, .second = ask_evil},
    {"h5 300 addresses of one name", .first = ask_bank, .first_in_thread = true, .second = push_by_addresses,
     .then_in_thread = ask_evil},
    {"h5 1000 lookups", .first = ask_bank, .first_in_thread = true, .second = push_by_lookups,
     .then_in_thread = ask_evil},
    {"h5 300 threads", .first = ask_bank, .first_in_thread = true, .second = push_by_threads,
     .then_in_thread = ask_evil},
    {"h5 300 children", .first = ask_bank, .first_in_thread = true, .second = push_by_children,
     .then_in_thread = ask_evil},
    {"h6 another port", .first = ask_bank_with_another_port, .second = ask_evil},
    {"h7 ai_canonname", .first = derive_ai_canonname, .second = ask_evil, .then = ask_evil},
    {"h7 h_name", .first = derive_h_name, .second = ask_evil, .then = ask_evil},
    {"h7 MX", .first = derive_mx, .second = ask_evil, .then = ask_evil},
    {"h7 getnameinfo", .before = ask_bank, .first = derive_getnameinfo, .second = ask_evil, .then = ask_evil},
    {"h7 gethostbyaddr", .before = ask_bank, .first = derive_gethostbyaddr, .second = ask_evil,
     .then = ask_evil},
    {"h7 PTR", .before = ask_bank, .first = derive_ptr, .second = ask_evil, .then = ask_evil},
};
enum { ATTACKS = sizeof attacks / sizeof attacks[0] };

struct work {
    void (*ask)(void);
    enum side side;
    pthread_t thread;
};

static void *work(void *argument)
{
    const struct work *const w = argument;

    side = w->side;
    w->ask();
    return NULL;
}

static void start(struct work *w)
{
    must(pthread_create(&w->thread, NULL, work, w) == 0, "pthread_create");
}

/* Returns whether the lookups raced. */
static bool play(const struct attack *a)
{
    struct work first = {a->first, FIRST, 0}, second = {a->second, SECOND, 0};
    pid_t child = 0;

    if (a->before)
        a->before();
    if (a->second_in_child && (child = fork()) == 0) {
        work(&second);
        _exit(0);
    }
    if (!a->second_in_child)
        start(&second);
    if (a->first_in_thread) {
        start(&first);
        pthread_join(first.thread, NULL);
    } else {
        work(&first);
    }
    if (a->second_in_child)
        waitpid(child, NULL, 0);
    else
        pthread_join(second.thread, NULL);
    if (a->then_in_thread) {
        struct work then = {a->then_in_thread, NEITHER, 0};

        start(&then);
        pthread_join(then.thread, NULL);
    }
    if (a->then)
        a->then();
    return raced();
}

/* Returns whether the greeting was another than a failure's. */
static bool connect_and_send(void)
{
    static const char failure[] = "* BYE retrotls: ";
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    char greeting[1024] = "", more[1024];
    ssize_t got;

    must(fd >= 0 && connect(fd, (struct sockaddr *)&server, sizeof server) == 0, "connect");
    got = read(fd, greeting, sizeof greeting - 1);
    must(got > 0, "read");
    must(send(fd, PASSWORD, sizeof PASSWORD - 1, MSG_NOSIGNAL) > 0 || errno == EPIPE, "send");
    while (read(fd, more, sizeof more) > 0)
        continue;
    return strncmp(greeting, failure, sizeof failure - 1) != 0;
}

static int run(const struct attack *attack)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared != MAP_FAILED, "mmap");
    if (!play(attack))
        return NO_RACE;
    return connect_and_send() ? THROUGH : HELD_BACK;
}

static int run_program(char **argv)
{
    extern char **environ;
    char *const words[] = {argv[0], argv[1], "once", argv[3], NULL};
    pid_t child;
    int status;

    must(posix_spawn(&child, "/proc/self/exe", NULL, NULL, words, environ) == 0, "posix_spawn");
    must(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) >= HELD_BACK,
         argv[3]);
    return WEXITSTATUS(status);
}

static void list(void)
{
    for (int i = 0; i < ATTACKS; i++)
        puts(attacks[i].name);
}

int main(int argc, char **argv)
{
    const struct attack *attack = NULL;
    int wanted, programs = 0, count[NO_RACE + 1] = {0};

    if (argc == 1)
        list();
    if (argc != 4)
        return argc == 1 ? 0 : 2;
    for (int i = 0; i < ATTACKS; i++) {
        if (strcmp(argv[3], attacks[i].name) == 0)
            attack = &attacks[i];
    }
    if (!attack)
        return 2;
    port = (unsigned)atoi(argv[1]);
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (strcmp(argv[2], "once") == 0)
        return run(attack);
    wanted = atoi(argv[2]);
    while (count[HELD_BACK] + count[THROUGH] < wanted && programs < 2 * wanted) {
        count[run_program(argv)]++;
        programs++;
    }
    printf("%d programs, %d raced, %d through\n", programs, count[HELD_BACK] + count[THROUGH],
           count[THROUGH]);
    return 0;
}
