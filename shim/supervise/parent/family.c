#include "supervise/parent/family.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/start/front.h"

static struct {
    int front;
    pid_t program;
    /* Held while we collect the program or send it a signal: once it is collected, its PID may be reused. */
    pthread_mutex_t lock;
    pthread_cond_t end;
    bool ended;
} family = {.lock = PTHREAD_MUTEX_INITIALIZER, .end = PTHREAD_COND_INITIALIZER};

static void report(int status)
{
    const struct front_report report = {.program = family.program, .status = status};

    send(family.front, &report, sizeof report, MSG_NOSIGNAL);
}

/*
 * Waits for the next change without collecting the child. Until we hold the lock, its PID must stay in use.
 */
static void *wait_for_children(void *unused)
{
    siginfo_t info;

    while (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOWAIT) == 0 || errno == EINTR) {
        int status;
        pid_t child;

        pthread_mutex_lock(&family.lock);
        child = waitpid(info.si_pid, &status, WNOHANG | WUNTRACED | WCONTINUED);
        if (child == family.program) {
            report(status);
            family.ended = WIFEXITED(status) || WIFSIGNALED(status);
            pthread_cond_signal(&family.end);
        }
        pthread_mutex_unlock(&family.lock);
    }
    return unused;
}

static void *hear_front(void *unused)
{
    for (;;) {
        int number;
        ssize_t got = recv(family.front, &number, sizeof number, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got != sizeof number)
            number = SIGKILL; /* the front was killed */
        pthread_mutex_lock(&family.lock);
        if (!family.ended)
            kill(family.program, number);
        pthread_mutex_unlock(&family.lock);
        if (got != sizeof number)
            return unused;
    }
}

static bool start(void *(*run)(void *))
{
    pthread_t thread;

    return pthread_create(&thread, NULL, run, NULL) == 0 && pthread_detach(thread) == 0;
}

bool family_start(int front, pid_t program)
{
    family.front = front;
    family.program = program;
    signal(SIGCHLD, SIG_DFL); /* or the kernel would wait for our children itself */
    report(FRONT_READY);
    return start(wait_for_children) && start(hear_front);
}

void family_wait(void)
{
    pthread_mutex_lock(&family.lock);
    while (!family.ended)
        pthread_cond_wait(&family.end, &family.lock);
    pthread_mutex_unlock(&family.lock);
}
