#include "preload/child/lent_environment.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "preload/child/child_environment.h"
#include "preload/sys/lock.h"
#include "preload/sys/sys.h"

enum {
    DEADLINE = 10000, /* the lock is held for microseconds */
    SMALLEST = 4096,
    LIMIT = 8 /* more than there are variables of ours */
};

/*
 * What is lent is never unmapped: another thread may be reading `environ`, or may have copied our pointers
 * into an environment of its own (setenv(3)). The array is used again; a larger one is twice as large.
 */
static struct {
    struct lock lock;
    unsigned users; /* calls under way */
    char **own, **theirs;
    size_t size;        /* of `own`, in bytes */
    size_t count;       /* entries of `theirs` */
    char *added[LIMIT]; /* what comes after them in `own`, and a NULL */
    /* Entries of `theirs` that have others in their places in `own`. */
    size_t replacements;
    char *replaced[LIMIT];
    char *replacement[LIMIT]; /* also those of earlier calls */
} lent;

static void *map(size_t size)
{
    void *const mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return mapped == MAP_FAILED ? NULL : mapped;
}

static size_t count_of(char *const *environment)
{
    size_t count = 0;

    while (environment && environment[count])
        count++;
    return count;
}

static bool make_room(size_t size)
{
    size_t wanted = lent.size ? lent.size : SMALLEST;
    char **mapped;

    while (wanted < size)
        wanted *= 2;
    if (wanted == lent.size)
        return true;
    mapped = map(wanted);
    if (!mapped)
        return false;
    lent.own = mapped;
    lent.size = wanted;
    return true;
}

/* Copies `made`, whose memory will be used again, to stand for `theirs`. Returns the copy, or NULL. */
static char *replace(char *theirs, const char *made)
{
    const size_t which = lent.replacements;

    if (which == LIMIT)
        return NULL;
    if (!lent.replacement[which] || strcmp(lent.replacement[which], made) != 0) {
        lent.replacement[which] = map(strlen(made) + 1);
        if (!lent.replacement[which])
            return NULL;
        strcpy(lent.replacement[which], made);
    }
    lent.replaced[lent.replacements++] = theirs;
    return lent.replacement[which];
}

/* Makes `lent.own` a copy of `made`, which child_environment() made of `theirs`. */
static bool copy(char *const *made, char **theirs)
{
    const size_t count = count_of(made);

    lent.theirs = theirs;
    lent.count = count_of(theirs);
    lent.replacements = 0;
    if (!make_room((count + 1) * sizeof *made) || count - lent.count >= LIMIT)
        return false;
    for (size_t i = 0; i < lent.count; i++) {
        lent.own[i] = made[i] == theirs[i] ? made[i] : replace(theirs[i], made[i]);
        if (!lent.own[i])
            return false;
    }
    for (size_t i = lent.count; i <= count; i++)
        lent.own[i] = lent.added[i - lent.count] = made[i];
    return true;
}

/* False if another thread has replaced it meanwhile. */
static bool replace_environ(char **expected, char **by)
{
    return __atomic_compare_exchange_n(&environ, &expected, by, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Lends an environment that has what `theirs` lacks, if it lacks anything. Under the lock. */
static enum lent_environment lend(char **theirs)
{
    struct child_environment room;
    char *const *made = theirs;
    enum lent_environment taken = LENT_FAILED;

    if (child_environment(&made, &room)) {
        if (made == theirs)
            taken = LENT_NOTHING;
        else if (copy(made, theirs))
            taken = LENT;
    }
    child_environment_end(&room);
    return taken;
}

static enum lent_environment take(void)
{
    enum lent_environment taken;
    char **theirs;

    do {
        theirs = environ;
        taken = lent.users > 0 && theirs == lent.own ? LENT : lend(theirs);
    } while (taken == LENT && !replace_environ(theirs, lent.own));
    lent.users += taken == LENT;
    return taken;
}

enum lent_environment lent_environment_take(void)
{
    const int saved = errno;
    const sys_signals signals = sys_signals_block();
    enum lent_environment taken = LENT_FAILED;

    if (lock_take(&lent.lock, sys_milliseconds() + DEADLINE)) {
        taken = take();
        lock_release(&lent.lock);
    }
    sys_signals_restore(signals);
    errno = taken == LENT_FAILED ? ENOMEM : saved;
    return taken;
}

static bool is_added(const char *entry)
{
    for (size_t i = 0; lent.added[i]; i++) {
        if (entry == lent.added[i])
            return true;
    }
    return false;
}

/* Returns the entry of `theirs` that `entry` of `own` replaces, or else `entry` itself. */
static char *original(char *entry)
{
    for (size_t i = 0; i < lent.replacements; i++) {
        if (entry == lent.replacement[i])
            return lent.replaced[i];
    }
    return entry;
}

/*
 * Another thread may have changed or removed a variable in our array meanwhile. We do the same to theirs. If
 * there are more now than fit there, because one of ours was set, our array stays in place for good.
 */
static void give_back(void)
{
    char *const *const own = lent.own;
    size_t count = 0;

    for (size_t i = 0; own[i]; i++)
        count += !is_added(own[i]);
    if (count > lent.count) {
        lent.own = NULL;
        lent.size = 0;
        return;
    }
    count = 0;
    for (size_t i = 0; own[i]; i++) {
        char *const entry = original(own[i]);

        if (is_added(own[i]))
            continue;
        if (lent.theirs[count] != entry) /* otherwise it may be memory that cannot be written */
            lent.theirs[count] = entry;
        count++;
    }
    if (count < lent.count)
        lent.theirs[count] = NULL;
    replace_environ(lent.own, lent.theirs);
}

void lent_environment_return(enum lent_environment taken)
{
    const int saved = errno;
    sys_signals signals;

    if (taken != LENT)
        return;
    signals = sys_signals_block();
    if (lock_take(&lent.lock, sys_milliseconds() + DEADLINE)) {
        if (--lent.users == 0 && environ == lent.own)
            give_back();
        lock_release(&lent.lock);
    }
    sys_signals_restore(signals);
    errno = saved;
}
