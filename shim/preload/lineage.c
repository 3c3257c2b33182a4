#include "preload/lineage.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "preload/sys.h"

/*
 * What was there before is kept, for a child of vfork() writes into its parent's memory: the parent then
 * finds its own again. initial-exec: reached without a call into the loader, which would not be safe in a
 * signal handler.
 */
static _Thread_local struct lineage self __attribute__((tls_model("initial-exec")));
static _Thread_local struct lineage before __attribute__((tls_model("initial-exec")));
/* A process's pid, then a number of its own: of this process, and of the one before. */
static _Atomic uint64_t process_self, process_before;

static uint64_t number_of_process(pid_t pid)
{
    uint64_t old = atomic_load(&process_self);

    while (old >> 32 != (uint64_t)pid) {
        const uint64_t earlier = atomic_load(&process_before);
        const uint64_t new =
            earlier >> 32 == (uint64_t)pid ? earlier : (uint64_t)pid << 32 | (uint32_t)name_table_tick();
        if (atomic_compare_exchange_strong(&process_self, &old, new)) {
            atomic_store(&process_before, old);
            return new;
        }
    }
    return old;
}

/* A new thread's lineage: with the one that was here, if any, as its parent. */
static struct lineage begin(pid_t pid, pid_t tid)
{
    struct lineage new = {
        .pid = pid, .tid = tid, .thread = name_table_tick(), .process = number_of_process(pid)};

    if (self.thread) {
        const uint32_t kept = self.ancestors < LINEAGE_LIMIT ? self.ancestors : LINEAGE_LIMIT - 1;
        new.ancestor[0] = (struct ancestor){.thread = self.thread, .upto = self.last};
        memcpy(new.ancestor + 1, self.ancestor, kept * sizeof new.ancestor[0]);
        new.ancestors = kept + 1;
    }
    return new;
}

struct lineage *lineage_now(void)
{
    const pid_t pid = getpid(), tid = (pid_t)sys_thread();
    struct lineage new;
    sigset_t all, signals;

    if (self.pid == pid && self.tid == tid)
        return &self;
    /* A signal handler must not find it half written. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &signals);
    new = before.pid == pid &&before.tid == tid ? before : begin(pid, tid);
    before = self;
    self = new;
    sigprocmask(SIG_SETMASK, &signals, NULL);
    return &self;
}

uint64_t lineage_of_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

    for (; *name; name++)
        hash = (hash ^ (uint64_t)(unsigned char)name_lower(*name)) * 0x100000001b3;
    return hash | (uint64_t)1 << 63;
}

enum ownership lineage_owns(const struct lineage *me, const struct name_seen *seen)
{
    if (seen->thread == me->thread)
        return LINEAGE_OWN;
    for (uint32_t i = 0; i < me->ancestors; i++) {
        if (seen->thread == me->ancestor[i].thread && seen->first <= me->ancestor[i].upto)
            return seen->stamp <= me->ancestor[i].upto ? LINEAGE_OWN : LINEAGE_UNCERTAIN;
    }
    return LINEAGE_FOREIGN;
}
