/* Reads a `match` line: criteria, each with its values. */
#include <string.h>

#include "policy/glob.h"
#include "policy/language/keywords.h"
#include "policy/language/loader.h"

struct reading {
    struct loader *loader;
    struct block *block;
    const struct word *word;
    const char *text; /* the word without its '!' */
};

static void report(const struct reading *r, enum message message, const char *a, const char *b)
{
    errors_report(&r->loader->errors, &r->word->place, message, a, b, NULL);
}

static bool keep_text(const struct reading *r, struct value *value, const char *text)
{
    value->text = loader_text(r->loader, &r->word->place, text, strlen(text));
    return value->text != NULL;
}

static bool is_number(const char *text)
{
    while (is_digit(*text))
        text++;
    return *text == '\0';
}

bool is_host_name(const char *name, bool pattern)
{
    size_t label = 0, length = 0;

    for (; name[length] != '\0'; length++) {
        const char c = name[length];

        if (c == '.') {
            if (label == 0 || name[length - 1] == '-')
                return false;
            label = 0;
            continue;
        }
        if (!is_letter(c) && !is_digit(c) && c != '_' && (c != '-' || label == 0) &&
            !(pattern && (c == '*' || c == '?')))
            return false;
        if (++label > 63)
            return false;
    }
    if (length == 0 || length > 254 || name[length - 1] == '-')
        return false;
    return label > 0 ? length < 254 : length > 1; /* a final dot is allowed */
}

static bool read_host(const struct reading *r, struct value *value)
{
    char lowered[WORD_LIMIT + 1] = "*";
    const bool suffix = r->text[0] == '.';
    struct network network;
    size_t length = suffix ? 1 : 0;

    for (const char *c = r->text; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80) {
            report(r, MESSAGE_HOST_NOT_ASCII, NULL, NULL);
            return false;
        }
        lowered[length++] = lower(*c);
    }
    lowered[length] = '\0';
    if (is_number(r->text))
        report(r, MESSAGE_HOST_IS_NUMBER, r->text, NULL);
    else if (network_read(&network, r->text) != NETWORK_NO_ADDRESS)
        report(r, MESSAGE_HOST_IS_ADDRESS, r->text, NULL);
    else if (!is_host_name(lowered, true) || strcmp(r->text, ".") == 0)
        report(r, MESSAGE_HOST_BAD, r->text, NULL);
    else {
        if (lowered[length - 1] == '.')
            lowered[length - 1] = '\0';
        return keep_text(r, value, lowered);
    }
    return false;
}

static bool read_address(const struct reading *r, struct value *value)
{
    char right[NETWORK_TEXT];

    switch (network_read(&value->network, r->text)) {
    case NETWORK_GOOD:
        return true;
    case NETWORK_BAD_PREFIX:
        report(r, MESSAGE_ADDRESS_PREFIX, r->text, value->network.prefix == 32 ? "32" : "128");
        return false;
    case NETWORK_SURPLUS:
        network_write(&value->network, right);
        report(r, MESSAGE_ADDRESS_BITS, r->text, right);
        return false;
    default:
        if (strchr(r->text, '%') && strchr(r->text, ':'))
            report(r, MESSAGE_ADDRESS_ZONE, NULL, NULL);
        else
            report(r,
                   is_host_name(r->text, true) && !is_digit(r->text[0]) ? MESSAGE_ADDRESS_IS_NAME
                                                                        : MESSAGE_ADDRESS_BAD,
                   r->text, NULL);
        return false;
    }
}

static bool read_port(const struct reading *r, const char *text, uint32_t *port)
{
    uint16_t service;
    bool too_large;

    if (read_number(text, 65535, port, &too_large) && *port > 0)
        return true;
    if (too_large || is_number(text)) {
        report(r, MESSAGE_PORT_LIMIT, text, NULL);
        return false;
    }
    if (service_port(&r->loader->services, text, &service)) {
        *port = service;
        return true;
    }
    report(r, MESSAGE_PORT_BAD, text, nearest_word(text, service_names, NULL));
    return false;
}

/* PORT, or FIRST-LAST as numbers: a service name may contain a '-' itself. */
static bool read_ports(const struct reading *r, struct value *value)
{
    const char *dash = strchr(r->text, '-');
    char first[WORD_LIMIT], swapped[24];
    struct text out = text_in(swapped, sizeof swapped);

    if (!is_digit(r->text[0]) || !dash) {
        const bool read = read_port(r, r->text, &value->low);

        value->high = value->low;
        return read;
    }
    if (dash[1] == '\0') {
        report(r, MESSAGE_PORT_BAD, r->text, NULL);
        return false;
    }
    memcpy(first, r->text, (size_t)(dash - r->text));
    first[dash - r->text] = '\0';
    if (!read_port(r, first, &value->low) || !read_port(r, dash + 1, &value->high))
        return false;
    if (value->low <= value->high)
        return true;
    text_add_number(&out, value->high);
    text_add(&out, "-");
    text_add_number(&out, value->low);
    report(r, MESSAGE_PORT_BACKWARDS, r->text, swapped);
    return false;
}

static bool read_program(const struct reading *r, struct value *value)
{
    if (r->text[0] == '~')
        report(r, MESSAGE_TILDE, NULL, NULL);
    else if (strchr(r->text, '/') && r->text[0] != '/' && r->text[0] != '*')
        report(r, MESSAGE_PROGRAM_RELATIVE, r->text, NULL);
    else
        return keep_text(r, value, r->text);
    return false;
}

static bool read_user(const struct reading *r, struct value *value)
{
    bool too_large;

    if (read_number(r->text, UINT32_MAX - 1, &value->low, &too_large))
        return true;
    if (too_large) {
        report(r, MESSAGE_USER_LIMIT, r->text, NULL);
        return false;
    }
    return keep_text(r, value, r->text);
}

static bool read_protocol(const struct reading *r, struct value *value)
{
    const char *const *words = protocol_words + 1; /* all but auto */
    const int index = word_index(r->text, words);

    if (index < 0)
        errors_report_word(&r->loader->errors, &r->word->place, MESSAGE_UNKNOWN_VALUE, r->text, "protocol",
                           words, "it is one of");
    value->low = (uint32_t)index + 1;
    return index >= 0;
}

static bool read_criterion_value(const struct reading *r, enum criterion criterion, struct value *value)
{
    switch (criterion) {
    case CRITERION_HOST:
        return read_host(r, value);
    case CRITERION_ADDRESS:
        return read_address(r, value);
    case CRITERION_PORT:
        return read_ports(r, value);
    case CRITERION_PROGRAM:
        return read_program(r, value);
    case CRITERION_USER:
        return read_user(r, value);
    default:
        return read_protocol(r, value);
    }
}

/*
 * Reports a keyword in the place of a value, or a likely misspelling of one: `match host a.org level none`
 * and `match host a.org prot 25` must not be about hosts of these names. True if it is one.
 */
static bool is_stray_keyword(const struct reading *r, bool first)
{
    unsigned distance = 0;
    const char *nearest;

    if (r->word->quoted)
        return false;
    if (word_index(r->text, setting_words) >= 0) {
        report(r, MESSAGE_SETTING_IN_MATCH, r->text, NULL);
        return true;
    }
    nearest = nearest_word(r->text, criterion_words, &distance);
    if (first || !nearest || distance > 1)
        return false;
    report(r, MESSAGE_CRITERION_MISSPELT, r->text, nearest);
    return true;
}

/* Adds the word to the criterion's values; false if it cannot be one. */
static bool add_value(struct reading *r, enum criterion criterion, struct value ***end)
{
    const bool bang = !r->word->quoted && r->word->text[0] == '!';
    struct value *value = loader_take(r->loader, &r->word->place, sizeof *value);

    if (!value)
        return false;
    value->negated = bang || r->word->negated;
    r->text = r->word->text + (bang ? 1 : 0);
    if (r->text[0] == '\0') {
        report(r, bang ? MESSAGE_NEGATION_ALONE : MESSAGE_CRITERION_NO_VALUE, criterion_words[criterion],
               NULL);
        return false;
    }
    if (is_stray_keyword(r, !r->block->values[criterion])) {
        r->block->unknown = ALL_CRITERIA; /* we would misread the rest */
        return false;
    }
    if (criterion != CRITERION_PROGRAM && criterion != CRITERION_USER && strchr(r->text, ',')) {
        report(r, MESSAGE_COMMA, r->text, NULL);
        return false;
    }
    if (!read_criterion_value(r, criterion, value))
        return false;
    **end = value;
    *end = &value->next;
    return true;
}

/* Returns the criterion that the word begins; CRITERIA for a value; -1 after reporting an error. */
static int criterion_of(struct reading *r, bool first)
{
    const char *text = r->word->text;
    const int criterion = r->word->quoted ? -1 : word_index(text, criterion_words);
    const int negated = !r->word->quoted && text[0] == '!' ? word_index(text + 1, criterion_words) : -1;

    if (negated >= 0) {
        report(r, MESSAGE_CRITERION_NEGATED, text + 1, NULL);
        return -1;
    }
    if (criterion < 0) {
        char sign[2] = "";
        const int known = r->word->quoted ? -1 : word_before_sign(text, criterion_words, sign);

        if (known >= 0) { /* no value begins with a keyword and one of these signs */
            report(r, MESSAGE_SIGN, sign, criterion_words[known]);
            return -1;
        }
        if (!first)
            return CRITERIA;
        if (r->word->quoted && word_index(text, criterion_words) >= 0) {
            report(r, MESSAGE_CRITERION_QUOTED, text, NULL);
            return -1;
        }
        errors_report_word(&r->loader->errors, &r->word->place, MESSAGE_UNKNOWN_CRITERION, text, NULL,
                           criterion_words, "the criteria are");
        return -1;
    }
    if ((r->block->given & 1U << criterion) != 0) {
        report(r, MESSAGE_CRITERION_TWICE, text, NULL);
        return -1;
    }
    return criterion;
}

/* Reports that the last criterion has no value, or that the line has no criterion. */
static void report_end(struct reading *r, int criterion, const struct place *keyword)
{
    if (criterion == CRITERIA)
        errors_report(&r->loader->errors, &r->block->place, MESSAGE_MATCH_EMPTY, NULL, NULL, NULL);
    else
        errors_report(&r->loader->errors, keyword, MESSAGE_CRITERION_NO_VALUE, criterion_words[criterion],
                      NULL, NULL);
    r->block->unknown = ALL_CRITERIA;
}

void read_criteria(struct loader *loader, struct lexer *lexer, struct block *block)
{
    struct reading r = {loader, block, &lexer->word, NULL};
    struct place keyword = block->place;
    struct value **end = NULL;
    enum lexed lexed;
    int criterion = CRITERIA;
    bool any = false; /* whether the current criterion has a value */

    while ((lexed = lexer_word(lexer, &lexer->word)) == LEXED_WORD) {
        const int found = criterion_of(&r, criterion == CRITERIA);

        if (found < 0)
            break;
        if (found == CRITERIA) {
            if (!add_value(&r, (enum criterion)criterion, &end))
                block->unknown = (uint8_t)(block->unknown | 1U << criterion);
            any = true;
            continue;
        }
        if (criterion != CRITERIA && !any)
            report_end(&r, criterion, &keyword);
        criterion = found;
        block->given = (uint8_t)(block->given | 1U << criterion);
        end = &block->values[criterion];
        any = false;
        keyword = lexer->word.place;
    }
    if (lexed != LEXED_END)
        block->unknown = ALL_CRITERIA;
    else if (!any)
        report_end(&r, criterion, &keyword);
}
