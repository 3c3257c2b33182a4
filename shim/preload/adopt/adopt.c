#include "preload/adopt/adopt.h"

#include <errno.h>

#include "preload/adopt/refused.h"
#include "preload/adopt/sharers.h"
#include "preload/process/verbose.h"
#include "preload/sys/lock.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

/* If two threads use a connection for the first time at once, only one may hand it over. */
static struct lock lock;

static enum first_use refuse(int error)
{
    errno = error;
    return FIRST_USE_REFUSED;
}

static void say(struct look *look, const char *what, pid_t process)
{
    struct strbuf w;

    strbuf_start(&w, look->guard.why, sizeof look->guard.why);
    strbuf_add(&w, what);
    if (process > 0) {
        strbuf_add(&w, " (pid ");
        strbuf_number(&w, (uint64_t)process);
        strbuf_byte(&w, ')');
    }
    strbuf_add(&w, "; start the connecting program with retrotls");
}

/* Called after say(). The log mentions a connection only once. */
static enum first_use too_late(struct look *look)
{
    const struct guard_request *const request = &look->guard.slot->guard;
    const bool demands = look->is_taken || request->failure ||
                         (level_demands_tls(request->settings.level) && !request->settings.testing);

    if (look->occasion == AT_ARRIVAL)
        return FIRST_USE_PLAIN;
    if (fd_state_of(look->fd) != FD_STATE_REFUSED)
        guard_log(&look->guard, demands ? RESULT_FAILED : RESULT_PLAINTEXT);
    if (!demands) {
        fd_state_set(look->fd, FD_STATE_PLAIN);
        return FIRST_USE_PLAIN;
    }
    fd_state_set(look->fd, FD_STATE_REFUSED);
    return refuse(EPERM);
}

static enum first_use switch_now(struct look *look)
{
    struct guard *const guard = &look->guard;
    const char *const failure = guard->slot->guard.failure;
    struct strbuf w;

    if (!guard_acquire(guard)) {
        if (look->occasion != AT_ARRIVAL)
            guard_log(guard, RESULT_FAILED);
        return FIRST_USE_REFUSED;
    }
    if (guard_hand_over(guard, look->use == USE_CONNECTING ? WIRE_PENDING : WIRE_CONNECTED))
        return FIRST_USE_SWITCHED;
    guard_cut(guard);
    if (failure) { /* the relay does not know in which protocol to report it */
        strbuf_start(&w, guard->why, sizeof guard->why);
        strbuf_add(&w, failure);
    }
    guard_log(guard, RESULT_FAILED);
    return refuse(EPERM);
}

/* False if another process has the connection too, or may have it; say() names the one that we know of. */
static bool is_ours_alone(struct look *look)
{
    const pid_t other = sharers_with(look->fd);

    if (other > 0)
        say(look, "the process that passed the connection on still has it", other);
    /* If we cannot know, we trust a connection only when the program is about to use it. */
    return other == 0 || (other < 0 && look->occasion != AT_ARRIVAL);
}

static enum first_use guarded(struct look *look)
{
    if (look->is_taken) {
        say(look, "another process has already taken the connection over for TLS", 0);
        return too_late(look);
    }
    if (look->is_smc) {
        say(look, "retrotls cannot add TLS to an SMC connection that it did not see begin", 0);
        return too_late(look);
    }
    if (look->use == USE_TOUCHED) {
        say(look, "the connection was used before retrotls saw it: it is too late for TLS", 0);
        return too_late(look);
    }
    return is_ours_alone(look) ? switch_now(look) : too_late(look);
}

static enum first_use ask(struct look *look, const struct policy *policy)
{
    struct guard *const guard = &look->guard;
    enum decision decision;
    enum first_use watched;

    guard->slot = slot_take(look->frame);
    if (!guard->slot)
        return refuse(ENOMEM);
    decision = guard_decide(guard, policy);
    if (guard->slot->guard.settings.protocol == PROTOCOL_AUTO)
        guard->slot->guard.settings.protocol = guard->shown;
    look->unguarded = decision == DECISION_UNTOUCHED && !look->is_taken;
    if (!look->unguarded)
        verbose_note_connection();
    watched = look->unguarded ? FIRST_USE_PLAIN : guarded(look);
    const int saved = errno;
    if (watched == FIRST_USE_REFUSED && look->occasion == AT_START && !refused_put(look->fd))
        guard_cut(guard);
    slot_release(guard->slot);
    errno = saved;
    return watched;
}

enum first_use adopt(struct look *look, const struct policy *policy)
{
    const sys_signals signals = sys_signals_block();
    enum first_use watched = FIRST_USE_REFUSED;
    uint64_t cookie;

    look->guard.fd = look->fd;
    look->guard.cookie = look->cookie;
    look->guard.started = sys_milliseconds();
    if (lock_take(&lock, look->guard.started + 2 * RELAY_DEADLINE)) {
        if (!sys_cookie(look->fd, &cookie) || cookie != look->cookie || tcp_use(look->fd) != look->use)
            look->again = true;
        else
            watched = ask(look, policy);
        const int saved = errno;
        lock_release(&lock);
        errno = saved;
    } else {
        errno = ETIMEDOUT;
    }
    sys_signals_restore(signals);
    return watched;
}
