#include "policy/language/errors.h"

#include <stdbool.h>
#include <string.h>

static const struct {
    const char *text, *advice;
} table[MESSAGES] = {
#define POLICY_MESSAGE_TEXTS(id, text, advice) [MESSAGE_##id] = {text, advice},
    POLICY_MESSAGES(POLICY_MESSAGE_TEXTS)
#undef POLICY_MESSAGE_TEXTS
};

static const char more[] = "There are more errors than are shown here.\n";

struct errors errors_in(char *all, size_t size, char *first)
{
    first[0] = '\0';
    return (struct errors){.all = text_in(all, size - sizeof more), .first = first};
}

/* Returns the length of the printable UTF-8 character at `at`; 0 for a control character, C1 included. */
static size_t utf8_length(const char *at, size_t left)
{
    const unsigned char *c = (const unsigned char *)at;
    size_t length = 0;

    if (c[0] >= 0x20 && c[0] < 0x7f)
        return 1;
    if (c[0] >= 0xc2 && c[0] < 0xe0)
        length = 2;
    else if (c[0] >= 0xe0 && c[0] < 0xf0)
        length = 3;
    else if (c[0] >= 0xf0 && c[0] < 0xf5)
        length = 4;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    if ((c[0] == 0xc2 && c[1] < 0xa0) || (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90))
        return 0;
    return length;
}

/*
 * Returns the terminal columns that a character of `size` bytes takes: two for East Asian characters and
 * pictures, none for accents that combine with the character before.
 */
static unsigned columns_of(const char *at, size_t size)
{
    static const struct {
        uint32_t first, last;
        unsigned columns;
    } ranges[] = {
        {0x300, 0x36f, 0},     {0x200b, 0x200f, 0},   {0xfe00, 0xfe0f, 0}, {0x1100, 0x115f, 2},
        {0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2}, {0xf900, 0xfaff, 2},
        {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2}, {0x1f300, 0x1f64f, 2},
        {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
    };
    uint32_t character = size < 2 ? (unsigned char)*at : (unsigned char)*at & (0x7fU >> size);

    for (size_t i = 1; i < size; i++)
        character = character << 6 | ((unsigned char)at[i] & 0x3f);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (character >= ranges[i].first && character <= ranges[i].last)
            return ranges[i].columns;
    return 1;
}

/* Returns the length of a character in a line: a tab, a UTF-8 character, or a byte that we show as '?'. */
static size_t step(const char *at, size_t left)
{
    const size_t length = utf8_length(at, left);

    return length == 0 ? 1 : length;
}

static size_t line_start(const struct place *place)
{
    size_t start = place->offset;

    while (start > 0 && place->file->text[start - 1] != '\n')
        start--;
    return start;
}

uint32_t place_column(const struct place *place)
{
    const char *text = place->file->text;
    size_t at = line_start(place);
    uint32_t column = 1;

    for (; at < place->offset; column++)
        at += step(text + at, place->offset - at);
    return column;
}

static void add_filled(struct text *text, const char *format, const char *const words[3])
{
    for (; *format != '\0'; format++) {
        if (format[0] != '%') {
            text_add_bytes(text, format, 1);
            continue;
        }
        format++;
        if (*format == '%')
            text_add(text, "%");
        else if (words[*format - '1'])
            text_add_clean(text, words[*format - '1'],
                           words[*format - '1'][0] == '/' ? ERROR_PATH_LIMIT : ERROR_WORD_LIMIT);
    }
}

static bool advice_fits(const char *advice, const char *const words[3])
{
    for (; *advice != '\0'; advice++)
        if (advice[0] == '%' && *++advice != '%' && !words[*advice - '1'])
            return false;
    return true;
}

/* Adds the line around the place, with "..." where it was cut, and the caret below. */
static void add_excerpt(struct text *text, const struct place *place)
{
    const char *line = place->file->text + line_start(place);
    const size_t caret = (size_t)(place->file->text + place->offset - line);
    const char *end = memchr(line, '\n', (size_t)(place->file->text + place->file->length - line));
    const size_t length = (size_t)((end ? end : place->file->text + place->file->length) - line);
    size_t from = 0, at, shown;
    char below[ERROR_EXCERPT_LIMIT + 8]; /* the last character may take two columns, and a '^' follows */
    size_t under = 0, marked = 0;

    /* Start 40 bytes before the caret, at the first byte of a character. */
    if (caret > ERROR_EXCERPT_LIMIT - 20) {
        from = caret - 40;
        while (from < caret && (line[from] & 0xc0) == 0x80)
            from++;
    }
    text_add(text, "    ");
    if (from > 0) {
        text_add(text, "...");
        memset(below, ' ', under = 3);
    }
    for (at = from, shown = 0; at < length && shown < ERROR_EXCERPT_LIMIT && line[at] != '\r'; shown++) {
        const size_t size = utf8_length(line + at, length - at);
        const bool before = at < caret,
                   within = !before && at < caret + (place->width == 0 ? 1 : place->width);

        if (line[at] == '\t' || size > 0)
            text_add_bytes(text, line + at, size > 0 ? size : 1);
        else
            text_add(text, "?");
        for (unsigned i = columns_of(line + at, size);
             i > 0 && (before || within) && under < sizeof below - 1; i--)
            below[under++] = within ? (marked++ == 0 ? '^' : '~') : line[at] == '\t' ? '\t' : ' ';
        at += size > 0 ? size : 1;
    }
    if (at < length && line[at] != '\r')
        text_add(text, "...");
    if (marked == 0) /* after the end of the line */
        below[under++] = '^';
    text_add(text, "\n    ");
    text_add_bytes(text, below, under);
    text_add(text, "\n");
}

static void add_place(struct text *text, const struct place *place, bool shorten)
{
    const char *path = place->file->path;
    const size_t length = strlen(path);

    if (shorten && length > 100) {
        text_add(text, "...");
        path += length - 97;
    }
    text_add_clean(text, path, ERROR_PATH_LIMIT);
    if (place->line > 0) {
        text_add(text, ":");
        text_add_number(text, place->line);
        text_add(text, ":");
        text_add_number(text, place_column(place));
    }
    text_add(text, ": ");
}

/* False if there is no room for another error. */
static bool begin(struct errors *errors, const struct place *place, enum message message,
                  const char *const words[3])
{
    if (errors->count++ == 0) {
        struct text first = text_in(errors->first, FIRST_ERROR_LIMIT);

        add_place(&first, place, true);
        add_filled(&first, table[message].text, words);
    }
    if (errors->all.cut)
        return false;
    add_place(&errors->all, place, false);
    add_filled(&errors->all, table[message].text, words);
    text_add(&errors->all, "\n");
    if (place->line > 0)
        add_excerpt(&errors->all, place);
    return true;
}

/* Leaves out the whole error that began at `before` if it did not fit. */
static void end(struct errors *errors, size_t before)
{
    if (!errors->all.cut)
        return;
    text_cut_back(&errors->all, before);
    errors->all.size += sizeof more;
    text_add(&errors->all, more);
}

void errors_report(struct errors *errors, const struct place *place, enum message message, const char *a,
                   const char *b, const char *c)
{
    const char *const words[3] = {a, b, c};
    const size_t before = errors->all.length;

    if (!begin(errors, place, message, words))
        return;
    if (table[message].advice[0] != '\0' && advice_fits(table[message].advice, words)) {
        text_add(&errors->all, "    ");
        add_filled(&errors->all, table[message].advice, words);
        text_add(&errors->all, "\n");
    }
    end(errors, before);
}

/* Adds all words, in lines that fit a terminal. */
static void add_all(struct text *text, const char *introduction, const char *const *words)
{
    size_t start = text->length;

    text_add(text, introduction);
    for (const char *const *word = words; *word; word++) {
        if (text->length - start + strlen(*word) > ERROR_LINE_LIMIT) {
            text_add(text, word == words ? "" : ",");
            text_add(text, "\n   ");
            start = text->length;
        } else if (word != words) {
            text_add(text, ",");
        }
        text_add(text, " ");
        text_add(text, *word);
    }
}

void errors_report_word(struct errors *errors, const struct place *place, enum message message, const char *a,
                        const char *b, const char *const *words, const char *introduction)
{
    const char *const given[3] = {a, b, NULL};
    const char *nearest = nearest_word(a, words, NULL);
    const size_t before = errors->all.length;

    if (!begin(errors, place, message, given))
        return;
    text_add(&errors->all, "    ");
    if (nearest) {
        text_add(&errors->all, "did you mean '");
        text_add(&errors->all, nearest);
        text_add(&errors->all, "'?");
    } else {
        add_all(&errors->all, introduction, words);
    }
    text_add(&errors->all, "\n");
    end(errors, before);
}

void errors_report_origin(struct errors *errors, const struct place *from)
{
    const size_t before = errors->all.length;

    if (errors->all.cut)
        return;
    add_place(&errors->all, from, false);
    text_add(&errors->all, "included here\n");
    add_excerpt(&errors->all, from);
    end(errors, before);
}
