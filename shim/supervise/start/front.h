/*
 * The front: the process that the shell knows, if the program cannot have that process's PID because the
 * supervisor must be the program's ancestor (with Yama's ptrace_scope 1, no other process may look at it).
 * The supervisor is the front's child, and the program is the supervisor's child.
 *
 * Front and supervisor talk over a pair of SOCK_SEQPACKET sockets. The supervisor sends a struct front_report
 * for each change; the front sends an int for each signal that the program must get.
 */
#ifndef RETROTLS_SUPERVISE_START_FRONT_H
#define RETROTLS_SUPERVISE_START_FRONT_H

#include <sys/types.h>

struct front_report {
    pid_t program;
    int status; /* as from wait(2); FRONT_READY: the program runs */
};

enum { FRONT_READY = -1 };

/*
 * Call this with all signals blocked. Passes signals on to the program, stops when it stops, and ends the way
 * it ends. Does not pass on signals from the terminal: the program gets them itself, because it is in the
 * same process group. If the front is killed, the supervisor kills the program.
 */
_Noreturn void front_run(int supervisor);

#endif
