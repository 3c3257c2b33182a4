/* Reads the lines of a policy file: settings, `match` and `include`. */
#include <string.h>

#include "policy/language/include.h"
#include "policy/language/keywords.h"
#include "policy/language/loader.h"

static struct setting **list_of(const struct loader *loader)
{
    return loader->block ? &loader->block->settings : &loader->scope->settings;
}

static void broken(const struct loader *loader)
{
    if (loader->block)
        loader->block->broken = true;
    else
        loader->scope->broken = true;
}

static void report(struct loader *loader, const struct place *place, enum message message, const char *a,
                   const char *b)
{
    errors_report(&loader->errors, place, message, a, b, NULL);
    broken(loader);
}

/* Adds "LINE", or "LINE of FILE" if that is another file. */
static void line_of(struct text *text, const struct setting *setting, const struct file *here)
{
    text_add_number(text, setting->place.line);
    if (setting->place.file != here) {
        text_add(text, " of ");
        text_add(text, setting->place.file->path);
    }
}

bool add_to_list(struct loader *loader, struct setting **list, struct setting *setting,
                 const struct place *place)
{
    const enum policy_setting key = setting->key;
    char line[POLICY_PATH_LIMIT + 32];
    struct text where = text_in(line, sizeof line);
    unsigned count = 0;

    for (; *list; list = &(*list)->next) {
        if ((*list)->key != key)
            continue;
        count++;
        if (!takes_list(key)) {
            line_of(&where, *list, place->file);
            report(loader, place, MESSAGE_SETTING_TWICE, policy_setting_name(key), line);
            return false;
        }
    }
    if (count == SETTINGS_LIST_LIMIT) {
        report(loader, place, MESSAGE_LIST_TOO_LONG, policy_setting_name(key), "16");
        return false;
    }
    *list = setting;
    return true;
}

static bool add_setting(struct loader *loader, const struct word *word, const struct word *keyword,
                        enum policy_setting key)
{
    struct setting *setting = loader_take(loader, &word->place, sizeof *setting);

    if (!setting)
        return false;
    setting->key = key;
    setting->place = word->place;
    if (!add_to_list(loader, list_of(loader), setting, takes_list(key) ? &word->place : &keyword->place))
        return false;
    /* It still counts as set, so that we report the mistake only once. */
    setting->bad = !read_value(loader, word, setting);
    if (setting->bad)
        broken(loader);
    return !setting->bad;
}

/* Whether the line ends here. Reports a further word. */
static bool is_last(struct loader *loader, struct lexer *lexer)
{
    const enum lexed lexed = lexer_word(lexer, &lexer->ahead);

    if (lexed == LEXED_WORD)
        report(loader, &lexer->ahead.place, MESSAGE_SETTING_ONE_VALUE, lexer->keyword.text, NULL);
    return lexed == LEXED_END;
}

static void read_list(struct loader *loader, struct lexer *lexer, enum policy_setting key)
{
    enum lexed lexed = LEXED_WORD;

    while (lexed == LEXED_WORD) {
        (void)add_setting(loader, &lexer->word, &lexer->keyword, key);
        lexed = lexer_word(lexer, &lexer->word);
    }
    if (lexed == LEXED_BAD)
        broken(loader);
}

static void read_setting(struct loader *loader, struct lexer *lexer, enum policy_setting key)
{
    const struct word *keyword = &lexer->keyword;
    struct word *word = &lexer->word;
    enum lexed lexed = lexer_word(lexer, word);

    if (lexed == LEXED_END && key == POLICY_FINAL) { /* `final` alone means yes */
        word->place = keyword->place;
        memcpy(word->text, "yes", sizeof "yes");
        word->length = 3;
        lexed = LEXED_WORD;
    }
    if (lexed == LEXED_WORD && takes_list(key)) {
        read_list(loader, lexer, key);
        return;
    }
    if (lexed == LEXED_END)
        report(loader, &keyword->place, MESSAGE_SETTING_NO_VALUE, keyword->text, NULL);
    else if (lexed == LEXED_WORD && is_last(loader, lexer))
        (void)add_setting(loader, word, keyword, key);
    else
        broken(loader);
}

static struct block *begin_block(struct loader *loader, const struct word *keyword)
{
    char rule[POLICY_PATH_LIMIT + 16];
    struct text text = text_in(rule, sizeof rule);
    struct block *block;

    if (loader->blocks_count == POLICY_BLOCKS_LIMIT) {
        errors_report(&loader->errors, &keyword->place, MESSAGE_BLOCKS_TOO_MANY, "4096", NULL, NULL);
        loader->full = true;
        loader->policy->unreadable = true;
        return NULL;
    }
    text_add(&text, keyword->place.file->path);
    text_add(&text, ":");
    text_add_number(&text, keyword->place.line);
    block = loader_take(loader, &keyword->place, sizeof *block);
    if (!block)
        return NULL;
    block->place = keyword->place;
    block->scope = loader->scope;
    block->rule = loader_text(loader, &keyword->place, rule, text.length);
    loader->blocks_count++;
    loader->block = block;
    loader->nowhere = false;
    *loader->blocks_end = block;
    loader->blocks_end = &block->next;
    return block;
}

static void read_match(struct loader *loader, struct lexer *lexer)
{
    struct block *block = begin_block(loader, &lexer->keyword);

    if (block)
        read_criteria(loader, lexer, block);
}

/* Makes a block for a line that may have been a `match` line. We do not know what it was about. */
static void unknown_block(struct loader *loader, const struct word *keyword)
{
    struct block *block = begin_block(loader, keyword);

    if (block) {
        block->unknown = ALL_CRITERIA;
        block->broken = true;
    }
}

/* False if the line is in error, which is reported. */
static bool include_line(struct loader *loader, struct lexer *lexer)
{
    const struct word *keyword = &lexer->keyword;
    const enum lexed lexed = lexer_word(lexer, &lexer->word);

    if (lexed == LEXED_END)
        report(loader, &keyword->place, MESSAGE_SETTING_NO_VALUE, keyword->text, NULL);
    return lexed == LEXED_WORD && is_last(loader, lexer);
}

static void unknown_word(struct loader *loader, struct lexer *lexer)
{
    const struct word *word = &lexer->keyword;
    const char *nearest = nearest_word(word->text, setting_words, NULL);
    char sign[2] = "";
    const int known = word_before_sign(word->text, setting_words, sign);

    if (word_index(word->text, criterion_words) >= 0) {
        report(loader, &word->place, MESSAGE_CRITERION_ALONE, word->text, NULL);
        return;
    }
    if (known >= 0) {
        nearest = setting_words[known];
        errors_report(&loader->errors, &word->place, MESSAGE_SIGN, sign, nearest, NULL);
    } else {
        errors_report_word(&loader->errors, &word->place, MESSAGE_UNKNOWN_SETTING, word->text, NULL,
                           setting_words, "the settings are");
    }
    broken(loader);
    if (nearest && strcmp(nearest, "include") == 0)
        loader->policy->unreadable = true;
    else if ((nearest && strcmp(nearest, "match") == 0) ||
             (lexer_word(lexer, &lexer->word) == LEXED_WORD &&
              word_index(lexer->word.text, criterion_words) >= 0))
        unknown_block(loader, word);
}

static void read_line(struct loader *loader, struct lexer *lexer)
{
    const enum lexed lexed = lexer_word(lexer, &lexer->keyword);
    const struct word *keyword = &lexer->keyword;
    int key;

    if (lexed == LEXED_BAD) {
        broken(loader);
        unknown_block(loader, keyword);
    }
    if (lexed != LEXED_WORD)
        return;
    key = word_index(keyword->text, setting_words);
    if (key > POLICY_SETTINGS)
        read_match(loader, lexer);
    else if (key == POLICY_SETTINGS && (!include_line(loader, lexer) || !include(loader, &lexer->word)))
        loader->policy->unreadable = true;
    else if (key < 0)
        unknown_word(loader, lexer);
    else if (key < POLICY_SETTINGS && loader->nowhere)
        report(loader, &keyword->place, MESSAGE_SETTING_NOWHERE, keyword->text, NULL);
    else if (key < POLICY_SETTINGS)
        read_setting(loader, lexer, (enum policy_setting)key);
}

void read_lines(struct loader *loader, const struct file *file)
{
    struct lexer *lexer = &loader->lexers[loader->depth - 1];

    lexer_begin(lexer, file, &loader->errors);
    do
        read_line(loader, lexer);
    while (!loader->full && lexer_next_line(lexer));
}
