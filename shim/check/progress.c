#include "check/progress.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check/check.h"
#include "command/usage.h"
#include "monitor/threads/thread.h"

enum {
    REDRAW = 1000000,
    TEXT = 512,
    PROGRESS_STACK = 65536
}; /* microseconds before the first drawing, and between two; bytes */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool started, drawn;
static int64_t since; /* 0: we wait for nothing */
static char text[TEXT];

static bool terminal_can_erase(void)
{
    const char *const kind = getenv("TERM");

    return isatty(STDERR_FILENO) == 1 && kind && *kind && strcmp(kind, "dumb") != 0;
}

/* Cuts the line at the terminal's width, because we can erase only one line. */
static void draw(void)
{
    char line[TEXT + 32];
    const int seconds = (int)((check_now() - since) / 1000000);

    snprintf(line, sizeof line, "retrotls: %s, %d s", text, seconds);
    fprintf(stderr, "\r%.*s\033[K", (int)columns_of(stderr) - 1, line);
    drawn = true;
}

static void *redraw_now_and_then(void *nothing)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    int64_t last = 0;

    for (;;) {
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&lock);
        if (since != 0 && check_now() - since >= REDRAW && (!drawn || check_now() - last >= REDRAW)) {
            draw();
            last = check_now();
        }
        pthread_mutex_unlock(&lock);
    }
    return nothing;
}

void progress_show(const char *format, ...)
{
    va_list arguments;

    if (!terminal_can_erase())
        return;
    pthread_mutex_lock(&lock);
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tame(text);
    if (since == 0)
        since = check_now();
    if (drawn)
        draw();
    if (!started)
        started = thread_start(redraw_now_and_then, NULL, PROGRESS_STACK);
    pthread_mutex_unlock(&lock);
}

void progress_end(void)
{
    pthread_mutex_lock(&lock);
    since = 0;
    if (drawn)
        fputs("\r\033[K", stderr); /* ECMA-48: erase to the end of the line */
    drawn = false;
    pthread_mutex_unlock(&lock);
}
