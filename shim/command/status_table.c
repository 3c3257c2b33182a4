#include "command/status_table.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/json.h"

enum column { USER, PROGRAM, PID, SERVER, PROTOCOL, LEVEL, TLS, CIPHER, UP, DOWN, AGE, COLUMNS };

enum { GAP = 2, CELL = 2 * ROW_TEXT };

static const struct {
    const char *title;
    size_t least; /* smallest width when cut; 0: never cut */
    bool right;
} columns[COLUMNS] = {
    [USER] = {"USER", 0, false},      [PROGRAM] = {"PROGRAM", 8, false}, [PID] = {"PID", 0, true},
    [SERVER] = {"SERVER", 12, false}, [PROTOCOL] = {"PROTO", 0, false},  [LEVEL] = {"LEVEL", 0, false},
    [TLS] = {"TLS", 0, false},        [CIPHER] = {"CIPHER", 10, false},  [UP] = {"UP", 0, true},
    [DOWN] = {"DOWN", 0, true},       [AGE] = {"AGE", 0, true},
};

/* If cutting is not enough, we leave out these columns in this order. */
static const enum column dispensable[] = {CIPHER, LEVEL, PROTOCOL, AGE, PID, UP, DOWN, USER};

/* ---- values ---- */

static const char *stage_name(enum wire_stage stage)
{
    static const char *const names[WIRE_STAGES] = {"connecting", "negotiating", "tls", "plaintext",
                                                   "refused"};

    return names[stage];
}

static void bytes(char cell[CELL], uint64_t count)
{
    static const char units[] = "KMGTPE";
    double value = (double)count;
    size_t unit = 0;

    if (count < 1024) {
        snprintf(cell, CELL, "%" PRIu64, count);
        return;
    }
    for (value /= 1024; value >= 1000 && unit + 1 < sizeof units - 1; unit++)
        value /= 1024;
    snprintf(cell, CELL, "%.*f%c", value < 10 ? 1 : 0, value, units[unit]);
}

static void age(char cell[CELL], uint64_t milliseconds)
{
    const uint64_t s = milliseconds / 1000;

    if (s < 60)
        snprintf(cell, CELL, "%" PRIu64 "s", s);
    else if (s < 3600)
        snprintf(cell, CELL, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(cell, CELL, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        snprintf(cell, CELL, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
}

static const char *base_name(const char *path)
{
    const char *const slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

static void user(char cell[CELL], uint32_t uid)
{
    const struct passwd *const found = getpwuid((uid_t)uid);

    if (found)
        snprintf(cell, CELL, "%s", found->pw_name);
    else
        snprintf(cell, CELL, "%" PRIu32, uid);
}

static void value(char cell[CELL], const struct row *row, enum column column)
{
    cell[0] = '\0';
    switch (column) {
    case USER:
        user(cell, row->uid);
        break;
    case PROGRAM:
        snprintf(cell, CELL, "%s", base_name(row->program));
        break;
    case PID:
        snprintf(cell, CELL, "%" PRIu32, row->pid);
        break;
    case SERVER:
        snprintf(cell, CELL, "%s:%u", row->server, row->port);
        break;
    case PROTOCOL:
        snprintf(cell, CELL, "%s", row->protocol);
        break;
    case LEVEL:
        snprintf(cell, CELL, "%s", level_name(row->level));
        break;
    case TLS:
        snprintf(cell, CELL, "%s", row->stage == WIRE_TLS ? row->version : stage_name(row->stage));
        break;
    case CIPHER:
        snprintf(cell, CELL, "%s", row->cipher);
        break;
    case UP:
        bytes(cell, row->up);
        break;
    case DOWN:
        bytes(cell, row->down);
        break;
    default:
        age(cell, row->age);
    }
    if (!cell[0])
        strcpy(cell, "-");
}

/* ---- widths ---- */

struct layout {
    size_t width[COLUMNS]; /* 0: left out */
};

static size_t total(const struct layout *l)
{
    size_t sum = 0;

    for (size_t c = 0; c < COLUMNS; c++)
        sum += l->width[c] > 0 ? l->width[c] + (sum > 0 ? GAP : 0) : 0;
    return sum;
}

/* True if all connections are this user's. Only root can see others; then each line shows the user. */
static bool only_own(const struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->row[i].uid != (uint32_t)geteuid())
            return false;
    return true;
}

static void measure(struct layout *l, const struct rows *rows)
{
    const enum column first = only_own(rows) ? PROGRAM : USER;
    char cell[CELL];

    l->width[USER] = 0;
    for (enum column c = first; c < COLUMNS; c++)
        l->width[c] = strlen(columns[c].title);
    for (size_t i = 0; i < rows->count; i++)
        for (enum column c = first; c < COLUMNS; c++) {
            value(cell, &rows->row[i], c);
            if (strlen(cell) > l->width[c])
                l->width[c] = strlen(cell);
        }
}

/* Narrows the widest column that can spare a character. */
static bool cut_one(struct layout *l)
{
    size_t widest = COLUMNS;

    for (size_t c = 0; c < COLUMNS; c++)
        if (columns[c].least > 0 && l->width[c] > columns[c].least &&
            (widest == COLUMNS || l->width[c] > l->width[widest]))
            widest = c;
    if (widest == COLUMNS)
        return false;
    l->width[widest]--;
    return true;
}

static void fit(struct layout *l, size_t width)
{
    size_t next = 0;

    while (total(l) > width) {
        if (cut_one(l))
            continue;
        if (next == sizeof dispensable / sizeof dispensable[0])
            return;
        l->width[dispensable[next++]] = 0;
    }
}

/* ---- lines ---- */

static void show_cell(const char *cell, size_t width, bool right, bool last)
{
    const size_t length = strlen(cell);

    if (length > width)
        printf("%.*s~", (int)width - 1, cell);
    else if (right)
        printf("%*s", (int)width, cell);
    else
        printf("%-*s", last ? 0 : (int)width, cell);
}

/* Shows the titles if `row` is NULL. */
static void show_line(const struct layout *l, const struct row *row)
{
    char cell[CELL];
    bool begun = false;

    for (enum column c = 0; c < COLUMNS; c++) {
        if (l->width[c] == 0)
            continue;
        if (row)
            value(cell, row, c);
        else
            snprintf(cell, sizeof cell, "%s", columns[c].title);
        printf("%*s", begun ? GAP : 0, "");
        show_cell(cell, l->width[c], columns[c].right, c == COLUMNS - 1);
        begun = true;
    }
    putchar('\n');
}

void status_table_show(const struct rows *rows, size_t width, size_t height)
{
    struct layout layout;
    size_t room = height > 2 ? height - 2 : 1; /* without the titles and the cursor's line */

    if (rows->count == 0) {
        puts("No connections.");
        return;
    }
    if (height == 0 || rows->count <= room)
        room = rows->count;
    else if (room > 1)
        room--; /* for the line that says how many more there are */
    measure(&layout, rows);
    fit(&layout, width);
    show_line(&layout, NULL);
    for (size_t i = 0; i < room; i++)
        show_line(&layout, &rows->row[i]);
    if (room < rows->count)
        printf("and %zu more\n", rows->count - room);
}

/* ---- JSON ---- */

static void text(const char *name, const char *of)
{
    json_name(name, 0);
    json_string(of[0] ? of : NULL);
}

static void number(const char *name, uint64_t of)
{
    json_name(name, 0);
    printf("%" PRIu64, of);
}

void status_table_as_json(const struct rows *rows)
{
    char name[CELL];

    putchar('[');
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *const row = &rows->row[i];

        user(name, row->uid);
        fputs(i > 0 ? ", {" : "{", stdout);
        json_name("user", 1);
        json_string(name);
        text("program", row->program);
        number("pid", row->pid);
        text("server", row->server);
        text("address", row->address);
        number("port", row->port);
        text("protocol", row->protocol);
        text("state", stage_name(row->stage));
        text("level", level_name(row->level));
        text("version", row->version);
        text("cipher", row->cipher);
        number("up", row->up);
        number("down", row->down);
        number("milliseconds", row->age);
        putchar('}');
    }
    puts("]");
}
