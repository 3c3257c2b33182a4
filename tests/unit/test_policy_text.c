/*
 * The small parts of the policy language: numbers, nearest words, patterns, networks, services, the words of
 * a line.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/address.h"
#include "policy/glob.h"
#include "policy/language/arena.h"
#include "policy/language/errors.h"
#include "policy/language/keywords.h"
#include "policy/language/lexer.h"
#include "policy/old_stat.h"
#include "policy/readfile.h"
#include "policy/services.h"
#include "policy/text.h"
#include "tests/unit/policy_files.h"

static void text_is_cut_at_its_end_and_says_so(void **state)
{
    char buffer[6];
    struct text text = text_in(buffer, sizeof buffer);

    (void)state;
    text_add(&text, "ab");
    text_add_number(&text, 10);
    assert_false(text.cut);
    text_add(&text, "xyz");
    assert_true(text.cut);
    assert_string_equal(buffer, "ab10x");
    text_cut_back(&text, 2);
    text_add_clean(&text, "\r\n", 64);
    assert_string_equal(buffer, "ab??");
}

static void largest_numbers_are_written(void **state)
{
    char buffer[32];
    struct text text = text_in(buffer, sizeof buffer);

    (void)state;
    text_add_number(&text, UINT64_MAX);
    text_add_number(&text, 0);
    assert_string_equal(buffer, "184467440737095516150");
}

static void numbers_are_read_without_overflow(void **state)
{
    uint32_t number = 7;
    bool too_large;

    (void)state;
    assert_true(read_number("65535", 65535, &number, &too_large));
    assert_int_equal(number, 65535);
    assert_false(read_number("65536", 65535, &number, &too_large));
    assert_true(too_large);
    assert_false(read_number("99999999999999999999999999999999", UINT32_MAX, &number, &too_large));
    assert_true(too_large);
    assert_false(read_number("", 9, &number, &too_large) || read_number("-1", 9, &number, NULL) ||
                 read_number("1 ", 9, &number, NULL) || read_number("0x1", 9, &number, NULL));
    assert_false(too_large);
    assert_true(read_number("0004294967295", UINT32_MAX, &number, NULL));
    assert_true(number == UINT32_MAX);
}

static void nearest_word_is_what_was_meant(void **state)
{
    static const char *const words[] = {"level", "name", "ca-file", "ca-dir", NULL};
    unsigned distance = 0;

    (void)state;
    assert_string_equal(nearest_word("levle", words, &distance), "level"); /* a swap counts once */
    assert_int_equal(distance, 1);
    assert_string_equal(nearest_word("LEVEL", words, &distance), "level");
    assert_int_equal(distance, 0);
    assert_string_equal(nearest_word("cafil", words, &distance), "ca-file");
    assert_int_equal(distance, 2);
    assert_string_equal(nearest_word("nam", words, NULL), "name");
    assert_null(nearest_word("", words, NULL));
    assert_null(nearest_word("x", words, NULL));
    assert_null(nearest_word("certificate", words, NULL));
    assert_null(nearest_word("levellevellevellevellevellevel", words, NULL));
}

static void words_compare_by_ascii_letters(void **state)
{
    (void)state;
    assert_true(same_word("SMTP", "smtp"));
    assert_false(same_word("smtp", "smtps") || same_word("smtps", "smtp"));
    assert_true(same_word("", ""));
    assert_false(is_letter('[') || is_letter('@') || is_digit('/') || is_digit(':'));
}

/* Pattern matching in the plainest form. */
static bool slow_glob(const char *pattern, const char *text)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern == '*')
        return slow_glob(pattern + 1, text) || (*text != '\0' && slow_glob(pattern, text + 1));
    return *text != '\0' && (*pattern == '?' || *pattern == *text) && slow_glob(pattern + 1, text + 1);
}

static void patterns_agree_with_the_obvious_model(void **state)
{
    static const char letters[] = "ab*?*";
    const unsigned seed = (unsigned)time(NULL);
    unsigned fitted = 0;

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    for (unsigned i = 0; i < 200000; i++) {
        char pattern[10], text[10];
        size_t length = (size_t)rand() % sizeof pattern, size = (size_t)rand() % sizeof text;

        for (size_t j = 0; j < length; j++)
            pattern[j] = letters[rand() % 5];
        for (size_t j = 0; j < size; j++)
            text[j] = letters[rand() % 2];
        pattern[length] = text[size] = '\0';
        if (glob_fits(pattern, text) != slow_glob(pattern, text))
            fail_msg("seed %u: '%s' and '%s'", seed, pattern, text);
        fitted += glob_fits(pattern, text);
    }
    assert_in_range(fitted, 1000, 199000);
}

/* A pattern with many stars against a long text must take a moment, not ages. */
static void many_stars_cost_no_more_than_both_lengths(void **state)
{
    char pattern[1000], text[1001];

    (void)state;
    for (unsigned i = 0; i < sizeof pattern; i++)
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    pattern[sizeof pattern - 2] = 'b';
    pattern[sizeof pattern - 1] = '\0';
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (unsigned i = 0; i < 100; i++)
        assert_false(glob_fits(pattern, text));
    assert_true(is_pattern("a?") && is_pattern("*") && !is_pattern("a.b[c]"));
}

static bool reads(const char *text, enum network_fault fault, const char *as)
{
    struct network network;
    char written[NETWORK_TEXT] = "";

    if (network_read(&network, text) != fault)
        return false;
    if (as != NULL)
        network_write(&network, written);
    return as == NULL || strcmp(written, as) == 0;
}

static void networks_are_read_and_written(void **state)
{
    (void)state;
    assert_true(reads("192.0.2.1", NETWORK_GOOD, "192.0.2.1/32"));
    assert_true(reads("10.0.0.0/8", NETWORK_GOOD, "10.0.0.0/8"));
    assert_true(reads("0.0.0.0/0", NETWORK_GOOD, "0.0.0.0/0"));
    assert_true(reads("2001:db8::/32", NETWORK_GOOD, "2001:db8::/32"));
    assert_true(reads("::/0", NETWORK_GOOD, "::/0"));
    assert_true(reads("::ffff:192.0.2.0/120", NETWORK_GOOD, "192.0.2.0/24"));
    assert_true(reads("10.1.2.3/8", NETWORK_SURPLUS, "10.0.0.0/8"));
    assert_true(reads("2001:db8::1/127", NETWORK_SURPLUS, "2001:db8::/127"));
    assert_true(reads("10.0.0.0/33", NETWORK_BAD_PREFIX, NULL));
    assert_true(reads("::/129", NETWORK_BAD_PREFIX, NULL));
    assert_true(reads("::/", NETWORK_BAD_PREFIX, NULL));
    assert_true(reads("10.0.0/8", NETWORK_NO_ADDRESS, NULL));
    assert_true(reads("", NETWORK_NO_ADDRESS, NULL));
    assert_true(reads("fe80::1%eth0", NETWORK_NO_ADDRESS, NULL));
    assert_true(reads("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa", NETWORK_NO_ADDRESS, NULL));
}

static bool has(const char *net, const char *text)
{
    const struct wire_address address = address_of(text, 25);
    struct network network;
    uint8_t bytes[16];

    assert_int_equal(network_read(&network, net), NETWORK_GOOD);
    assert_true(address_bytes(bytes, &address));
    return network_has(&network, bytes);
}

static void networks_have_addresses_of_their_own_version(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.0.1") && has("10.0.0.0/8", "::ffff:10.1.1.1"));
    assert_true(has("::ffff:10.0.0.0/104", "10.1.1.1"));
    assert_false(has("10.0.0.0/8", "11.0.0.0") || has("10.0.0.0/8", "::a00:1"));
    assert_true(has("192.0.2.128/25", "192.0.2.129"));
    assert_false(has("192.0.2.128/25", "192.0.2.127"));
    assert_true(has("0.0.0.0/0", "255.255.255.255") && has("::/0", "2001:db8::1"));
    assert_false(has("::/0", "10.0.0.1") || has("::/0", "::ffff:10.0.0.1") || has("0.0.0.0/0", "::1"));
    assert_true(has("2001:db8:8000::/33", "2001:db8:8000::1"));
    assert_false(has("2001:db8:8000::/33", "2001:db8:7fff::1"));
}

static bool loopback(const char *text)
{
    const struct wire_address address = address_of(text, 25);
    uint8_t bytes[16];

    assert_true(address_bytes(bytes, &address));
    return address_is_loopback(bytes);
}

static void loopback_is_known_in_every_form(void **state)
{
    const struct wire_address none = {.family = AF_UNSPEC};
    uint8_t bytes[16];

    (void)state;
    assert_true(loopback("127.0.0.1") && loopback("127.255.1.1") && loopback("::1") &&
                loopback("::ffff:127.0.0.1"));
    assert_true(loopback("0.0.0.0") && loopback("::")); /* connect() treats them as loopback */
    assert_false(loopback("128.0.0.1") || loopback("::2") || loopback("0.0.0.1") || loopback("2001:db8::1"));
    assert_false(address_bytes(bytes, &none));
}

static bool serves(const char *name, unsigned port)
{
    struct services services = {.text = NULL};
    uint16_t found = 0;
    const bool known = service_port(&services, name, &found);

    services_forget(&services);
    return port == 0 ? !known : known && found == port;
}

static void services_are_known_by_name(void **state)
{
    (void)state;
    assert_true(serves("smtp", 25) && serves("IMAPS", 993) && serves("sieve", 4190) &&
                serves("submission", 587));
    for (unsigned i = 0; service_names[i] != NULL; i++)
        assert_false(serves(service_names[i], 0));
    assert_true(serves("no-such-service", 0) && serves("", 0));
}

/* netbase may not be installed, so we compare with whatever /etc/services has. */
static void services_file_is_read_like_getservbyname(void **state)
{
    char names[1024][32];
    unsigned count = 0;

    (void)state;
    setservent(1);
    for (const struct servent *entry = getservent(); entry != NULL && count < 1000; entry = getservent()) {
        snprintf(names[count++], sizeof names[0], "%s", entry->s_name);
        for (char **alias = entry->s_aliases; *alias != NULL && count < 1000; alias++)
            snprintf(names[count++], sizeof names[0], "%s", *alias);
    }
    endservent();
    if (count == 0)
        skip();
    for (unsigned i = 0; i < count; i++) {
        const struct servent *entry = getservbyname(names[i], "tcp");

        if (!serves(names[i], entry == NULL ? 0 : ntohs((uint16_t)entry->s_port)))
            fail_msg("%s is at port %u", names[i], entry == NULL ? 0 : ntohs((uint16_t)entry->s_port));
    }
}

static void usual_ports_have_protocols(void **state)
{
    (void)state;
    for (const uint16_t *port = usual_ports; *port != 0; port++)
        assert_int_not_equal(port_protocol(*port), PROTOCOL_AUTO);
    assert_int_equal(port_protocol(24), PROTOCOL_LMTP);
    assert_int_equal(port_protocol(465), PROTOCOL_AUTO);
    assert_int_equal(port_protocol(0), PROTOCOL_AUTO);
}

static void words_are_taken_from_lines(void **state)
{
    static const char text[] = "  level\tsecure # comment\r\n\"a \\\"b\\\\\" !\"c\" x#y !d\n\n# only\nlast";
    const struct file file = {.path = "p", .text = text, .length = sizeof text - 1};
    static struct lexer lexer;
    struct word *word = &lexer.word;

    (void)state;
    lexer_begin(&lexer, &file, NULL);
    assert_int_equal(lexer_word(&lexer, word), LEXED_WORD);
    assert_string_equal(word->text, "level");
    assert_int_equal(place_column(&word->place), 3);
    assert_int_equal(lexer_word(&lexer, word), LEXED_WORD);
    assert_string_equal(word->text, "secure");
    assert_int_equal(lexer_word(&lexer, word), LEXED_END);
    assert_true(lexer_next_line(&lexer));
    assert_int_equal(lexer_word(&lexer, word), LEXED_WORD);
    assert_string_equal(word->text, "a \"b\\");
    assert_true(word->quoted && !word->negated && word->place.line == 2 && word->place.width == 9);
    assert_int_equal(lexer_word(&lexer, word), LEXED_WORD);
    assert_true(word->quoted && word->negated && strcmp(word->text, "c") == 0);
    assert_int_equal(lexer_word(&lexer, word), LEXED_WORD);
    assert_string_equal(word->text, "x#y");
    assert_int_equal(lexer_word(&lexer, word), LEXED_WORD);
    assert_true(!word->quoted && !word->negated && strcmp(word->text, "!d") == 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(lexer_next_line(&lexer));
        assert_int_equal(lexer_word(&lexer, word), LEXED_END);
    }
    assert_true(lexer_next_line(&lexer));
    assert_int_equal(lexer_word(&lexer, word), LEXED_WORD);
    assert_string_equal(word->text, "last");
    assert_int_equal(lexer_word(&lexer, word), LEXED_END);
    assert_false(lexer_next_line(&lexer));
}

static void arena_gives_zeroed_memory_until_it_is_full(void **state)
{
    struct arena arena = arena_map(10000);
    char *first, *second;

    (void)state;
    assert_non_null(arena.base);
    first = arena_take(&arena, 9);
    second = arena_take(&arena, 1);
    assert_true(second - first == 16 && first[0] == 0 && second[0] == 0);
    assert_null(arena_take(&arena, 10000));
    assert_non_null(arena_take(&arena, 8000));
    assert_null(arena_take(&arena, 2000));
    assert_in_range(arena_close(&arena), 8024, 12288);
    assert_null(arena_map(SIZE_MAX - 0xffff).base);
}

static void files_are_read_up_to_their_limit(void **state)
{
    struct file_facts facts;
    char *text;
    size_t length;
    int fd = file_open(put("file", "12345"), &facts);

    (void)state;
    assert_true(fd >= 0 && S_ISREG(facts.mode) && facts.owner == geteuid() && facts.inode != 0);
    assert_int_equal(file_read(fd, 4, &text, &length), EFBIG);
    file_close(fd);
    fd = file_open(in_folder("file"), &facts);
    assert_int_equal(file_read(fd, 5, &text, &length), 0);
    assert_int_equal(length, 5);
    assert_memory_equal(text, "12345", 5);
    file_unmap(text, length);
    file_unmap(NULL, 0);
    file_close(fd);
    assert_int_equal(file_open(in_folder("nothing"), &facts), -1);
    assert_int_equal(errno, ENOENT);
    fd = file_open(folder, &facts);
    assert_int_equal(file_read(fd, 5, &text, &length), EISDIR);
    file_close(fd);
    assert_int_equal(file_read(-1, 5, &text, &length), EBADF);
    assert_int_equal(file_read(-1, SIZE_MAX - 0xffff, &text, &length), ENOMEM);
    assert_int_equal(folder_read(-1, NULL, NULL), EBADF);
}

#ifdef SYS_old_stat
/* Before Linux 4.11 there is no statx(2), and the layout of stat(2) is each machine's own. */
static void older_kernels_tell_the_same_of_a_file(void **state)
{
    const char *const path = put("links", ""), *const all[] = {path, folder, "/", "/dev/null"};
    uint64_t device, inode;
    uint32_t owner, mode;
    struct old_stat older;
    struct file_facts facts;

    (void)state;
    assert_int_equal(link(path, in_folder("links-again")), 0);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_int_equal(file_look(all[i], true, &facts), 0);
        assert_int_equal(syscall(SYS_old_stat, AT_FDCWD, all[i], &older, 0), 0);
        old_stat_read(&older, &device, &inode, &owner, &mode);
        assert_int_equal(inode, facts.inode);
        assert_int_equal(owner, facts.owner);
        assert_int_equal(mode, facts.mode);
        assert_int_equal(old_stat_links(&older), facts.links);
    }
    assert_int_equal(file_look(path, true, &facts), 0);
    assert_int_equal(facts.links, 2);
    unlink(in_folder("links-again"));
}
#endif

static void errors_of_the_system_have_words(void **state)
{
    static const int known[] = {ENOENT, EACCES, EPERM,  ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG,
                                EMFILE, ENFILE, ENOMEM, EIO,     ENXIO,  ENODEV};

    (void)state;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_string_not_equal(errno_words(known[i]), errno_words(0));
    assert_string_equal(errno_words(12345), "the system refuses it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_cut_at_its_end_and_says_so),
        cmocka_unit_test(largest_numbers_are_written),
        cmocka_unit_test(numbers_are_read_without_overflow),
        cmocka_unit_test(nearest_word_is_what_was_meant),
        cmocka_unit_test(words_compare_by_ascii_letters),
        cmocka_unit_test(patterns_agree_with_the_obvious_model),
        cmocka_unit_test(many_stars_cost_no_more_than_both_lengths),
        cmocka_unit_test(networks_are_read_and_written),
        cmocka_unit_test(networks_have_addresses_of_their_own_version),
        cmocka_unit_test(loopback_is_known_in_every_form),
        cmocka_unit_test(services_are_known_by_name),
        cmocka_unit_test(services_file_is_read_like_getservbyname),
        cmocka_unit_test(usual_ports_have_protocols),
        cmocka_unit_test(words_are_taken_from_lines),
        cmocka_unit_test(arena_gives_zeroed_memory_until_it_is_full),
        cmocka_unit_test(files_are_read_up_to_their_limit),
#ifdef SYS_old_stat
        cmocka_unit_test(older_kernels_tell_the_same_of_a_file),
#endif
        cmocka_unit_test(errors_of_the_system_have_words),
    };

    return cmocka_run_group_tests_name("policy: its small parts", tests, make_folder, remove_folder);
}
