/* retrotls status: shows the live connections of this user's programs, or for root those of all users. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "command/command.h"
#include "command/common_options.h"
#include "command/relays.h"
#include "command/status_table.h"
#include "command/usage.h"
#include "policy/runtime_log.h"

enum { REDRAW = 1000, CONTROL_C = 3 }; /* REDRAW: ms */

static volatile sig_atomic_t ended;

static void help(void)
{
    puts("Usage: retrotls status [OPTION]...\n"
         "Show the connections of your programs that go through retrotls now; root is\n"
         "shown those of all users.\n"
         "\n"
         "      --watch  refresh them each second, until q or Ctrl-C\n"
         "      --json   for scripts: a list with an object for each (with --watch: a\n"
         "               list on a line of its own each second)\n"
         "  -h, --help   show this and exit\n"
         "\n"
         "Exit status: 0 shown; 1 a relay gave no complete answer; 2 wrong usage.");
}

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, bool *watch, bool *json)
{
    enum { WATCH = 256, JSON };
    static const struct option options[] = {
        {"watch", no_argument, NULL, WATCH},
        {"json", no_argument, NULL, JSON},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option, status;

    opterr = 0;
    optind = 0; /* restart getopt(3) */
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        switch (option) {
        case WATCH:
            *watch = true;
            break;
        case JSON:
            *json = true;
            break;
        default:
            status = common_option("status", option, argv, help);
            if (status >= 0)
                return status;
        }
    }
    if (optind < argc)
        return usage_error("status: unexpected argument '%s'", argv[optind]);
    if (*watch && !*json && isatty(STDOUT_FILENO) != 1)
        return usage_error("status: --watch needs a terminal, or --json");
    return -1;
}

/* Asks all relays once. Returns false if the result is incomplete. */
static bool look(struct rows *rows)
{
    if (!relays_ask(rows)) {
        complain("status: /proc/net/unix: %s", strerror(errno));
        return false;
    }
    return rows->silent == 0;
}

/* Names the file that has what a system logger would. */
static void show_log(void)
{
    char path[RUNTIME_LOG_PATH];

    for (unsigned i = 0; i < RUNTIME_LOG_PLACES && !system_logger_is_there(); i++) {
        runtime_log_path(path, i, (uint32_t)geteuid());
        if (access(path, F_OK) == 0) {
            say(stdout, 4, "There is no system logger; the log is in %s.", path);
            break;
        }
    }
}

static int show_once(struct rows *rows, bool json)
{
    const bool good = look(rows);

    if (json)
        status_table_as_json(rows);
    else
        status_table_show(rows, isatty(STDOUT_FILENO) == 1 ? columns_of(stdout) : SIZE_MAX, 0);
    if (!json)
        show_log();
    if (rows->silent > 0)
        complain("status: %zu of the relays did not answer completely", rows->silent);
    return finish(good ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* ---- watching ---- */

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

static void on_resize(int number)
{
    (void)number; /* a signal only has to interrupt poll() */
}

static void set_signals(void)
{
    struct sigaction end = {.sa_handler = on_signal}, resize = {.sa_handler = on_resize};

    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGHUP, &end, NULL);
    sigaction(SIGWINCH, &resize, NULL);
}

/* Waits for the next second, or for a key that ends the display. */
static void wait_or_end(bool keys)
{
    struct pollfd polled = {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN};
    char key;

    if (poll(&polled, 1, REDRAW) <= 0 || polled.revents == 0)
        return;
    if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == CONTROL_C)
        ended = 1;
}

static void draw(const struct rows *rows)
{
    const size_t lines = lines_of(stdout);

    fputs("\033[H\033[J", stdout); /* home, clear to the end (ECMA-48) */
    status_table_show(rows, columns_of(stdout), rows->silent > 0 && lines > 1 ? lines - 1 : lines);
    if (rows->silent > 0)
        printf("%zu of the relays did not answer completely\n", rows->silent);
}

static int watch_json(struct rows *rows)
{
    while (!ended && (look(rows) || rows->silent > 0)) {
        status_table_as_json(rows);
        if (fflush(stdout) != 0)
            return EXIT_FAILURE;
        wait_or_end(false);
    }
    return ended ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Uses the terminal's alternate screen, so that the previous contents come back. */
static int watch_terminal(struct rows *rows)
{
    struct termios before, raw;
    const bool keys = tcgetattr(STDIN_FILENO, &before) == 0;

    if (keys) {
        raw = before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG); /* Ctrl-Z would leave the alternate screen on */
        tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    }
    fputs("\033[?1049h\033[?25l", stdout);
    while (!ended && (look(rows) || rows->silent > 0)) {
        draw(rows);
        if (fflush(stdout) != 0)
            break;
        wait_or_end(keys);
    }
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    if (keys)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    return ended ? EXIT_SUCCESS : EXIT_FAILURE;
}

int command_status(int argc, char **argv)
{
    struct rows rows = {.row = NULL};
    bool watch = false, json = false;
    int status = read_options(argc, argv, &watch, &json);

    if (status >= 0)
        return status;
    if (watch)
        set_signals();
    status = !watch ? show_once(&rows, json) : json ? watch_json(&rows) : watch_terminal(&rows);
    rows_free(&rows);
    return status;
}
