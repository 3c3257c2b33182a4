#include "preload/process/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/policy.h"
#include "policy/readfile.h"
#include "preload/process/library_log.h"
#include "preload/sys/account.h"
#include "preload/sys/environment.h"
#include "preload/sys/lock.h"
#include "preload/sys/proc.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

enum { PATH_LIMIT = 4096, LOAD_DEADLINE = 10000, INTERVAL = 1000 /* of looks, ms */ };

static bool started;
static bool secure; /* AT_SECURE: do not trust the environment */
/* Copies of environment variables; "" if not set. */
static char named[PATH_LIMIT], home[PATH_LIMIT], log_to[PATH_LIMIT];
static bool sandbox_is_off, is_supervised;
/*
 * Whether root had its own policy when the program began, and whether the machine had one. We must not lose
 * these when the program becomes another user or changes its root.
 */
static bool root_has_own, machine_has_one;

static struct lock lock;
static _Atomic(const struct policy *) loaded;
_Atomic(const uint8_t *) config_guarded_ports;
static _Atomic int64_t next_look = INT64_MAX; /* sys_milliseconds() */
/* Under `lock`: which changes were found to be no good; the files' root directory; whose files they are. */
static uint64_t refused_mark, seen_mark, fresh_mark;
static uint64_t root_device, root_inode;
static uint32_t first_user;
static char program[PATH_LIMIT];
static struct account account; /* under `lock` */
static uint32_t account_uid;
static bool account_known;

/* A value that is too long is cut. Then the file of that name does not exist, and we report that. */
static void copy_variable(const char *name, char to[PATH_LIMIT])
{
    const char *const value = environment_value(name);
    struct strbuf w;

    if (!value)
        return;
    strbuf_start(&w, to, PATH_LIMIT);
    strbuf_add(&w, value);
}

/* The program may change its working directory before its first connection. */
static void make_absolute(char path[PATH_LIMIT])
{
    char relative[PATH_LIMIT], folder[PATH_LIMIT];
    struct strbuf w;

    if (path[0] == '\0' || path[0] == '/' || sys_call(SYS_getcwd, folder, sizeof folder) <= 0)
        return;
    memcpy(relative, path, sizeof relative);
    strbuf_start(&w, path, PATH_LIMIT);
    strbuf_add(&w, folder);
    strbuf_byte(&w, '/');
    strbuf_add(&w, relative);
}

static bool is_there(const char *folder, const char *name)
{
    char path[PATH_LIMIT];
    struct strbuf w;

    strbuf_start(&w, path, sizeof path);
    strbuf_add(&w, folder);
    strbuf_add(&w, name);
    return sys_call(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

/*
 * The kernel adds " (deleted)" once the file is gone: for example, if a package was upgraded and the program
 * restarts itself.
 */
static void find_program(void)
{
    static const char mark[] = " (deleted)";
    const ssize_t mark_length = sizeof mark - 1;
    ssize_t length = proc_readlink_of(false, "exe", program, sizeof program - 1);

    if (length < 0)
        length = proc_readlink_of(true, "exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    if (length > mark_length && strcmp(program + length - mark_length, mark) == 0 && !is_there(program, ""))
        program[length - mark_length] = '\0';
}

void config_start(void)
{
    const char *sandbox;

    if (started)
        return;
    secure = environment_is_secure();
    copy_variable("RETROTLS_POLICY", named);
    make_absolute(named);
    copy_variable("RETROTLS_LOG", log_to);
    if (strcmp(log_to, "syslog") != 0 && strcmp(log_to, "stderr") != 0 && strcmp(log_to, "none") != 0)
        make_absolute(log_to);
    copy_variable("HOME", home);
    sandbox = environment_value("RETROTLS_SANDBOX");
    is_supervised = environment_value("RETROTLS_SUPERVISED") != NULL;
    sandbox_is_off = sandbox && strcmp(sandbox, "off") == 0;
    if (environment_is_roots() && !secure && !named[0] && home[0] == '/')
        root_has_own = is_there(home, "/.config/retrotls/policy");
    if (environment_is_roots() && !named[0])
        machine_has_one = is_there("", POLICY_OF_MACHINE);
    find_program();
    started = true;
}

/* Under `lock`. */
static const struct account *account_for(uint32_t uid)
{
    if (!account_known || account_uid != uid) {
        account_known = account_of(uid, &account);
        account_uid = uid;
    }
    return account_known ? &account : NULL;
}

static const char *find_home(void)
{
    const struct account *own;

    if (home[0] == '/' || secure)
        return home[0] == '/' ? home : NULL;
    own = account_for((uint32_t)getuid());
    return own && own->home[0] == '/' ? own->home : NULL;
}

/* Under `lock`. `before`: the policy that the new one replaces; what it was made of must still be there. */
static const struct policy *load(const struct policy *before)
{
    struct policy_source sources[POLICY_SOURCES];
    static char paths[2 * PATH_LIMIT]; /* threads' stacks may be small */
    size_t count;

    if (!program[0])
        find_program();
    count =
        policy_default_sources(sources, named[0] ? named : NULL, find_home(), secure, paths, sizeof paths);
    if (root_has_own)
        sources[0].must_exist = true;
    if (machine_has_one)
        sources[count - 1].must_exist = true;
    for (size_t i = 0; before && i < count; i++)
        sources[i].must_exist = sources[i].must_exist || policy_has_file(before, sources[i].path);
    /* The monitor opens what the policy names, and has a limit for what hangs. */
    return policy_load_by(sources, count, &(struct policy_way){.unopened = true});
}

/*
 * If we tried to read a policy while the program has used up its descriptors, the policy would stay in error
 * for the life of the process. Instead, this connection fails, and the next one tries again.
 */
static bool can_open_files(void)
{
    enum { NEEDED = 4 }; /* a file, an included one, a folder, and one to spare */
    int probe[NEEDED];
    int opened = 0;

    while (opened < NEEDED && (probe[opened] = sys_socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0)
        opened++;
    const int saved = errno;
    for (int i = 0; i < opened; i++)
        sys_close(probe[i]);
    errno = saved;
    return opened == NEEDED;
}

static bool is_in_same_root(void)
{
    struct file_facts facts;

    return file_look("/", true, &facts) == 0 && facts.device == root_device && facts.inode == root_inode;
}

/* Under `lock`. The old policy stays mapped: a connection under way has its texts. */
static void put_in_force(const struct policy *policy)
{
    struct file_facts facts = {.inode = 0};

    if (!atomic_load(&loaded)) {
        file_look("/", true, &facts);
        root_device = facts.device;
        root_inode = facts.inode;
        first_user = (uint32_t)getuid();
    }
    atomic_store_explicit(&loaded, policy, memory_order_release);
    atomic_store_explicit(&config_guarded_ports, policy_guarded_ports(policy), memory_order_release);
}

static void say_refused(const struct policy *policy, const char *path, const char *why)
{
    static char words[LIBRARY_LOG_LINE_SIZE], room[LIBRARY_LOG_LINE_SIZE]; /* under `lock` */
    struct strbuf w;

    strbuf_start(&w, words, sizeof words);
    strbuf_add(&w, "the policy has changed, but the old one stays in force for this program: ");
    strbuf_add(&w, path);
    strbuf_add(&w, why);
    library_log_warning(log_to[0] ? log_to : policy_log(policy), words, room);
}

/*
 * Where another machine's clock is ahead, it is enough that nothing has changed since the last look: `mark`
 * is that look's.
 */
static bool is_still(const struct policy_now *now, uint64_t *mark)
{
    enum { STILL = 2 /* seconds */ };
    const int64_t time = sys_time();
    const bool still = now->changed <= time - STILL || (now->changed > time && now->mark == *mark);

    *mark = now->mark;
    return still;
}

/*
 * Whether a policy is one of files that nobody has written to for a while, some of which may be new to us.
 * Another thread may have changed the root directory meanwhile.
 */
static bool may_be_in_force(const struct policy *fresh)
{
    struct policy_now now;

    policy_look(fresh, &now);
    return now.same && is_still(&now, &fresh_mark) && is_in_same_root();
}

/*
 * Under `lock`. Files that are being written are left until they have been still for a while: half a policy
 * may be a good one that guards less. What is gone or empty is taken for an accident. Another user's home has
 * another policy, and a thread or a child of vfork(2) may be another user for a while.
 */
static void update(const struct policy *policy)
{
    struct policy_now now;
    const struct policy *fresh;

    if (!is_in_same_root() || (!config_policy_is_settled() && (uint32_t)getuid() != first_user))
        return;
    policy_look(policy, &now);
    if (now.same || now.mark == refused_mark || !is_still(&now, &seen_mark))
        return;
    if (now.lost) {
        refused_mark = now.mark;
        say_refused(policy, now.lost, " is gone or empty");
        return;
    }
    if (!can_open_files())
        return;
    fresh = load(policy);
    if (!may_be_in_force(fresh)) {
        policy_free(fresh);
        return;
    }
    if (policy_first_error(fresh)[0] && !policy_first_error(policy)[0]) {
        refused_mark = now.mark;
        say_refused(policy, policy_first_error(fresh), "");
        policy_free(fresh);
        return;
    }
    put_in_force(fresh);
}

static void look_again(void)
{
    const int saved = errno;
    const int64_t now = sys_milliseconds();
    int64_t due = atomic_load(&next_look);
    sys_signals signals;

    if (now < due || !atomic_compare_exchange_strong(&next_look, &due, now + INTERVAL))
        return;
    signals = sys_signals_block();
    if (lock_take(&lock, now)) {
        update(atomic_load(&loaded));
        lock_release(&lock);
    }
    sys_signals_restore(signals);
    errno = saved;
}

void config_stop_looking(void)
{
    atomic_store(&next_look, INT64_MAX);
}

const struct policy *config_policy(void)
{
    const struct policy *policy = atomic_load_explicit(&loaded, memory_order_acquire);
    const int saved = errno;
    sys_signals signals;

    if (policy) {
        look_again();
        return atomic_load_explicit(&loaded, memory_order_acquire);
    }
    if (!started && !environ) {
        errno = ENETUNREACH;
        return NULL;
    }
    config_start();
    if (!can_open_files())
        return NULL;
    signals = sys_signals_block();
    if (lock_take(&lock, sys_milliseconds() + LOAD_DEADLINE)) {
        policy = atomic_load(&loaded);
        if (!policy) {
            policy = load(NULL);
            put_in_force(policy);
            atomic_store(&next_look, sys_milliseconds() + INTERVAL);
        }
        lock_release(&lock);
    }
    sys_signals_restore(signals);
    errno = policy ? saved : ETIMEDOUT;
    return policy;
}

bool config_policy_is_settled(void)
{
    return secure || named[0] || home[0] == '/';
}

void config_keep_users(const struct policy *policy)
{
    if (policy_asks_for_user_names(policy) && lock_take(&lock, sys_milliseconds() + LOAD_DEADLINE)) {
        account_keep_all();
        lock_release(&lock);
    }
}

const char *config_policy_file(void)
{
    return named[0] ? named : NULL;
}

const char *config_log(void)
{
    return log_to[0] ? log_to : NULL;
}

bool config_is_supervised(void)
{
    return is_supervised;
}

bool config_sandbox_is_off(void)
{
    return sandbox_is_off;
}

const char *config_program(void)
{
    return program;
}

const char *config_user(uint32_t uid, char *name, size_t size)
{
    const struct account *found;
    struct strbuf w;

    if (!lock_take(&lock, sys_milliseconds() + LOAD_DEADLINE))
        return NULL;
    found = account_for(uid);
    strbuf_start(&w, name, size);
    if (found)
        strbuf_add(&w, found->name);
    lock_release(&lock);
    return found && !w.cut ? name : NULL;
}
