#include "command/usage.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command/command.h"
#include "policy/text.h"

enum {
    COLUMNS_DEFAULT = 80,
    LINES_DEFAULT = 24,
    COLUMNS_LEAST = 40,
    COLUMNS_MOST = 1000,
    TEXT_LIMIT = 16384
};

/* The width that the user wants (POSIX, XBD 8.3); 0 if unset. */
static size_t columns_wanted(void)
{
    const char *const wanted = getenv("COLUMNS");
    uint32_t columns;

    return wanted && read_number(wanted, COLUMNS_MOST, &columns, NULL) ? columns : 0;
}

size_t columns_of(FILE *out)
{
    struct winsize window = {0};
    const size_t wanted = columns_wanted();
    size_t columns = wanted > 0 ? wanted : COLUMNS_DEFAULT;

    if (ioctl(fileno(out), TIOCGWINSZ, &window) == 0 && window.ws_col > 0 &&
        (wanted == 0 || window.ws_col < wanted))
        columns = window.ws_col;
    return columns < COLUMNS_LEAST ? COLUMNS_LEAST : columns;
}

size_t lines_of(FILE *out)
{
    struct winsize window = {0};

    return ioctl(fileno(out), TIOCGWINSZ, &window) == 0 && window.ws_row > 0 ? window.ws_row : LINES_DEFAULT;
}

/* The columns of UTF-8 text; counts every character as one. */
static size_t width_of(const char *text, size_t length)
{
    size_t width = 0;

    for (size_t i = 0; i < length; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

static void wrap(FILE *out, unsigned indent, const char *text)
{
    const size_t limit = columns_of(out) - 1;
    size_t column = 0;

    while (*text) {
        const size_t blanks = strspn(text, " ");
        const size_t length = strcspn(text + blanks, " \n");
        const size_t width = width_of(text + blanks, length);

        if (length > 0 && column > indent && column + blanks + width > limit) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (length > 0) {
            fprintf(out, "%*s", (int)blanks, "");
            column += blanks;
        }
        fwrite(text + blanks, 1, length, out);
        column += width;
        text += blanks + length;
        if (*text == '\n') {
            fputc('\n', out);
            text++;
            column = *text ? indent : 0;
            if (*text)
                fprintf(out, "%*s", (int)indent, "");
        }
    }
    if (column > 0)
        fputc('\n', out);
}

void tame(char *text)
{
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text, next = (unsigned char)text[1];
        if ((c < ' ' && c != '\n') || c == 0x7f)
            *text = '?';
        else if (c == 0xc2 && next >= 0x80 && next <= 0x9f)
            text[0] = text[1] = '?';
    }
}

static void say_text(FILE *out, unsigned indent, const char *start, const char *format, va_list arguments)
{
    char text[TEXT_LIMIT];
    const int length = snprintf(text, sizeof text, "%s", start);

    vsnprintf(text + length, sizeof text - (size_t)length, format, arguments);
    tame(text);
    wrap(out, indent, text);
}

void say(FILE *out, unsigned indent, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say_text(out, indent, "", format, arguments);
    va_end(arguments);
}

static int output_error; /* errno of the first flush that failed, because later ones report success */

static void flush_output(void)
{
    if (fflush(stdout) != 0 && output_error == 0)
        output_error = errno;
}

void complain(const char *format, ...)
{
    va_list arguments;

    flush_output();
    va_start(arguments, format);
    say_text(stderr, 4, "retrotls: ", format, arguments);
    va_end(arguments);
}

/* Returns the length of the subcommand's name at the start of a text such as "check: which HOST?". */
static int subcommand_of(const char *text)
{
    const size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz");

    return text[length] == ':' ? (int)length : 0;
}

int usage_error(const char *format, ...)
{
    char text[TEXT_LIMIT];
    va_list arguments;
    int name;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    name = subcommand_of(text);
    complain("%s", text);
    fprintf(stderr, "Try 'retrotls %.*s%s--help' for more information.\n", name, text, name > 0 ? " " : "");
    return EXIT_USAGE;
}

int finish(int status)
{
    const int last = errno; /* left by printf(3), if that has already written */

    flush_output();
    if (output_error == 0 && !ferror(stdout))
        return status;
    if (output_error == 0)
        output_error = last;
    if (output_error ==
        EPIPE) { /* the reader has gone: end as other programs do, even if SIGPIPE is ignored */
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    complain("standard output: %s", strerror(output_error));
    return EXIT_FAILURE;
}

bool in_colour(FILE *out)
{
    const char *const refused = getenv("NO_COLOR");

    return !(refused && *refused) && isatty(fileno(out)) == 1;
}
