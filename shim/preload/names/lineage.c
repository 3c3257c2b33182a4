#include "preload/names/lineage.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "preload/sys/sys.h"

/*
 * We keep the previous lineage because a child of vfork() writes into its parent's memory: the parent later
 * needs its own again. initial-exec needs no call into the loader, which would not be safe in a signal
 * handler.
 */
static _Thread_local struct lineage self __attribute__((tls_model("initial-exec")));
static _Thread_local struct lineage before __attribute__((tls_model("initial-exec")));

struct lineage lineage_child(const struct lineage *parent, uint64_t thread)
{
    struct lineage child = {.thread = thread};
    uint32_t kept;

    if (parent->thread == 0)
        return child;
    kept = parent->ancestors < LINEAGE_LIMIT ? parent->ancestors : LINEAGE_LIMIT - 1;
    child.ancestor[0] = (struct ancestor){.thread = parent->thread, .upto = parent->last};
    memcpy(child.ancestor + 1, parent->ancestor, kept * sizeof child.ancestor[0]);
    child.ancestors = kept + 1;
    return child;
}

struct lineage *lineage_now(uint64_t (*number)(void))
{
    const pid_t pid = getpid(), tid = (pid_t)sys_thread();
    struct lineage new;
    sigset_t all, signals;

    if (self.pid == pid && self.tid == tid)
        return &self;
    /* A signal handler must not find it half written. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &signals);
    if (before.pid == pid && before.tid == tid) {
        new = before;
    } else {
        new = lineage_child(&self, number());
        new.pid = pid;
        new.tid = tid;
    }
    before = self;
    self = new;
    sigprocmask(SIG_SETMASK, &signals, NULL);
    return &self;
}

void lineage_forked(void)
{
    before.pid = 0;
    self.pid = 0;
}

bool lineage_owns(const struct lineage *me, uint64_t thread, uint64_t time)
{
    if (thread == me->thread)
        return true;
    for (uint32_t i = 0; i < me->ancestors; i++) {
        if (thread == me->ancestor[i].thread)
            return time <= me->ancestor[i].upto;
    }
    return false;
}

bool lineage_descends(const struct lineage *me, uint64_t thread)
{
    for (uint32_t i = 0; i < me->ancestors; i++) {
        if (thread == me->ancestor[i].thread)
            return true;
    }
    return false;
}
