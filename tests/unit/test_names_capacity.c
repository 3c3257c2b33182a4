/*
 * How much the memory of names holds. A program that runs for months, and whose resolver threads look up
 * whatever its user reads, keeps working; and the memory says what it has pushed out.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "preload/names/lineage.h"
#include "preload/names/name_memory.h"
#include "tests/unit/names_helpers.h"
#include "tests/unit/walls.h"

static void thousand_lookups_are_all_remembered(void **state)
{
    char name[64], address[32];

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 1000; i++) {
            snprintf(name, sizeof name, "host%d.example.org", i);
            snprintf(address, sizeof address, "10.200.%d.%d", i / 250, i % 250);
            ask(name, address, 25);
        }
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "host%d.example.org", i);
        snprintf(address, sizeof address, "10.200.%d.%d", i / 250, i % 250);
        assert_only(address, 25, name);
    }
}

/* ---- a program that runs for months, and connects in a thread that never looks anything up */

static void numbered(unsigned i, char name[64], char address[32])
{
    snprintf(name, 64, "e%u.example.org", i);
    snprintf(address, 32, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
}

static void *asks_for_many(void *argument)
{
    const unsigned *const range = argument;
    char name[64], address[32];

    for (unsigned i = range[0]; i < range[1]; i++) {
        numbered(i, name, address);
        ask(name, address, 143);
    }
    return NULL;
}

static void resolver_thread_asks(unsigned from, unsigned to)
{
    unsigned range[] = {from, to};

    in_thread(asks_for_many, range);
}

/* With 32-bit addresses the table is smaller; with sanitizers each lookup takes long. */
static const unsigned many = sizeof(void *) > 4 && !SANITIZED ? 100000 : 20000;

/* A program that has rights to give up maps the memory three times, so it has less. */
static void hundred_thousand_lookups_of_a_resolver_thread_are_all_known(void **state)
{
    const unsigned all = names_may_part() ? many / 5 : many;
    char name[64], address[32];

    (void)state;
    resolver_thread_asks(0, all);
    for (unsigned i = 0; i < all; i++) {
        numbered(i, name, address);
        assert_only(address, 143, name);
    }
}

/* A small memory of its own for this test: one thread looks up, another connects. */
static struct name_memory memory;
static struct lineage resolver = {.thread = 1}, connecting = {.thread = 2};

static int small_memory(void **state)
{
    const size_t size = name_memory_size(&name_sizes_small);

    *state = aligned_alloc(64, size);
    assert_non_null(*state);
    memset(*state, 0, size);
    memory = name_memory_at(*state, &name_sizes_small);
    return 0;
}

static int no_memory(void **state)
{
    free(*state);
    return 0;
}

static void resolver_asks(const char *name, const char *address)
{
    const struct wire_address a = v4(address, 25);

    name_memory_remember(&memory, &resolver, name_memory_tick(&memory), name, &a);
}

static const struct names_found *find_as(const struct lineage *who, const char *address)
{
    const struct wire_address a = v4(address, 25);

    name_memory_find(&memory, who, &a, &found);
    return &found;
}

/* 20,000 other lookups go through a table of 4,096. */
static void what_is_asked_for_now_and_then_is_never_lost(void **state)
{
    char name[64], address[32];
    unsigned lost = 0;

    (void)state;
    if (SANITIZED)
        skip(); /* takes minutes, in one thread only; fuzz_names covers it */
    for (unsigned i = 0; i < 20000; i++) {
        if (i % 1000 == 0)
            resolver_asks("mail.example.org", "192.0.2.47");
        numbered(i, name, address);
        resolver_asks(name, address);
        find_as(&connecting, "192.0.2.47");
        assert_int_equal(found.count, 1);
        assert_string_equal(found.name[0], "mail.example.org");
        assert_false(found.lost);
        find_as(&connecting, address);
        assert_int_equal(found.count, 1);
        assert_string_equal(found.name[0], name);
        lost += found.lost;
    }
    printf("%u of 20,000 look like lost ones\n", lost);
    assert_in_range(lost, 1, 2000);
    /* A loss is still reported if another thread looks that address up later: another name may be meant. */
    resolver_asks("link.attacker.example", "10.0.0.1");
    assert_true(find_as(&connecting, "10.0.0.1")->lost);
    name_memory_remember(&memory, &connecting, name_memory_tick(&memory), "mail.example.org",
                         &(struct wire_address){.family = AF_INET, .port = 25, .bytes = {10, 0, 0, 1}});
    assert_false(find_as(&connecting, "10.0.0.1")->lost);
}

/* ---- losses are reported */

/* More aliases than the memory keeps: any name that was among them may have an origin that we do not know. */
static void origin_that_was_lost_is_told(void **state)
{
    char name[64];

    (void)state;
    if (SANITIZED)
        skip(); /* takes minutes, in one thread only; fuzz_names covers it */
    derive("mail.example.org", "victim.attacker.example", NAMES_ALIAS);
    for (int i = 0; i < 40000; i++) {
        snprintf(name, sizeof name, "a%d.attacker.example", i);
        derive("link.attacker.example", name, NAMES_ALIAS);
    }
    ask("victim.attacker.example", "192.0.2.45", 143);
    assert_true(find("192.0.2.45", 143)->lost);
    ask("typed.example.org", "192.0.2.46", 143);
    assert_only("192.0.2.46", 143, "typed.example.org");
}

/* Far more than the table holds: the latest are there, and nothing is found that was not looked up. */
static void oldest_are_evicted(void **state)
{
    char name[64], address[32];
    int kept = 0;

    (void)state;
    for (unsigned i = 0; i < 6000; i++) {
        numbered(i, name, address);
        resolver_asks(name, address);
    }
    for (unsigned i = 0; i < 6000; i++) {
        numbered(i, name, address);
        find_as(&resolver, address);
        assert_true(found.count <= 1);
        if (i >= 5900)
            assert_int_equal(found.count, 1);
        if (found.count)
            assert_string_equal(found.name[0], name);
        else
            assert_true(found.lost);
        kept += (int)found.count;
    }
    assert_in_range(kept, 3500, 4096);
}

/* A thread whose lookup with another port was pushed out meant that name, not the one that is left. */
static void lookup_with_another_port_that_was_lost_counts(void **state)
{
    const struct wire_address asked = v4("192.0.2.49", 143), evil = v4("192.0.2.49", 25);
    char name[64], address[32];

    (void)state;
    name_memory_remember(&memory, &connecting, name_memory_tick(&memory), "mail.example.org", &asked);
    name_memory_remember(&memory, &resolver, name_memory_tick(&memory), "link.attacker.example", &evil);
    for (unsigned i = 0; i < 20000; i++) {
        if (i % 1000 == 0) { /* keeps the names, but not the connecting thread's own record */
            name_memory_remember(&memory, NULL, 0, "mail.example.org", &asked);
            name_memory_remember(&memory, NULL, 0, "link.attacker.example", &evil);
        }
        numbered(i, name, address);
        resolver_asks(name, address);
    }
    assert_int_equal(find_as(&connecting, "192.0.2.49")->count, 2);
}

/* ---- a program with little room */

static unsigned long address_space(void)
{
    unsigned long pages = 0;
    FILE *const file = fopen("/proc/self/statm", "r");

    if (!file || fscanf(file, "%lu", &pages) != 1)
        abort();
    fclose(file);
    return pages * (unsigned long)sysconf(_SC_PAGESIZE);
}

static bool works_in_little_room(void)
{
    const struct rlimit limit = {.rlim_cur = (rlim_t)1 << 30, .rlim_max = (rlim_t)1 << 30};
    const unsigned long before = address_space();

    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return false;
    names_start();
    ask("mail.example.org", "192.0.2.48", 143);
    /* Three times as much if it has rights to give up (name_mapping.h). */
    return address_space() - before < 18u << 20 && child_finds("192.0.2.48", 143, "mail.example.org");
}

/*
 * Some daemons run under a limit of a few megabytes. This must be the first test, before the memory is made.
 */
static void program_whose_address_space_is_limited_has_a_small_memory(void **state)
{
    (void)state;
    if (SANITIZED)
        skip(); /* sanitizers map far more than any limit */
    if (getenv("RETROTLS_EMULATED")) {
        print_message("qemu-user has no limit of the address space\n");
        skip();
    }
    in_child(works_in_little_room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(program_whose_address_space_is_limited_has_a_small_memory),
        cmocka_unit_test(thousand_lookups_are_all_remembered),
        cmocka_unit_test(hundred_thousand_lookups_of_a_resolver_thread_are_all_known),
        cmocka_unit_test_setup_teardown(what_is_asked_for_now_and_then_is_never_lost, small_memory,
                                        no_memory),
        cmocka_unit_test_setup_teardown(oldest_are_evicted, small_memory, no_memory),
        cmocka_unit_test_setup_teardown(lookup_with_another_port_that_was_lost_counts, small_memory,
                                        no_memory),
        cmocka_unit_test(origin_that_was_lost_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
