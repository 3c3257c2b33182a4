/*
 * What the twin programs share. A twin program shows one behaviour of a TCP socket, as lines of a transcript.
 * It runs on plain TCP and on a descriptor switched by the library, and both transcripts must be the same. So
 * it prints nothing that differs from run to run: no addresses, ports, process numbers or times.
 *
 * A difference that cannot be avoided is stated in the program's opening comment, as the two lines and the
 * reason:
 *
 *     plain:    peer("end") = reset
 *     switched: peer("end") = eof
 *     because ...
 *
 * The peer is another process, never under the shim (support/twin_peer.py). It greets, and does what peer()
 * asks, out of band.
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

/* Must come first in main(), also after an exec: sets up the transcript and the peer's addresses. */
void twin_start(void);

/* The program cannot run here (no root, no namespaces). Ends it, and the runner skips the test. */
_Noreturn void twin_skip(const char *why);

/*
 * Executes this program again, with only `argument`, which may be NULL. Uses the emulator in TWIN_EMULATOR if
 * the kernel cannot execute the program itself. Returns only on failure.
 */
void exec_again(const char *name, const char *argument);

/* Writes one line of the transcript. May be called in a child, a thread or a signal handler. Keeps errno. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/*
 * Makes one call and writes its text, its result, and the name of errno if that is -1. A success that changed
 * errno is reported too, as the kernel never does that. Returns the result.
 */
#define SAY(call) (errno = 0, twin_result(#call, (long)(call)))
long twin_result(const char *call, long result);

/* The same, with other words in place of the call's text. */
#define SAY_AS(words, call) (errno = 0, twin_result(words, (long)(call)))

/*
 * "EAGAIN", ...; "0" for no error. Poll events as "IN OUT" or "none". Both stay valid until the thread's next
 * call.
 */
const char *error_name(int error);
const char *event_names(unsigned events);

/* Where to connect. */
struct sockaddr_in twin_server(void);
struct sockaddr_in6 twin_server6(void);  /* the same server on ::1 */
struct sockaddr_in6 twin_server46(void); /* the same server as ::ffff:127.0.0.1 */
struct sockaddr_in twin_refusing(void);  /* nobody listens */
/* Leaves a connect() pending until peer("slow open") or peer("slow refuse"), and up to a second longer. */
struct sockaddr_in twin_slow(void);

/*
 * Asks the peer for something and returns its answer, which stays valid until the thread's next call. It is
 * about the latest connection, or with "@N ..." about the Nth from 0:
 *
 *     hold           connections from now on are not greeted (all others are, at once)
 *     greet          now greet this one
 *     send N         send N bytes of pattern()
 *     say TEXT       send TEXT and CR LF
 *     sent           wait until the kernel has taken all of it
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
 * Not about one connection: "accepted N" waits for N connections in all; "slow open", "slow refuse".
 */
__attribute__((format(printf, 1, 2))) const char *peer(const char *format, ...);
/* The same as a line of the transcript. */
#define SAY_PEER(...) say("peer(%s) = %s", #__VA_ARGS__, peer(__VA_ARGS__))

/* The peer's pattern: byte number `at` of what it sends and expects. */
unsigned char pattern(size_t at);
void fill_pattern(void *buffer, size_t from, size_t count);
bool is_pattern(const void *buffer, size_t from, size_t count);

/* Returns a connection on which the greeting has been read: where a test of data begins. */
int twin_connect(void);
/* Waits for the greeting and reads it, byte by byte. */
void twin_greeting(int fd);

/*
 * Writes what poll() reports for `fd` right now as a line. POLLWRBAND and its like have a test of their own.
 */
enum { TWIN_EVENTS = POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM };
void say_events(const char *what, int fd);
unsigned twin_events(int fd);

/* Each waits for a condition, and ends the program if it does not come within 20 seconds. */
void wait_events(int fd, short events); /* all of them */
void wait_readable(int fd, int bytes);  /* until that many bytes can be read */
void wait_child(pid_t child);           /* and writes how it ended */
void wait_sleeping(pid_t thread);       /* until it waits in a system call */
void wait_connecting(void);             /* until TCP has sent a SYN to twin_slow() */
/*
 * Starts a child that sends this process SIGALRM as soon as it waits in a system call (and TCP has sent its
 * SYN to twin_slow()). A timer could fire too early. ALARM_AGAIN: again each time that it waits, until the
 * alarm is ended, because the first may come just before the call that it is to interrupt.
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

/*
 * Write, as lines without the port, whether two addresses are the same, and what getsockname and getpeername
 * return.
 */
void say_addresses(int fd, const struct sockaddr *server, socklen_t length);

/* How many descriptors the process has open. Needs /proc. */
int open_descriptors(void);

#endif
