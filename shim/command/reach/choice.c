#include "command/reach/choice.h"

#include <stdio.h>
#include <string.h>

#include "command/reach/imported_calls.h"
#include "command/reach/ld_so.h"
#include "command/reach/wrapper.h"

/* True if there is no such program, or it cannot be started. */
static bool is_no_program(const struct target *target)
{
    return target->fault == TARGET_MISSING || target->fault == TARGET_DENIED ||
           target->fault == TARGET_NO_PROGRAM || target->fault == TARGET_TOO_DEEP;
}

static bool gains_rights(const struct target *target)
{
    return target->fault == TARGET_SETUID || target->fault == TARGET_SETGID ||
           target->fault == TARGET_CAPABILITIES;
}

/* True if no library sees its connections, whatever it links. */
static bool calls_without_libc(const struct target *target)
{
    return target->fault == TARGET_STATIC || target->fault == TARGET_GO || target->fault == TARGET_PASCAL;
}

static void by_supervisor(struct choice *choice, const struct target *target)
{
    const char *const program = target_program(target);

    choice->way = WAY_NONE;
    if (gains_rights(target))
        snprintf(choice->why, sizeof choice->why,
                 "%s gets rights of its own (setuid, setgid or file capabilities), and a supervised program "
                 "gets none: it would fail. Nothing was started. Let root set it up, or use a program "
                 "without such rights.",
                 program);
    else if (sizeof(long) == 8 && target->elf.bytes && !target->elf.wide)
        snprintf(choice->why, sizeof choice->why,
                 "%s is a 32-bit program, and those cannot be supervised: their connections would fail. "
                 "Nothing was started. Use a 64-bit build of it.",
                 program);
    else
        choice->way = WAY_SUPERVISE;
}

static void by_library(struct choice *choice, const struct target *target)
{
    static char words[TARGET_WORDS_LIMIT];

    choice->way = WAY_NONE;
    if (target->fault == TARGET_WITHIN_REACH) {
        if (library_find(&choice->library, target, choice->why))
            choice->way = WAY_PRELOAD;
        return;
    }
    snprintf(choice->why, sizeof choice->why, "%s%s", target_words(target, words),
             calls_without_libc(target) ? " Run it by 'retrotls --supervise', or use its own TLS settings."
                                        : "");
}

/* ---- what a program imports */

static void add_library(void *context, const char *path)
{
    imported_calls_add(context, path, false);
}

static bool links_liburing(const struct library *library)
{
    return strstr(library->listing.output, "liburing.so") != NULL;
}

/*
 * True if the program looks up names through libc, but neither it nor any library that it links imports
 * connect(). A program that loads plugins may get its connect() from them.
 */
static bool resolves_only(const struct target *target, const struct library *library)
{
    static struct imported_calls calls;

    memset(&calls, 0, sizeof calls);
    imported_calls_add(&calls, target_program(target), true);
    if (!calls.connects && !calls.loads_more)
        ld_so_each_file(&library->listing, add_library, &calls);
    return calls.resolves && !calls.connects && !calls.loads_more;
}

static void by_what_it_is(struct choice *choice, const struct target *target)
{
    static char words[TARGET_WORDS_LIMIT];
    const char *const program = target_program(target);

    if (calls_without_libc(target)) {
        by_supervisor(choice, target);
        if (choice->way == WAY_SUPERVISE)
            snprintf(choice->why, sizeof choice->why, "%s", target_words(target, words));
        return;
    }
    by_library(choice, target);
    if (choice->way != WAY_PRELOAD)
        return;
    if (links_liburing(&choice->library)) {
        by_supervisor(choice, target);
        if (choice->way == WAY_SUPERVISE) {
            choice->way = WAY_BOTH;
            snprintf(
                choice->why, sizeof choice->why,
                "%s links liburing, and a preloaded library does not see the connections that it makes with "
                "io_uring (--no-supervise runs it all the same).",
                program);
        }
    } else if (resolves_only(target, &choice->library)) {
        by_supervisor(choice, target);
        if (choice->way == WAY_SUPERVISE)
            snprintf(
                choice->why, sizeof choice->why,
                "%s looks up names with the C library but does not import connect(), so it may make its own "
                "system calls (--no-supervise runs it all the same).",
                program);
    }
}

void choose(struct choice *choice, const struct target *target, char *const argv[], enum reach wanted)
{
    static char words[TARGET_WORDS_LIMIT];

    choice->way = WAY_NONE;
    choice->why[0] = '\0';
    if (is_no_program(target)) {
        snprintf(choice->why, sizeof choice->why, "%s", target_words(target, words));
        return;
    }
    if (wrapper_fault(argv, wanted == REACH_SUPERVISE, choice->why))
        return;
    switch (wanted) {
    case REACH_PRELOAD:
        by_library(choice, target);
        break;
    case REACH_SUPERVISE:
        by_supervisor(choice, target);
        break;
    case REACH_AUTO:
        by_what_it_is(choice, target);
        break;
    case REACH_BOTH:
        if (calls_without_libc(target)) {
            by_what_it_is(choice, target);
        } else {
            by_supervisor(choice, target);
            if (choice->way == WAY_SUPERVISE)
                by_library(choice, target);
            if (choice->way == WAY_PRELOAD)
                choice->way = WAY_BOTH;
        }
        break;
    }
}
