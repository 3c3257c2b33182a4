/*
 * The table behind names.h: open addressing, each entry guarded by a sequence number that is odd while the
 * entry is written. A writer claims an entry by making its sequence odd; it never waits, and where it is
 * killed before it is done, that one entry is lost and nothing else. Every field is an atomic: stores that
 * release and loads that acquire keep a field between the two readings of the sequence, with no fence.
 *
 * A thread is known by a number of its own, kept in thread-local memory, which a forked child gets a copy of:
 * a thread that finds another pid or tid there than its own has been forked (or cloned) off, takes a new
 * number, and keeps the old one as its ancestor. Neither pids nor tids would do alone, as they come again.
 */
#include "preload/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    ENTRIES = 4096,
    PROBES = 256, /* entries that one address may be in; also what a flood of lookups has to push out */
    ANCESTORS = 8,
    NAME_WORDS = NAME_LIMIT / 8,
    TRIES = 64, /* of an update that others keep getting ahead of */
};

struct entry {
    _Alignas(64) _Atomic uint32_t sequence; /* 0: never used; odd: being written */
    _Atomic uint32_t port;
    _Atomic uint64_t stamp; /* of the latest lookup */
    _Atomic uint64_t first; /* the stamp of the first */
    _Atomic uint64_t thread, process;
    _Atomic uint64_t address[2]; /* IPv6, or IPv4 mapped into it */
    _Atomic uint64_t name[NAME_WORDS];
};

struct memory {
    _Atomic uint64_t clock; /* counts lookups, threads and processes: no number is given twice */
    struct entry entry[ENTRIES];
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "the table is written without locks");

static struct memory *_Atomic memory;

/* ---- who is asking */

struct ancestor {
    uint64_t thread;
    uint64_t upto; /* the stamp of its last lookup before the fork */
};

struct self {
    pid_t pid, tid;
    uint64_t thread, process;
    uint64_t last; /* the stamp of this thread's last lookup */
    uint32_t ancestors;
    struct ancestor ancestor[ANCESTORS]; /* nearest first */
};

/* initial-exec: reached without a call into the loader, which would not be safe in a signal handler. */
static _Thread_local struct self self __attribute__((tls_model("initial-exec")));
static _Atomic uint64_t process_number; /* this process's pid, then a number of its own */

static uint64_t tick(void)
{
    return atomic_fetch_add(&memory->clock, 1) + 1;
}

static uint64_t number_of_process(pid_t pid)
{
    uint64_t old = atomic_load(&process_number);

    while (old >> 32 != (uint64_t)pid) {
        const uint64_t new = (uint64_t)pid << 32 | (uint32_t)tick();
        if (atomic_compare_exchange_strong(&process_number, &old, new))
            return new;
    }
    return old;
}

static struct self *who(void)
{
    const pid_t pid = getpid(), tid = (pid_t)syscall(SYS_gettid);
    struct self new = {.pid = pid, .tid = tid};
    sigset_t all, before;

    if (self.pid == pid && self.tid == tid)
        return &self;
    /* A signal handler must not find it half written. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    new.thread = tick();
    new.process = number_of_process(pid);
    if (self.thread) {
        const uint32_t kept = self.ancestors < ANCESTORS ? self.ancestors : ANCESTORS - 1;
        new.ancestor[0] = (struct ancestor){.thread = self.thread, .upto = self.last};
        memcpy(new.ancestor + 1, self.ancestor, kept * sizeof new.ancestor[0]);
        new.ancestors = kept + 1;
    }
    self = new;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return &self;
}

/* ---- entries */

struct key {
    uint64_t address[2];
    uint32_t port;
    size_t start; /* where probing begins */
};

/* One entry as it was at one moment. */
struct seen {
    struct entry *entry;
    uint32_t sequence;
    uint32_t port;
    uint64_t stamp, first, thread, process;
    uint64_t address[2];
};

static struct key key_of(const struct wire_address *address)
{
    struct key key = {.port = address->port};
    uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};

    if (address->family == AF_INET)
        memcpy(bytes + 12, address->bytes, 4);
    else
        memcpy(bytes, address->bytes, 16);
    memcpy(key.address, bytes, sizeof bytes);
    /* Fibonacci hashing: the high bits of the product depend on all of the address. */
    key.start = ((key.address[0] * 0x9e3779b97f4a7c15u ^ key.address[1]) * 0x9e3779b97f4a7c15u) >> 52;
    return key;
}

static struct entry *probe(const struct key *key, size_t i)
{
    return &memory->entry[(key->start + i) % ENTRIES];
}

/* Entries are filled in the order of probing and never emptied: none follows one that was never used. */
static bool never_used(struct entry *entry)
{
    return atomic_load_explicit(&entry->sequence, memory_order_relaxed) == 0;
}

/* False where the entry is being written (its lookup has not returned yet), lost, or never used. */
static bool look(struct entry *entry, struct seen *seen)
{
    for (int tries = 0; tries < TRIES; tries++) {
        const uint32_t sequence = atomic_load_explicit(&entry->sequence, memory_order_acquire);
        if (sequence == 0 || sequence % 2)
            return false;
        *seen = (struct seen){
            .entry = entry,
            .sequence = sequence,
            .port = atomic_load_explicit(&entry->port, memory_order_acquire),
            .stamp = atomic_load_explicit(&entry->stamp, memory_order_acquire),
            .first = atomic_load_explicit(&entry->first, memory_order_acquire),
            .thread = atomic_load_explicit(&entry->thread, memory_order_acquire),
            .process = atomic_load_explicit(&entry->process, memory_order_acquire),
            .address = {atomic_load_explicit(&entry->address[0], memory_order_acquire),
                        atomic_load_explicit(&entry->address[1], memory_order_acquire)},
        };
        if (atomic_load_explicit(&entry->sequence, memory_order_relaxed) == sequence)
            return true;
    }
    return false;
}

static bool look_at(struct entry *entry, const uint64_t address[2], uint32_t port, struct seen *seen)
{
    return look(entry, seen) && seen->port == port && seen->address[0] == address[0] &&
           seen->address[1] == address[1];
}

/* False where the entry has changed since it was seen. */
static bool read_name(const struct seen *seen, char name[NAME_LIMIT])
{
    for (size_t i = 0; i < NAME_WORDS; i++) {
        const uint64_t word = atomic_load_explicit(&seen->entry->name[i], memory_order_acquire);
        memcpy(name + 8 * i, &word, sizeof word);
        if (memchr(name + 8 * i, '\0', sizeof word))
            break;
    }
    return atomic_load_explicit(&seen->entry->sequence, memory_order_relaxed) == seen->sequence;
}

/* DNS is case-insensitive in ASCII alone (RFC 4343); strcasecmp() would follow the locale. */
static bool same_name(const char *a, const char *b)
{
    for (;; a++, b++) {
        const char x = (char)(*a >= 'A' && *a <= 'Z' ? *a + 32 : *a);
        const char y = (char)(*b >= 'A' && *b <= 'Z' ? *b + 32 : *b);
        if (x != y)
            return false;
        if (!x)
            return true;
    }
}

/* ---- remembering */

/* Makes the entry the latest of its thread. False where another writer has it now. */
static bool refresh(const struct seen *seen, uint64_t stamp)
{
    uint64_t old = seen->stamp;

    /* All in one order with overwrite()'s claim and look at the stamp: one of the two notices the other. */
    return atomic_compare_exchange_strong(&seen->entry->stamp, &old, stamp) &&
           atomic_load(&seen->entry->sequence) == seen->sequence;
}

/* False where another writer was quicker. */
static bool overwrite(const struct seen *seen, const struct key *key, const struct self *me, uint64_t stamp,
                      const char name[NAME_LIMIT])
{
    struct entry *const entry = seen->entry;
    const uint32_t after = seen->sequence + 2 ? seen->sequence + 2 : 2;
    uint32_t old = seen->sequence;

    if (!atomic_compare_exchange_strong(&entry->sequence, &old, seen->sequence + 1))
        return false;
    if (atomic_load(&entry->stamp) != seen->stamp) { /* refreshed meanwhile: no longer one to give up */
        atomic_store_explicit(&entry->sequence, after, memory_order_release);
        return false;
    }
    atomic_store_explicit(&entry->port, key->port, memory_order_release);
    atomic_store_explicit(&entry->stamp, stamp, memory_order_release);
    atomic_store_explicit(&entry->first, stamp, memory_order_release);
    atomic_store_explicit(&entry->thread, me->thread, memory_order_release);
    atomic_store_explicit(&entry->process, me->process, memory_order_release);
    atomic_store_explicit(&entry->address[0], key->address[0], memory_order_release);
    atomic_store_explicit(&entry->address[1], key->address[1], memory_order_release);
    for (size_t i = 0; i < NAME_WORDS; i++) {
        uint64_t word;
        memcpy(&word, name + 8 * i, sizeof word);
        atomic_store_explicit(&entry->name[i], word, memory_order_release);
    }
    atomic_store_explicit(&entry->sequence, after, memory_order_release);
    return true;
}

/* Whether its thread has asked for another name of the same address and port since. */
static bool superseded(const struct key *key, const struct seen *seen)
{
    struct seen other;

    for (size_t i = 0; i < PROBES; i++) {
        struct entry *const entry = probe(key, i);
        /* The first comparison alone is cheap, and settles most. */
        if (atomic_load_explicit(&entry->address[1], memory_order_relaxed) == seen->address[1] &&
            look_at(entry, seen->address, seen->port, &other) && other.thread == seen->thread &&
            other.stamp > seen->stamp)
            return true;
    }
    return false;
}

/*
 * The entry to write: one never used, else the oldest that its thread has superseded, else the oldest. So a
 * thread that is made to look up many names of one address pushes out its own before those of others.
 */
static bool choose(const struct key *key, struct seen *victim)
{
    struct seen seen, oldest = {.entry = NULL};

    victim->entry = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        if (never_used(probe(key, i))) {
            *victim = (struct seen){.entry = probe(key, i)};
            return true;
        }
    }
    for (size_t i = 0; i < PROBES; i++) {
        if (!look(probe(key, i), &seen))
            continue;
        if (!oldest.entry || seen.stamp < oldest.stamp)
            oldest = seen;
        if ((!victim->entry || seen.stamp < victim->stamp) && superseded(key, &seen))
            *victim = seen;
    }
    if (!victim->entry)
        *victim = oldest;
    return victim->entry != NULL;
}

static bool remember_once(const struct key *key, struct self *me, uint64_t stamp, const char name[NAME_LIMIT])
{
    struct seen seen;
    char known[NAME_LIMIT];

    for (size_t i = 0; i < PROBES && !never_used(probe(key, i)); i++) {
        if (look_at(probe(key, i), key->address, key->port, &seen) && seen.thread == me->thread &&
            read_name(&seen, known) && same_name(known, name))
            return refresh(&seen, stamp);
    }
    return choose(key, &seen) && overwrite(&seen, key, me, stamp, name);
}

void names_start(void)
{
    struct memory *none = NULL, *fresh;

    if (memory)
        return;
    fresh = mmap(NULL, sizeof *fresh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fresh != MAP_FAILED && !atomic_compare_exchange_strong(&memory, &none, fresh))
        munmap(fresh, sizeof *fresh);
}

void names_remember(const char *name, const struct wire_address *address)
{
    const int saved = errno;
    const size_t length = strnlen(name, NAME_LIMIT);
    char padded[NAME_LIMIT] = "";

    if (length == 0 || length == NAME_LIMIT || (address->family != AF_INET && address->family != AF_INET6))
        return;
    names_start(); /* another library's constructor may look a name up before ours has run */
    if (memory) {
        struct self *const me = who();
        const struct key key = key_of(address);
        const uint64_t stamp = tick();

        memcpy(padded, name, length);
        me->last = stamp;
        for (int tries = 0; tries < TRIES && !remember_once(&key, me, stamp, padded); tries++)
            ;
    }
    errno = saved;
}

/* ---- finding */

/* False where the entry has changed since it was seen. */
static bool add(struct names_found *found, const struct seen *seen)
{
    char name[NAME_LIMIT];

    if (!read_name(seen, name))
        return false;
    if (found->count > SETTINGS_LIST_LIMIT)
        return true;
    for (uint32_t i = 0; i < found->count; i++) {
        if (same_name(found->name[i], name))
            return true;
    }
    if (found->count == SETTINGS_LIST_LIMIT)
        found->count = UINT32_MAX;
    else
        memcpy(found->name[found->count++], name, NAME_LIMIT);
    return true;
}

enum ownership {
    FOREIGN,
    OWN,
    UNCERTAIN, /* an ancestor's, asked for before the fork and again after it: it may have been the latest */
};

static enum ownership ownership_of(const struct seen *seen, const struct self *me)
{
    if (seen->thread == me->thread)
        return OWN;
    for (uint32_t i = 0; i < me->ancestors; i++) {
        if (seen->thread == me->ancestor[i].thread && seen->first <= me->ancestor[i].upto)
            return seen->stamp <= me->ancestor[i].upto ? OWN : UNCERTAIN;
    }
    return FOREIGN;
}

static bool is_literal(const struct seen *seen)
{
    char name[NAME_LIMIT];
    struct in6_addr address;

    return read_name(seen, name) &&
           (inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1);
}

/*
 * Adds the latest name that this thread asked for with `port`, if it is later than `*after`, which is set to
 * its stamp. False where an entry changed.
 */
static bool add_own(struct names_found *found, const struct key *key, uint32_t port, const struct self *me,
                    uint64_t *after, bool literals)
{
    struct seen seen, latest = {.entry = NULL, .stamp = *after};

    for (size_t i = 0; i < PROBES && !never_used(probe(key, i)); i++) {
        if (!look_at(probe(key, i), key->address, port, &seen))
            continue;
        switch (ownership_of(&seen, me)) {
        case OWN:
            if (seen.stamp > latest.stamp && (literals || !is_literal(&seen)))
                latest = seen;
            break;
        case UNCERTAIN:
            if (!add(found, &seen))
                return false;
            break;
        case FOREIGN:
            break;
        }
    }
    *after = latest.stamp;
    return !latest.entry || add(found, &latest);
}

/* Adds the latest name of each other thread, of this process or of the others. False as above. */
static bool add_others(struct names_found *found, const struct key *key, uint32_t port, const struct self *me,
                       bool this_process)
{
    struct seen seen;

    for (size_t i = 0; i < PROBES && !never_used(probe(key, i)); i++) {
        if (look_at(probe(key, i), key->address, port, &seen) &&
            (seen.process == me->process) == this_process && ownership_of(&seen, me) == FOREIGN &&
            !superseded(key, &seen) && !add(found, &seen))
            return false;
    }
    return true;
}

static bool find_at_port(struct names_found *found, const struct key *key, uint32_t port,
                         const struct self *me)
{
    uint64_t latest = 0;

    if (!add_own(found, key, port, me, &latest, true))
        return false;
    const bool mine = found->count > 0;
    for (int others = 0; others < 2 && found->count == 0; others++) {
        if (!add_others(found, key, port, me, others == 0))
            return false;
    }
    if (port == 0 || found->count == 0)
        return true;
    return add_own(found, key, 0, me, &latest, !mine);
}

static bool find_once(struct names_found *found, const struct key *key, const struct self *me)
{
    found->count = 0;
    if (!find_at_port(found, key, key->port, me))
        return false;
    return found->count > 0 || key->port == 0 || find_at_port(found, key, 0, me);
}

void names_find(const struct wire_address *address, struct names_found *found)
{
    const int saved = errno;

    found->count = 0;
    if (!memory || (address->family != AF_INET && address->family != AF_INET6))
        return;

    const struct self *const me = who();
    const struct key key = key_of(address);
    for (int tries = 0; tries < TRIES; tries++) {
        if (find_once(found, &key, me)) {
            errno = saved;
            return;
        }
    }
    found->count = UINT32_MAX;
    errno = saved;
}
