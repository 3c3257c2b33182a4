/*
 * What the twin programs share. A twin program shows one behaviour of a TCP socket, as lines of a transcript;
 * it is run on plain TCP and on a descriptor switched by the library, and both transcripts must be the same.
 * So it prints nothing that differs from run to run: no addresses, ports, process numbers, times.
 *
 * A difference by nature stands in the program's opening comment, as the two lines and the reason:
 *
 *     plain:    peer("end") = reset
 *     switched: peer("end") = eof
 *     because ...
 *
 * The peer is another process that is never under the shim (support/twin_peer.py): it greets, and does what
 * peer() asks it for, out of band.
 */
#ifndef RETROTLS_TWIN_H
#define RETROTLS_TWIN_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define SA(address) ((struct sockaddr *)(address))
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* First in main(), also after an exec: the transcript, and the peer's addresses. */
void twin_start(void);

/* The program cannot run here (no root, no namespaces): ends it, and the runner skips the test. */
_Noreturn void twin_skip(const char *why);

/*
 * Executes this program again, with no argument but `argument`, which may be NULL; through the emulator that
 * TWIN_EMULATOR names, where the kernel executes no such program. Returns only if that failed.
 */
void exec_again(const char *name, const char *argument);

/* One line of the transcript. May be called in a child, a thread, a signal handler. Keeps errno. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/*
 * One call in the transcript: its text, what it returned, and errno's name where that is -1. A success that
 * changed errno is told too: the kernel leaves it alone. Gives the result.
 */
#define SAY(call) (errno = 0, twin_result(#call, (long)(call)))
long twin_result(const char *call, long result);

/* The same, with other words than the call's text. */
#define SAY_AS(words, call) (errno = 0, twin_result(words, (long)(call)))

/* "EAGAIN", ...; "0" for none. Poll events as "IN OUT"; "none". Both stay until the thread's next call. */
const char *error_name(int error);
const char *event_names(unsigned events);

/* Where to connect. */
struct sockaddr_in twin_server(void);
struct sockaddr_in6 twin_server6(void);  /* the same server on ::1 */
struct sockaddr_in6 twin_server46(void); /* the same server as ::ffff:127.0.0.1 */
struct sockaddr_in twin_refusing(void);  /* nobody listens */
/* Leaves a connect() pending until peer("slow open") or peer("slow refuse"), and then for up to a second. */
struct sockaddr_in twin_slow(void);

/*
 * Asks the peer for something and gives its answer, which stays until the thread's next call. For the latest
 * connection, or "@N ..." for the Nth from 0:
 *
 *     hold           connections from now on are not greeted (all others are, at once)
 *     greet          now greet this one
 *     send N         send N bytes of pattern()
 *     say TEXT       send TEXT and CR LF
 *     sent           wait until all of it is in the kernel's hands
 *     stop, go       stop reading, go on
 *     echo           send back what came and what comes
 *     expect N       wait for N bytes in all; answers "N bytes, as the pattern", or "N bytes: TEXT"
 *     end            wait for the end of what the program sends; answers "eof" or "reset"
 *     half           end our direction
 *     close, reset   end both, cleanly or not
 *     oob            send one urgent byte, 'u'
 *     address        who the peer sees, as "127.0.0.1 PORT"
 *     mss            the largest segment it will send, TCP_MAXSEG
 *
 * Of no connection: "accepted N" waits for N connections in all; "slow open", "slow refuse".
 */
__attribute__((format(printf, 1, 2))) const char *peer(const char *format, ...);
/* The same as a line of the transcript. */
#define SAY_PEER(...) say("peer(%s) = %s", #__VA_ARGS__, peer(__VA_ARGS__))

/* The peer's pattern: byte number `at` of what it sends, and of what it expects. */
unsigned char pattern(size_t at);
void fill_pattern(void *buffer, size_t from, size_t count);
bool is_pattern(const void *buffer, size_t from, size_t count);

/* A connection on which the greeting has been read: where a test of data begins. */
int twin_connect(void);
/* Waits for the greeting and reads it, byte by byte. */
void twin_greeting(int fd);

/* What poll() says of `fd` right now, as a line. POLLWRBAND and its like are left to one test of their own.
 */
enum { TWIN_EVENTS = POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM };
void say_events(const char *what, int fd);
unsigned twin_events(int fd);

/* Each waits for a condition, and ends the program where it does not come within 20 seconds. */
void wait_events(int fd, short events); /* all of them */
void wait_readable(int fd, int bytes);  /* that many bytes can be read */
void wait_child(pid_t child);           /* and says how it ended */
void wait_sleeping(pid_t thread);       /* it is in a system call that waits */
void wait_connecting(void);             /* TCP has sent a SYN to twin_slow() */
/*
 * Starts a child that sends this process SIGALRM as soon as it waits in a system call (and TCP has sent its
 * SYN to twin_slow()): a timer could ring before. ALARM_AGAIN: and again each time that it waits, until it is
 * ended, for the first may come just before the call that it is to interrupt.
 */
enum alarms { ALARM_ONCE, ALARM_AGAIN };
pid_t alarm_when_waiting(enum alarms alarms);
pid_t alarm_when_connecting(enum alarms alarms);
void end_alarm(pid_t child);
#define WAIT_FOR(condition)         \
    do {                            \
        if (!(condition))           \
            twin_pause(#condition); \
        else                        \
            break;                  \
    } while (1)
void twin_pause(const char *condition);

/* Whether two addresses are the same; what getsockname and getpeername tell, as lines without the port. */
void say_addresses(int fd, const struct sockaddr *server, socklen_t length);

/* How many descriptors the process has open. Needs /proc. */
int open_descriptors(void);

#endif
