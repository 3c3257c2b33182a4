/*
 * The memory of names when a process gives up rights (name_mapping.h): what its kernel lets it write, and
 * what others then find. The processes are real. Where the kernel offers no user namespaces and the test does
 * not run as root, there are no rights to be given up, and it is skipped.
 */
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "preload/names/name_mapping.h"
#include "tests/unit/names_helpers.h"

static bool rights;

static int start_with_rights(void **state)
{
    /* A capability to give up. */
    rights = geteuid() == 0 || unshare(CLONE_NEWUSER) == 0;
    return start(state);
}

static void need_rights(void)
{
    if (!rights)
        skip();
}

static bool (*then)(void);

/* In a child, which has given up its rights. */
static bool parts(void)
{
    names_forked(); /* the library's constructor has this done */
    names_part();
    return then();
}

static void in_parted_child(bool (*body)(void))
{
    then = body;
    in_child(parts);
}

/* Overwrites every byte that this process may write and shares with others. Untouched pages stay zero. */
static bool overwrites_all(void)
{
    FILE *const maps = fopen("/proc/self/maps", "r");
    unsigned long written = 0;
    char line[512];

    while (maps && fgets(line, sizeof line, maps)) {
        uintptr_t from, to;
        char mode[5];

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, mode) != 3 || mode[3] != 's')
            continue;
        mprotect((void *)from, to - from, PROT_READ | PROT_WRITE); /* tries it, at least */
        for (uintptr_t at = from; at < to; at += 4096) {
            unsigned char in_core = 0;

            if (mincore((void *)at, 4096, &in_core) == 0 && in_core & 1 && strchr(mode, 'w')) {
                memset((void *)at, 0xa5, 4096);
                written++;
            }
        }
    }
    return maps && fclose(maps) == 0 && written > 0;
}

static void child_that_has_parted_overwrites_nothing_that_counts(void **state)
{
    (void)state;
    need_rights();
    ask("mail.example.org", "192.0.2.80", 143);
    in_parted_child(overwrites_all);
    find("192.0.2.80", 143);
    assert_true(found.lost || found.count > 0);
    bool has = found.lost;
    for (uint32_t i = 0; i < found.count && found.count != UINT32_MAX; i++)
        has = has || strcmp(found.name[i], "mail.example.org") == 0;
    assert_true(has);
}

static bool asks_for_the_other(void)
{
    ask("other.example.org", "192.0.2.81", 143);
    return child_finds("192.0.2.81", 143, "other.example.org");
}

static void what_it_asks_for_must_match_too(void **state)
{
    (void)state;
    need_rights();
    ask("mail.example.org", "192.0.2.81", 143);
    in_parted_child(asks_for_the_other);
    assert_both("192.0.2.81", 143, "mail.example.org", "other.example.org");
    assert_false(found.lost);
    ask("mail.example.org", "192.0.2.81", 143);
    assert_only("192.0.2.81", 143, "mail.example.org");
}

static bool asks_alone(void)
{
    ask("other.example.org", "192.0.2.82", 143);
    derive("mail.example.org", "alias.example.org", NAMES_ALIAS);
    return true;
}

static void what_it_alone_asked_for_is_lost(void **state)
{
    (void)state;
    need_rights();
    in_parted_child(asks_alone);
    assert_true(find("192.0.2.82", 143)->lost);
    /* A name that it found in an answer is known to be one. */
    ask("alias.example.org", "192.0.2.83", 143);
    assert_both("192.0.2.83", 143, "alias.example.org", "mail.example.org");
}

static bool asks_and_the_name_of_its_address(void)
{
    ask("other.example.org", "192.0.2.84", 143);
    return true;
}

static void name_of_an_address_is_not_derived_from_hearsay_alone(void **state)
{
    const struct wire_address address = v4("192.0.2.84", 0);
    struct names_question question;

    (void)state;
    need_rights();
    in_parted_child(asks_and_the_name_of_its_address);
    question = names_begin_reverse(&address);
    names_derive(&question, "host.example.org", NAMES_ALIAS);
    ask("host.example.org", "192.0.2.85", 143);
    find("192.0.2.85", 143);
    assert_int_equal(found.count, 3);
    assert_string_equal(found.name[0], "host.example.org");
    assert_true(!strcmp(found.name[1], "192.0.2.84") || !strcmp(found.name[2], "192.0.2.84"));
}

static bool still_finds_it(void)
{
    return child_finds("192.0.2.86", 143, "mail.example.org");
}

static void what_was_asked_for_before_stays_its_own(void **state)
{
    (void)state;
    need_rights();
    other_thread_asks("other.example.org", "192.0.2.86", 143);
    ask("mail.example.org", "192.0.2.86", 143);
    in_parted_child(still_finds_it);
}

static int go[2];

static bool hears_its_parent(void)
{
    char byte;

    ask("mail.example.org", "192.0.2.87", 143);
    return read(go[0], &byte, 1) == 1 && find("192.0.2.87", 143)->count == 2 && !found.lost;
}

static void it_reads_what_its_parent_asks_for_later(void **state)
{
    int status;

    (void)state;
    need_rights();
    assert_int_equal(pipe(go), 0);
    then = hears_its_parent;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(parts() ? 0 : 1);
    while (find("192.0.2.87", 143)->count == 0) /* heard */
        ;
    ask("other.example.org", "192.0.2.87", 143);
    assert_int_equal(write(go[1], "", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(go[0]);
    close(go[1]);
}

static bool parts_until_it_is_blind(void)
{
    for (int i = 0; i < NAME_PARTINGS; i++) {
        if (!child_finds("192.0.2.88", 143, "mail.example.org"))
            return false;
        if (i < NAME_PARTINGS - 1)
            names_part();
    }
    names_part();
    return find("192.0.2.88", 143)->lost;
}

static void too_many_partings_make_it_blind(void **state)
{
    (void)state;
    need_rights();
    ask("mail.example.org", "192.0.2.88", 143);
    in_parted_child(parts_until_it_is_blind);
}

static bool is_blind(void)
{
    ask("mail.example.org", "192.0.2.89", 143);
    return find("192.0.2.89", 143)->lost && find("192.0.2.90", 143)->lost;
}

static bool cannot_have_a_file(void)
{
    const struct rlimit none = {0, 0};

    names_forked();
    signal(SIGXFSZ, SIG_DFL); /* it must not come */
    if (setrlimit(RLIMIT_FSIZE, &none) != 0)
        return false;
    names_part(); /* from the first memory, which has its second mapping */
    names_part(); /* from one that could not have any */
    return is_blind();
}

static void memory_that_cannot_be_read_makes_it_blind(void **state)
{
    (void)state;
    need_rights();
    ask("mail.example.org", "192.0.2.90", 143);
    in_child(cannot_have_a_file);
}

static void vfork_leaves_its_parents_memory_alone(void **state)
{
    int status;

    (void)state;
    need_rights();
    ask("mail.example.org", "192.0.2.91", 143);
    const pid_t child = vfork();
    assert_true(child >= 0);
    if (child == 0) {
        names_part();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    in_child(asks_alone);
    assert_only("192.0.2.91", 143, "mail.example.org");
    assert_only("192.0.2.82", 143, "other.example.org"); /* its equal's: not lost */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_asks_for_must_match_too),
        cmocka_unit_test(what_it_alone_asked_for_is_lost),
        cmocka_unit_test(name_of_an_address_is_not_derived_from_hearsay_alone),
        cmocka_unit_test(what_was_asked_for_before_stays_its_own),
        cmocka_unit_test(it_reads_what_its_parent_asks_for_later),
        cmocka_unit_test(too_many_partings_make_it_blind),
        cmocka_unit_test(memory_that_cannot_be_read_makes_it_blind),
        cmocka_unit_test(vfork_leaves_its_parents_memory_alone),
        /* the last one: it leaves nothing of what was heard */
        cmocka_unit_test(child_that_has_parted_overwrites_nothing_that_counts),
    };

    return cmocka_run_group_tests(tests, start_with_rights, NULL);
}
