/* retrotls log: the last connections of this user's programs; for root, those of all that its logs have. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/common_options.h"
#include "command/json.h"
#include "command/log/log_source.h"
#include "command/usage.h"
#include "policy/text.h"

enum { SHOWN = 20, SHOWN_MOST = 100000, AGAIN = 500 /* ms between two looks at a file */ };

static void help(void)
{
    puts("Usage: retrotls log [OPTION]...\n"
         "Show the last connections that your programs made: from the journal or\n"
         "syslog's file, from the file that the policy names, or from the one that\n"
         "there is without a system logger.\n"
         "\n"
         "  -n, --lines=N  show the last N lines, by default 20\n"
         "      --follow   then wait for more, until Ctrl-C\n"
         "      --json     for scripts: an object for each, on a line of its own\n"
         "  -h, --help     show this and exit\n"
         "\n"
         "Exit status: 0 shown; 1 a log could not be read; 2 wrong usage.");
}

struct wanted {
    uint32_t lines;
    bool follow, json;
};

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct wanted *wanted)
{
    enum { FOLLOW = 256, JSON };
    static const struct option options[] = {
        {"lines", required_argument, NULL, 'n'},
        {"follow", no_argument, NULL, FOLLOW},
        {"json", no_argument, NULL, JSON},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option, status;

    opterr = 0;
    optind = 0; /* restart getopt(3) */
    while ((option = getopt_long(argc, argv, ":hn:", options, NULL)) != -1) {
        switch (option) {
        case 'n':
            if (!read_number(optarg, SHOWN_MOST, &wanted->lines, NULL) || wanted->lines == 0)
                return usage_error("log: '%s' is not a number of lines from 1 to %d", optarg, SHOWN_MOST);
            break;
        case FOLLOW:
            wanted->follow = true;
            break;
        case JSON:
            wanted->json = true;
            break;
        default:
            status = common_option("log", option, argv, help);
            if (status >= 0)
                return status;
        }
    }
    return optind < argc ? usage_error("log: '%s' is too much", argv[optind]) : -1;
}

/* ---- what was read */

static struct {
    struct log_record *record;
    size_t count, size;
} kept;

static void keep(struct log_record *record)
{
    if (kept.count == kept.size) {
        const size_t size = kept.size > 0 ? 2 * kept.size : 64;
        struct log_record *const more = realloc(kept.record, size * sizeof *more);

        if (!more) {
            log_record_free(record);
            return;
        }
        kept.record = more;
        kept.size = size;
    }
    kept.record[kept.count++] = *record;
}

static void forget(void)
{
    for (size_t i = 0; i < kept.count; i++)
        log_record_free(&kept.record[i]);
    kept.count = 0;
}

/* Stable, which qsort(3) is not: lines of one second stay in order. */
static void merge_sort(struct log_record *at, struct log_record *room, size_t count)
{
    const size_t half = count / 2;
    size_t a = 0, b = half;

    if (count < 2)
        return;
    merge_sort(at, room, half);
    merge_sort(at + half, room, count - half);
    for (size_t i = 0; i < count; i++)
        room[i] = b == count || (a < half && at[a].time <= at[b].time) ? at[a++] : at[b++];
    memcpy(at, room, count * sizeof *at);
}

static void sort_by_time(void)
{
    struct log_record *const room = kept.count > 1 ? malloc(kept.count * sizeof *room) : NULL;

    if (room)
        merge_sort(kept.record, room, kept.count);
    free(room);
}

/* ---- how it is shown */

enum column { TIME, RESULT, PROGRAM, SERVER, PROTOCOL, LEVEL, TLS, COLUMNS };

static const char *const titles[COLUMNS] = {"TIME", "RESULT", "PROGRAM", "SERVER", "PROTO", "LEVEL", "TLS"};
static size_t width[COLUMNS];

enum { CELL = 320 };

static const char *or_dash(const char *value)
{
    return value && *value ? value : "-";
}

static void put_cell(char cell[CELL], const struct log_record *r, enum column column)
{
    static const enum log_field field[COLUMNS] = {
        [RESULT] = LOG_RESULT, [PROTOCOL] = LOG_PROTOCOL, [LEVEL] = LOG_LEVEL, [TLS] = LOG_VERSION};
    const char *program;
    struct tm tm;

    switch (column) {
    case TIME:
        cell[0] = '\0';
        if (localtime_r(&r->time, &tm))
            strftime(cell, CELL, "%F %T", &tm);
        break;
    case PROGRAM:
        program = or_dash(r->value[LOG_PROGRAM]);
        snprintf(cell, CELL, "%s", strrchr(program, '/') ? strrchr(program, '/') + 1 : program);
        break;
    case SERVER:
        snprintf(cell, CELL, "%s:%s", or_dash(r->value[LOG_SERVER]), r->value[LOG_PORT]);
        break;
    default:
        snprintf(cell, CELL, "%s%s", or_dash(r->value[field[column]]),
                 column == LEVEL && r->value[LOG_TESTING] ? " (testing)" : "");
    }
}

static void measure(const struct log_record *r)
{
    char cell[CELL];

    for (enum column c = 0; c < COLUMNS && !r->value[LOG_WARNING]; c++) {
        put_cell(cell, r, c);
        if (strlen(cell) > width[c])
            width[c] = strlen(cell);
    }
}

/* Green is as the policy demands, red is no connection, yellow is a connection in the clear, or a warning. */
static const char *colour_of(const struct log_record *r)
{
    const char *const result = or_dash(r->value[LOG_RESULT]);

    if (!in_colour(stdout))
        return "";
    return strcmp(result, "tls") == 0 ? "\033[32m" : strcmp(result, "failed") == 0 ? "\033[31m" : "\033[33m";
}

static void show_titles(void)
{
    for (enum column c = 0; c < COLUMNS; c++)
        printf("%-*s%s", c + 1 < COLUMNS ? (int)width[c] : 0, titles[c], c + 1 < COLUMNS ? "  " : "\n");
}

static void show(const struct log_record *r)
{
    const char *const colour = colour_of(r), *const end = *colour ? "\033[0m" : "";
    const char *const why = r->value[LOG_ERROR] ? r->value[LOG_ERROR] : r->value[LOG_REASON];
    char cell[CELL];

    for (enum column c = 0; c < COLUMNS && !r->value[LOG_WARNING]; c++) {
        put_cell(cell, r, c);
        printf("%s%-*s%s%s", c == RESULT ? colour : "", c + 1 < COLUMNS ? (int)width[c] : 0, cell,
               c == RESULT ? end : "", c + 1 < COLUMNS ? "  " : "\n");
    }
    if (r->value[LOG_WARNING]) {
        put_cell(cell, r, TIME);
        say(stdout, 4, "%s  warning: %s", cell, r->value[LOG_WARNING]);
    } else if (why) {
        say(stdout, 4, "    %s", why);
    }
}

static void show_json(const struct log_record *r)
{
    char time[32] = "";
    struct tm tm;

    if (gmtime_r(&r->time, &tm))
        strftime(time, sizeof time, "%FT%TZ", &tm);
    putchar('{');
    json_name("time", 1);
    json_string(time);
    for (enum log_field f = 0; f < LOG_FIELD_COUNT; f++) {
        json_name(log_field_name(f), 0);
        if (log_field_is_number(f) && r->value[f])
            printf("%llu", strtoull(r->value[f], NULL, 10));
        else
            json_string(r->value[f]);
    }
    puts("}");
}

/* Shows what is kept, but at most the last `lines`, and forgets it. */
static void show_kept(const struct wanted *wanted, size_t lines, bool titled)
{
    const size_t first = kept.count > lines ? kept.count - lines : 0;

    sort_by_time();
    for (size_t i = first; i < kept.count; i++)
        measure(&kept.record[i]);
    if (!wanted->json && titled && (kept.count > 0 || wanted->follow))
        show_titles();
    for (size_t i = first; i < kept.count; i++) {
        if (wanted->json)
            show_json(&kept.record[i]);
        else
            show(&kept.record[i]);
    }
    forget();
}

/* ---- the command */

static struct log_source source[LOG_SOURCES];
static size_t sources;

/* A journal that goes on has no end. */
static void read_all(bool goes_on)
{
    for (size_t i = 0; i < sources; i++) {
        const bool is_journal = source[i].form == LOG_JOURNAL;

        if (is_journal && goes_on)
            continue;
        while (log_source_read(&source[i], keep) && is_journal)
            ;
    }
}

static bool has_unreadable(void)
{
    bool found = false;

    for (size_t i = 0; i < sources; i++) {
        if (source[i].error != 0)
            complain("log: cannot read %s: %s", source[i].name, strerror(source[i].error));
        found = found || source[i].error != 0;
    }
    return found;
}

static void say_that_there_is_none(void)
{
    char places[1024];
    struct text t = text_in(places, sizeof places);

    for (size_t i = 0; i < sources; i++) {
        if (source[i].fd < 0)
            continue;
        text_add(&t, t.length > 0 ? ", " : "");
        text_add(&t, source[i].name);
    }
    say(stdout, 4, t.length > 0 ? "No connections in %s." : "No connections; there is no log yet.%s", places);
}

static void follow(const struct wanted *wanted)
{
    struct pollfd journal = {.fd = -1, .events = POLLIN};
    struct log_source *journals = NULL;

    for (size_t i = 0; i < sources; i++) {
        if (source[i].form == LOG_JOURNAL)
            journals = &source[i];
    }
    while (fflush(stdout) == 0) {
        journal.fd = journals ? journals->fd : -1;
        if (poll(&journal, 1, AGAIN) > 0 && !log_source_read(journals, keep))
            journals = NULL;
        for (size_t i = 0; i < sources; i++) {
            if (source[i].form != LOG_JOURNAL && log_source_read(&source[i], keep))
                log_source_renew(&source[i]);
        }
        show_kept(wanted, SIZE_MAX, false);
    }
}

int command_log(int argc, char **argv)
{
    struct wanted wanted = {.lines = SHOWN};
    int status = read_options(argc, argv, &wanted);

    if (status >= 0)
        return status;
    for (enum column c = 0; c < COLUMNS; c++)
        width[c] = strlen(titles[c]);
    sources = log_sources_open(source, wanted.lines, wanted.follow);
    read_all(wanted.follow);
    status = has_unreadable() ? EXIT_FAILURE : EXIT_SUCCESS;
    if (kept.count == 0 && !wanted.json && !wanted.follow && status == EXIT_SUCCESS)
        say_that_there_is_none();
    show_kept(&wanted, wanted.lines, true);
    if (wanted.follow)
        follow(&wanted);
    return finish(status);
}
