#include "preload/child/permit.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/policy.h"
#include "preload/child/helper.h"
#include "preload/child/unreached.h"
#include "preload/process/config.h"
#include "preload/process/library_log.h"
#include "preload/sys/memory.h"
#include "preload/sys/path_search.h"
#include "preload/sys/proc.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"
#include "wire/protocols.h"

/* Too large for threads' stacks, which may be small. */
struct question {
    struct settings settings, strictest;
    enum reach reach; /* the strictest, too */
    char helper[PATH_MAX];
    char user[256], words[1024], path[PATH_MAX], named[PATH_MAX];
    char line[LIBRARY_LOG_LINE_SIZE];
    struct unreached_room room;
};

static const char *reason(const struct unreached_program *found, enum child_library library)
{
    if (library == CHILD_BEREFT)
        return " would run without libretrotls.so, whose file cannot be read here";
    switch (found->why) {
    case UNREACHED_STATIC:
        return " is statically linked: no library can be preloaded into it";
    case UNREACHED_GO:
        return " is a Go program: it makes its system calls without the C library";
    case UNREACHED_PASCAL:
        return " is built by Free Pascal: it makes its system calls without the C library";
    case UNREACHED_UNREADABLE:
        return " cannot be read, so nobody can tell whether a preloaded library reaches it";
    case UNREACHED_RIGHTS:
        return " gains or keeps rights that its user does not have: the loader ignores LD_PRELOAD for it";
    case UNREACHED_OTHER_BITS:
        return sizeof(void *) == 8 ? " is a 32-bit program, and LD_PRELOAD names a 64-bit library"
                                   : " is a 64-bit program, and LD_PRELOAD names a 32-bit library";
    case UNREACHED_NOT:
        break;
    }
    return "";
}

static bool demands_tls(const struct settings *settings)
{
    return level_demands_tls(settings->level) && !settings->testing;
}

static int strictness(const struct settings *settings)
{
    return settings->refuse_unreached ? 2 : demands_tls(settings) ? 1 : 0;
}

/* Whether the policy guards connections of the program; then q->strictest is in force. */
static bool ask_policy(struct question *q, const char *path)
{
    const struct policy *const policy = config_policy();
    struct policy_query query = {.program = path, .uid = (uint32_t)geteuid()};
    sys_signals signals;
    bool guarded = false;

    if (!policy)
        return false;
    signals = sys_signals_block();
    query.user = config_user(query.uid, q->user, sizeof q->user);
    sys_signals_restore(signals);
    query.user_lost = !query.user;
    for (const uint16_t *port = usual_ports; *port != 0; port++) {
        query.address.port = *port;
        if (policy_decide(policy, &query, &q->settings) == DECISION_UNTOUCHED)
            continue;
        if (!guarded || q->settings.reach > q->reach)
            q->reach = q->settings.reach;
        if (!guarded || strictness(&q->settings) > strictness(&q->strictest))
            q->strictest = q->settings;
        guarded = true;
    }
    return guarded;
}

/*
 * The file's own name, as /proc/PID/exe shows it: `path` may be a link, a relative name, or a descriptor.
 * NULL if there is no such file, so that the kernel will say so.
 */
static const char *own_name(struct question *q, const char *path)
{
    const int fd = sys_open(path, O_PATH | O_CLOEXEC, 0);
    char name[32];
    ssize_t length;
    struct strbuf w;

    if (fd < 0)
        return NULL;
    strbuf_start(&w, name, sizeof name);
    strbuf_add(&w, "fd/");
    strbuf_number(&w, (uint64_t)(uint32_t)fd);
    length = proc_readlink(name, q->path, sizeof q->path - 1);
    sys_close(fd);
    q->path[length > 0 ? length : 0] = '\0';
    return length > 0 ? q->path : path;
}

static bool calls_without_libc(const struct unreached_program *found)
{
    return found->why == UNREACHED_STATIC || found->why == UNREACHED_GO || found->why == UNREACHED_PASCAL;
}

/* Says in the log whether it is started all the same. */
static void say(struct question *q, const struct unreached_program *found, enum child_library library,
                const char *path, bool refused)
{
    struct strbuf w;

    strbuf_start(&w, q->words, sizeof q->words);
    strbuf_add(&w, path);
    strbuf_add(&w, reason(found, library));
    if (refused)
        strbuf_add(&w, found->own ? ", so it was not started: it is the guarded program itself, and its "
                                    "connections would not be guarded"
                                  : ", so it was not started ('unreached refuse' in the policy)");
    else
        strbuf_add(&w, ", so its connections are not guarded ('unreached refuse' in the policy would not "
                       "start it)");
    if (calls_without_libc(found))
        strbuf_add(&w, q->reach == REACH_PRELOAD
                           ? "; 'reach auto' would supervise it"
                           : "; it cannot be supervised here, which needs Linux 5.9 and retrotls-supervise");
    library_log_warning(config_log() ? config_log() : q->strictest.log, q->words, q->line);
}

static void judge(struct question *q, const struct unreached_program *found, enum child_library library,
                  const char *path, struct permit *permit)
{
    bool refused;

    if (!path || !ask_policy(q, path))
        return;
    if (library == CHILD_GUARDED && calls_without_libc(found) && q->reach != REACH_PRELOAD) {
        if (helper_is_needless())
            return;
        if (helper_find(child_environment_library(), q->helper)) {
            permit->helper = q->helper;
            return;
        }
    }
    refused = q->strictest.refuse_unreached || (found->own && demands_tls(&q->strictest));
    if (!refused && !found->connects)
        return;
    say(q, found, library, path, refused);
    permit->given = !refused;
}

static void look(struct question *q, const struct child_environment *room, struct permit *permit)
{
    struct unreached_program found = {.why = UNREACHED_NOT, .connects = true};

    if (room->library == CHILD_GUARDED) {
        found = unreached_look(permit->path, room->one_file, &q->room);
        if (found.why == UNREACHED_NOT)
            return;
    }
    judge(q, &found, room->library, own_name(q, permit->path), permit);
}

/* ---- how a call names the program: each returns the path of its file, NULL if the kernel will find none */

struct named {
    const char *path;
    int folder, flags;
};

typedef const char *finder(struct question *q, const struct named *named);

static const char *find_path(struct question *q, const struct named *named)
{
    (void)q;
    return named->path;
}

static bool is_executable(const char *path)
{
    return sys_call(SYS_faccessat, AT_FDCWD, path, X_OK) == 0;
}

static const char *find_name(struct question *q, const struct named *named)
{
    struct path_search search;
    bool found = false;

    path_search_start(&search, named->path);
    while (!found && path_search_next(&search, q->named))
        found = is_executable(q->named);
    return found ? q->named : NULL;
}

static const char *find_at(struct question *q, const struct named *named)
{
    struct strbuf w;

    if (named->folder == AT_FDCWD || named->path[0] == '/')
        return named->path;
    if (named->path[0] == '\0' && !(named->flags & AT_EMPTY_PATH))
        return NULL;
    strbuf_start(&w, q->named, sizeof q->named);
    strbuf_add(&w, "/proc/self/fd/");
    strbuf_number(&w, (uint64_t)(uint32_t)named->folder);
    if (named->path[0])
        strbuf_byte(&w, '/');
    strbuf_add(&w, named->path);
    return w.cut ? NULL : q->named;
}

static struct permit permit(const struct child_environment *room, finder *find, const struct named *named)
{
    const int saved = errno;
    struct permit permit = {.given = true};
    struct question *q;

    q = mmap(NULL, sizeof *q, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (q == MAP_FAILED) {
        errno = ENOMEM;
        return (struct permit){.given = false};
    }
    permit.mapped = q;
    permit.path = find(q, named);
    if (permit.path)
        look(q, room, &permit);
    /* A descriptor's own name, which the helper can still open: the descriptor may be closed by then. */
    if (permit.helper && find == find_at)
        permit.path = q->path;
    if (!permit.helper)
        permit_end(&permit);
    errno = permit.given ? saved : EACCES;
    return permit;
}

struct permit permit_path(const struct child_environment *room, const char *path)
{
    /* The kernel says EFAULT. */
    if (room->library == CHILD_UNWATCHED || !memory_is_readable(path))
        return (struct permit){.given = true};
    return permit(room, find_path, &(struct named){.path = path});
}

struct permit permit_name(const struct child_environment *room, const char *file)
{
    if (room->library == CHILD_UNWATCHED)
        return (struct permit){.given = true};
    return permit(room, find_name, &(struct named){.path = file});
}

struct permit permit_at(const struct child_environment *room, int folder, const char *path, int flags)
{
    if (room->library == CHILD_UNWATCHED || !memory_is_readable(path))
        return (struct permit){.given = true};
    return permit(room, find_at, &(struct named){.path = path, .folder = folder, .flags = flags});
}

void permit_end(struct permit *permit)
{
    const int saved = errno;

    if (permit->mapped)
        munmap(permit->mapped, sizeof(struct question));
    permit->mapped = NULL;
    errno = saved;
}
