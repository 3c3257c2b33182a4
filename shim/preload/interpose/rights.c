/*
 * setuid(2), setgid(2), capset(2) and their kin do what libc's do. Before, the library prepares what it will
 * need root for later (relay_ahead.h). If the process has given up rights, it gets a memory of names of its
 * own, apart from that of the processes that have kept them (names_part()).
 *
 * A process has given up rights if it can no longer act as a user or a group that it could act as before
 * (root can act as any), or if capset(2) took a capability away. If a program makes these system calls
 * itself, we notice that it changed its user when it next looks a name up (names_begin()), and nothing else.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "preload/libc/next.h"
#include "preload/names/names.h"
#include "preload/relay/relay_ahead.h"
#include "preload/sys/export.h"
#include "preload/sys/sys.h"

enum { SETS = 3 /* real, effective, saved */ };

struct rights {
    bool matter;
    uid_t user[SETS];
    gid_t group[SETS];
};

static struct rights rights_now(void)
{
    struct rights now = {.matter = names_may_part()};

    if (now.matter)
        now.matter = getresuid(&now.user[0], &now.user[1], &now.user[2]) == 0 &&
                     getresgid(&now.group[0], &now.group[1], &now.group[2]) == 0;
    return now;
}

static struct rights rights_before(void)
{
    const struct rights now = rights_now();

    if (now.matter && now.user[1] == 0)
        relay_ahead_of_user();
    return now;
}

/* uid_t and gid_t are the same type. */
static bool has(const uid_t set[SETS], uid_t id)
{
    return set[0] == id || set[1] == id || set[2] == id;
}

static bool lacks_one(const uid_t now[SETS], const uid_t before[SETS])
{
    return !has(now, before[0]) || !has(now, before[1]) || !has(now, before[2]);
}

static int settle(const struct rights *before, int result)
{
    struct rights now;

    if (!before->matter || result != 0)
        return result;
    now = rights_now();
    if (!now.matter ||
        (!has(now.user, 0) && (lacks_one(now.user, before->user) || lacks_one(now.group, before->group))))
        names_part();
    return result;
}

#define CALL_NEXT(name, types, ...)               \
    const struct rights before = rights_before(); \
    int(*const call) types = next(NEXT_##name);   \
                                                  \
    return settle(&before, call ? call(__VA_ARGS__) : -1)

EXPORTED int setuid(uid_t user)
{
    CALL_NEXT(setuid, (uid_t), user);
}

EXPORTED int seteuid(uid_t user)
{
    CALL_NEXT(seteuid, (uid_t), user);
}

EXPORTED int setreuid(uid_t real_user, uid_t user)
{
    CALL_NEXT(setreuid, (uid_t, uid_t), real_user, user);
}

EXPORTED int setresuid(uid_t real_user, uid_t user, uid_t saved)
{
    CALL_NEXT(setresuid, (uid_t, uid_t, uid_t), real_user, user, saved);
}

EXPORTED int setgid(gid_t group)
{
    CALL_NEXT(setgid, (gid_t), group);
}

EXPORTED int setegid(gid_t group)
{
    CALL_NEXT(setegid, (gid_t), group);
}

EXPORTED int setregid(gid_t real_group, gid_t group)
{
    CALL_NEXT(setregid, (gid_t, gid_t), real_group, group);
}

EXPORTED int setresgid(gid_t real_group, gid_t group, gid_t saved)
{
    CALL_NEXT(setresgid, (gid_t, gid_t, gid_t), real_group, group, saved);
}

/* libcap declares it (with cap_user_header_t and cap_user_data_t), libc does not. */
int capset(void *header, const void *data);

EXPORTED int capset(void *header, const void *data)
{
    int (*const call)(void *, const void *) = next(NEXT_capset);
    const bool matters = names_may_part();
    uint64_t before = UINT64_MAX, now = 0;
    int result;

    if (!call)
        return -1;
    if (matters)
        sys_permitted(&before);
    result = call(header, data);
    if (matters && result == 0 && (!sys_permitted(&now) || (before & ~now) != 0))
        names_part();
    return result;
}
