#include "preload/relay/relay_ahead.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/policy.h"
#include "preload/process/config.h"
#include "preload/relay/relay_client.h"
#include "preload/sys/exempt.h"
#include "preload/sys/sys.h"

enum {
    FEW = 8, /* processes: a relay needs up to three, for a moment, and threads */
    CAPABILITY_SYS_CHROOT = 18,
    CAPABILITY_SYS_ADMIN = 21, /* linux/capability.h */
};

static _Atomic uint32_t owner; /* process; 0: none yet */

void relay_ahead_start(void)
{
    atomic_store(&owner, sys_process());
}

static bool may_prepare(void)
{
    return atomic_load(&owner) == sys_process() && !is_exempt();
}

/* Loads the policy, and starts a relay if it may be needed. */
static void prepare(bool users)
{
    const struct policy *const policy = config_policy();
    sys_signals signals;

    if (!policy || !policy_may_concern(policy, config_program()))
        return;
    signals = sys_signals_block();
    if (users)
        config_keep_users(policy);
    relay_keep(sys_milliseconds() + RELAY_DEADLINE);
    sys_signals_restore(signals);
}

/* Without these capabilities the call fails (chroot(2), pivot_root(2), setns(2)). */
static bool may_change_root(void)
{
    uint64_t capabilities;

    return !sys_permitted(&capabilities) ||
           (capabilities & (UINT64_C(1) << CAPABILITY_SYS_CHROOT | UINT64_C(1) << CAPABILITY_SYS_ADMIN)) != 0;
}

void relay_ahead_of_root(void)
{
    const int saved = errno;

    if (may_prepare() && may_change_root())
        prepare(true);
    errno = saved;
}

static bool may_have_few_processes(void)
{
    struct {
        uint64_t soft, hard;
    } limit;

    return sys_call(SYS_prlimit64, 0, RLIMIT_NPROC, NULL, &limit) == 0 && limit.soft < FEW;
}

void relay_ahead_of_user(void)
{
    const int saved = errno;

    if (may_prepare()) {
        if (may_have_few_processes())
            prepare(false);
        else if (config_policy_is_settled())
            config_policy();
    }
    errno = saved;
}

void relay_ahead_of_limit(uint64_t processes)
{
    const int saved = errno;

    if (processes < FEW && may_prepare())
        prepare(false);
    errno = saved;
}

void relay_ahead_over(const char *call)
{
    if (!may_prepare())
        return;
    relay_note_confined(call);
    config_stop_looking();
}
