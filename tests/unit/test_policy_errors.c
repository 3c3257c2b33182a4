/*
 * Every error of the policy language, word for word.
 *
 * policy_errors.txt has a section for each: its name in policy/language/error_texts.h, a policy, and the
 * messages about it.
 *
 *   === NAME [root]            `root`: only root can cause it
 *   @file NAME MODE TEXT       another file in the folder; also @folder NAME, @link NAME TO,
 *                              @owner NAME UID, @mode NAME MODE, and @fill NAME SIZE (a comment of that size)
 *   @missing                   there is no policy file
 *   @repeat COUNT TEXT         that many lines; @words COUNT TEXT: one line, with its last word that often
 *   any other line             belongs to the policy; <xx> is the byte of that number, <a*9> nine a's
 *   ---
 *   the messages, with the folder as DIR
 *
 * With UPDATE_GOLDEN set, the messages are written to policy_errors.txt.new, for a person to compare.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/language/error_texts.h"
#include "tests/unit/policy_files.h"

static const struct {
    const char *name, *text;
} messages[] = {
#define NAME_AND_TEXT(id, text, advice) {#id, text},
    POLICY_MESSAGES(NAME_AND_TEXT)
#undef NAME_AND_TEXT
};

static const char golden[] = "tests/unit/policy_errors.txt";
static bool seen[MESSAGES];
static FILE *update;

struct growing {
    char *text;
    size_t length, size;
};

static void add(struct growing *to, const char *text, size_t length)
{
    if (to->length + length + 1 > to->size) {
        to->size = 2 * to->size + length + 1;
        to->text = realloc(to->text, to->size);
        assert_non_null(to->text);
    }
    memcpy(to->text + to->length, text, length);
    to->length += length;
    to->text[to->length] = '\0';
}

/* Adds it with <xx> and <a*9> replaced. */
static void add_line(struct growing *to, const char *line)
{
    while (*line != '\0') {
        unsigned byte, count;
        int used = 0;
        char c;

        if (sscanf(line, "<%2x>%n", &byte, &used) == 1 && used == 4) {
            c = (char)byte;
            add(to, &c, 1);
        } else if (sscanf(line, "<%c*%u>%n", &c, &count, &used) == 2 && used > 0) {
            while (count-- > 0)
                add(to, &c, 1);
        } else {
            add(to, line, 1);
            used = 1;
        }
        line += used;
    }
}

static void fill(const char *name, size_t size)
{
    char *text = malloc(size);

    assert_non_null(text);
    memset(text, '#', size);
    put_bytes(name, text, size);
    free(text);
}

/* Handles an @ line, except those that are text of the policy. */
static void arrange(const char *line)
{
    char name[64], rest[512] = "";
    unsigned number;

    if (sscanf(line, "@file %63s %o %511[^\n]", name, &number, rest) >= 2) {
        strcat(rest, "\n");
        assert_int_equal(chmod(put(name, rest), number), 0);
    } else if (sscanf(line, "@folder %63s", name) == 1)
        assert_int_equal(mkdir(in_folder(name), 0755), 0);
    else if (sscanf(line, "@link %63s %511s", name, rest) == 2)
        assert_int_equal(symlink(rest, in_folder(name)), 0);
    else if (sscanf(line, "@owner %63s %u", name, &number) == 2)
        assert_int_equal(chown(in_folder(name), number, number), 0);
    else if (sscanf(line, "@mode %63s %o", name, &number) == 2)
        assert_int_equal(chmod(in_folder(name), number), 0);
    else if (sscanf(line, "@fill %63s %u", name, &number) == 2)
        fill(name, number);
    else
        fail_msg("what is '%s'?", line);
}

static bool repeat(struct growing *policy, const char *line)
{
    unsigned count;
    int used = 0;
    const char *last;

    if (sscanf(line, "@repeat %u %n", &count, &used) == 1) {
        while (count-- > 0) {
            add_line(policy, line + used);
            add(policy, "\n", 1);
        }
        return true;
    }
    if (sscanf(line, "@words %u %n", &count, &used) != 1)
        return false;
    last = strrchr(line, ' ') + 1;
    add(policy, line + used, (size_t)(last - line - used));
    while (count-- > 0) {
        add_line(policy, last);
        add(policy, " ", 1);
    }
    add(policy, "\n", 1);
    return true;
}

/* Stands in for OpenSSL, which `retrotls lint` asks. */
static const char *attempt(const struct settings *settings, enum policy_setting *blamed)
{
    *blamed = POLICY_CIPHERS;
    return settings->ciphers != NULL && strcmp(settings->ciphers, "NO-SUCH-CIPHER") == 0 ? "no cipher match"
                                                                                         : NULL;
}

/* Reads the lines up to "---", arranges the files, and returns the messages. */
static char *told_of(char **line)
{
    struct growing policy = {.text = NULL};
    struct policy_source source = {.must_exist = true};
    const struct policy *loaded;
    bool missing = false, arranged = false;
    char *told;

    add(&policy, "", 0);
    for (; strcmp(*line, "---") != 0; *line = strtok(NULL, "\n")) {
        assert_non_null(*line);
        if (update != NULL)
            fprintf(update, "%s\n", *line);
        if ((*line)[0] != '@') {
            add_line(&policy, *line);
            add(&policy, "\n", 1);
        } else if (strcmp(*line, "@missing") == 0) {
            missing = true;
        } else if (!repeat(&policy, *line)) {
            const bool itself = strcmp(strchr(*line, ' ') + 1, "policy") == 0 ||
                                strncmp(strchr(*line, ' ') + 1, "policy ", 7) == 0;

            if (itself && (strncmp(*line, "@mode", 5) == 0 || strncmp(*line, "@owner", 6) == 0))
                put("policy", "");
            arranged = arranged || itself;
            arrange(*line);
        }
    }
    if (!missing && !arranged)
        put_bytes("policy", policy.text, policy.length);
    free(policy.text);
    source.path = in_folder("policy");
    loaded = policy_load_by(&source, 1, &(struct policy_way){.attempt = attempt});
    told = without_folder(policy_errors(loaded));
    policy_free(loaded);
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(mkdir(folder, 0755), 0);
    return told;
}

static size_t message_of(const char *name)
{
    for (size_t i = 0; i < MESSAGES; i++)
        if (strcmp(messages[i].name, name) == 0)
            return i;
    fail_msg("there is no message %s", name);
    return 0;
}

/* True if `told` contains the longest fixed part of the message. */
static bool tells(const char *told, const char *text)
{
    char part[256];
    size_t longest = 0;

    for (const char *c = text; *c != '\0';) {
        const size_t length = strcspn(c, "%");

        if (length > longest)
            snprintf(part, sizeof part, "%.*s", (int)(longest = length), c);
        c += length;
        c += *c == '\0' ? 0 : 2;
    }
    return longest > 0 && strstr(told, part) != NULL;
}

/* True if they differ in the first column only: how much of a policy fits depends on the size of a pointer.
 */
static bool differ_in_column(const char *a, const char *b)
{
    static const char before[] = "policy:1:", digits[] = "0123456789";
    const char *const in_a = strstr(a, before), *const in_b = strstr(b, before);

    return in_a && in_b && in_a - a == in_b - b && memcmp(a, b, (size_t)(in_a - a)) == 0 &&
           strcmp(in_a + strlen(before) + strspn(in_a + strlen(before), digits),
                  in_b + strlen(before) + strspn(in_b + strlen(before), digits)) == 0;
}

static bool is_as_expected(size_t message, const char *told, const char *expected)
{
    if (sizeof(void *) != 8 && strcmp(messages[message].name, "POLICY_TOO_LARGE") == 0)
        return differ_in_column(told, expected);
    return strcmp(told, expected) == 0;
}

/* The messages must be what the section says, and contain the one that the section is named after. */
static void compare(size_t message, const char *told, const char *expected)
{
    if (update != NULL)
        fputs(told, update);
    else if (!is_as_expected(message, told, expected))
        fail_msg("%s\nis told:\n%s\nexpected:\n%s", messages[message].name, told, expected);
    if (!tells(told, messages[message].text))
        fail_msg("%s is not told:\n%s", messages[message].name, told);
    seen[message] = true;
}

static char *all_of(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 20);

    if (!file || !text)
        abort();
    assert_in_range(fread(text, 1, (1 << 20) - 1, file), 1, (1 << 20) - 2);
    fclose(file);
    return text;
}

static void every_message_is_told_as_written(void **state)
{
    char *text = all_of(golden), *line = strtok(text, "\n");

    (void)state;
    if (getenv("UPDATE_GOLDEN") != NULL)
        update = fopen("tests/unit/policy_errors.txt.new", "w");
    while (line != NULL) {
        char name[64], *told, *section = line;
        struct growing expected = {.text = NULL};
        size_t message;
        bool skipped;

        assert_int_equal(sscanf(line, "=== %63s", name), 1);
        message = message_of(name);
        skipped = strstr(line, " root") != NULL && geteuid() != 0;
        if (update != NULL)
            fprintf(update, "%s\n", section);
        line = strtok(NULL, "\n");
        if (skipped) {
            while (line != NULL && strncmp(line, "=== ", 4) != 0)
                line = strtok(NULL, "\n");
            seen[message] = true;
            continue;
        }
        told = told_of(&line);
        if (update != NULL)
            fputs("---\n", update);
        add(&expected, "", 0);
        while ((line = strtok(NULL, "\n")) != NULL && strncmp(line, "=== ", 4) != 0) {
            add(&expected, line, strlen(line));
            add(&expected, "\n", 1);
        }
        compare(message, told, expected.text);
        free(told);
        free(expected.text);
    }
    free(text);
    if (update != NULL)
        fclose(update);
    for (size_t i = 0; i < MESSAGES; i++)
        if (!seen[i])
            fail_msg("%s is told by no policy in %s", messages[i].name, golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_told_as_written),
    };

    return cmocka_run_group_tests_name("policy: its errors", tests, make_folder, remove_folder);
}
