#include "preload/adopt/proxied.h"

#include <errno.h>
#include <string.h>

#include "preload/adopt/proxy.h"
#include "preload/guard/guard.h"
#include "preload/process/config.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

static bool is_refused(struct guard *guard, const struct policy *policy)
{
    const struct guard_request *const request = &guard->slot->guard;
    const enum decision decision = guard_decide(guard, policy);
    const bool demands = decision == DECISION_ERROR ||
                         (level_demands_tls(request->settings.level) && !request->settings.testing);
    struct strbuf w;

    if (decision == DECISION_UNTOUCHED)
        return false;
    strbuf_start(&w, guard->why, sizeof guard->why);
    strbuf_add(&w,
               "a proxy's preload (proxychains, torsocks) comes before retrotls, which only sees the "
               "proxy; start the program with 'retrotls PROGRAM' under it, or put libretrotls.so first in "
               "LD_PRELOAD");
    guard_log(guard, demands ? RESULT_FAILED : RESULT_PLAINTEXT);
    return demands;
}

/* Whether the program may ask the proxy for that server. */
static bool may_ask(int fd, const struct proxy_target *target, const void *frame)
{
    const int saved = errno;
    const struct policy *const policy = config_policy();
    struct guard guard = {.fd = fd, .asked = target->address, .host = target->host};
    sys_signals signals;
    bool refused;

    if (!policy)
        return false;
    if (!policy_may_guard(policy, target->address.port))
        return true;
    guard.started = sys_milliseconds();
    signals = sys_signals_block();
    guard.slot = slot_take(frame);
    refused = !guard.slot || is_refused(&guard, policy);
    if (guard.slot)
        slot_release(guard.slot);
    sys_signals_restore(signals);
    errno = refused ? EPERM : saved;
    return !refused;
}

bool proxied_may_write(int fd, const void *bytes, size_t length)
{
    struct proxy_target target;

    /* Anything else comes before a request, or after one that was allowed. */
    return proxy_read(bytes, length, &target) != PROXY_REQUEST ||
           may_ask(fd, &target, __builtin_frame_address(0));
}

bool proxied_may_write_pieces(int fd, const struct iovec *pieces, size_t count)
{
    uint8_t all[2 * NAME_LIMIT];
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        const size_t room = sizeof all - used;
        const size_t part = pieces[i].iov_len < room ? pieces[i].iov_len : room;

        memcpy(all + used, pieces[i].iov_base, part);
        used += part;
    }
    return proxied_may_write(fd, all, used);
}
