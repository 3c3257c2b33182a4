/*
 * The policy: which settings are in force for one connection.
 *
 * Loading reads the files once, checks everything, and keeps it all in a mapping of its own. It uses mmap,
 * and no malloc or stdio: the library loads the policy inside programs that may be doing anything. After that
 * nothing is allocated, and policy_decide() may be called from any thread and from a signal handler.
 *
 * Which connections are guarded
 *   - Without a file: those to the usual ports (wire/protocols.def), at level `secure`, except to loopback
 *     addresses. Settings before the first `match` change these defaults.
 *   - The first block that fits decides, also for other ports and for loopback addresses. A block that guards
 *     (any level but `none`) has two limits; one with level `none` has neither:
 *       - If it names no port, it covers the usual ports, and other ports only if the greeting shows a mail
 *         protocol: a program's web traffic is none of its business.
 *       - If it names no port, host or address that fits, it does not cover loopback addresses.
 *     (A block names what it lists without a '!' and what fits.)
 *   - If no block fits, and the port does not determine the protocol, the first block decides that guards,
 *     names the port, and would fit with one of the protocols that it names.
 *   - An address counts as loopback if the program asked for it as an address, as localhost or by a name of
 *     this machine. Any other name may have come from DNS, and so may an address if the program has a
 *     resolver of its own.
 *   - If a connection has several names (different threads asked for them), each is judged by itself and the
 *     strictest outcome is in force. If names were lost, every block that may be about them counts too. If
 *     the strictest outcome would accept a server that another would not (a fingerprint, a `name`, a
 *     ca-file), the connection must not happen.
 *   - If no name was seen, a block with only '!' values for hosts may or may not be about the connection.
 *     Again the strictest outcome is in force.
 */
#ifndef RETROTLS_POLICY_POLICY_H
#define RETROTLS_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/settings.h"
#include "wire/wire.h"

struct policy;

enum {
    POLICY_SOURCES = 2,             /* the user's file, then /etc/retrotls/policy */
    POLICY_FILE_LIMIT = 1 << 20,    /* bytes of one file */
    POLICY_FILES_LIMIT = 256,       /* files, with those that are included */
    POLICY_TOTAL_LIMIT = 1 << 22,   /* bytes of all files */
    POLICY_BLOCKS_LIMIT = 4096,     /* blocks of all files */
    POLICY_MEMORY_LIMIT = 1 << 22,  /* bytes of a loaded policy */
    POLICY_INCLUDE_DEPTH_LIMIT = 8, /* files within files */
    POLICY_ERRORS_LIMIT = 1 << 16,  /* bytes of all error texts together */
    POLICY_PATH_LIMIT = 1024,       /* bytes of a path that a policy names, with its NUL */
};

struct policy_source {
    const char *path;
    bool must_exist; /* the user named it (RETROTLS_POLICY, -p): it is an error if it is absent */
};

/*
 * Loads up to POLICY_SOURCES files. The blocks of the first come first, except that blocks of a later file
 * marked `final` come before all. A source with a NULL path is skipped. Without any file, the built-in
 * defaults are in force, which are those of the shipped default policy.
 *
 * Never returns NULL. If anything is wrong, policy_errors() reports all of it, and every decision for a
 * connection that would have been guarded fails (see policy_decide()). Keeps errno.
 */
const struct policy *policy_load(const struct policy_source *sources, size_t count);
void policy_free(const struct policy *policy);

/* The settings, from settings.def, in the order in which they are shown. */
enum policy_setting {
#define SETTING(KEY, word, read, show, members) POLICY_##KEY,
#include "wire/settings.def"
    POLICY_SETTINGS,
};

/*
 * Tries out settings that the language, which knows nothing of TLS, cannot check. Returns NULL if they can be
 * used; otherwise says why not, and sets `*blamed` to the culprit (POLICY_SETTINGS if unknown).
 */
typedef const char *policy_try(const struct settings *settings, enum policy_setting *blamed);
/*
 * Calls `look` with `question`, which fills the `room` bytes of `answer`. If `look` hangs, the caller still
 * goes on. Returns false if it hangs or cannot be called; `answer` is then undefined.
 */
typedef bool policy_apart(void (*look)(const void *question, void *answer), const void *question,
                          void *answer, size_t room);

/*
 * How to look at the files that a policy names (ca-file, log, ...). Their file system may hang, and whoever
 * opens them then hangs with it.
 */
struct policy_way {
    bool unopened;       /* do not look: whoever needs a file finds out what is wrong with it */
    policy_apart *apart; /* how to look; NULL: directly, and hang if they hang */
    bool may_hang;       /* a file that hangs is no error */
    policy_try *attempt; /* NULL, or what else refuses settings: these are errors too */
};

/* Like policy_load(), whose `way` is all zeroes. */
const struct policy *policy_load_by(const struct policy_source *sources, size_t count,
                                    const struct policy_way *way);

/* Whether the files of a policy are still as they were when it was loaded. */
struct policy_now {
    bool same;
    uint64_t mark;    /* not the same for two different states of the files */
    int64_t changed;  /* seconds since 1970 of the latest change to a file that is there */
    const char *lost; /* a file that had something in it, and is gone or empty now; or NULL */
};

/*
 * Looks at each file once (statx(2)), with its included ones. The path in `lost` belongs to the policy. Keeps
 * errno.
 */
void policy_look(const struct policy *policy, struct policy_now *now);

/* True if `path` was read when the policy was loaded. */
bool policy_has_file(const struct policy *policy, const char *path);

/* Where what is about no connection is logged: `log` of the defaults. */
const char *policy_log(const struct policy *policy);

#define POLICY_OF_MACHINE "/etc/retrotls/policy"

/*
 * Finds the sources that apply to this process: `named` (the value of RETROTLS_POLICY, or NULL) alone;
 * otherwise ~/.config/retrotls/policy and /etc/retrotls/policy; under AT_SECURE only the latter. `home` is
 * the user's home folder, or NULL. Paths are written into `buffer`, which must outlive the sources. Returns
 * the number of sources; the machine's comes last.
 */
size_t policy_default_sources(struct policy_source sources[POLICY_SOURCES], const char *named,
                              const char *home, bool secure, char *buffer, size_t size);

/* All errors in readable form (file, line, column, the line, a caret, advice); "" if there are none. */
const char *policy_errors(const struct policy *policy);
/* The first error in one line ("FILE:LINE:COLUMN: what"), for a log or a failure greeting; "" if none. */
const char *policy_first_error(const struct policy *policy);

/* One connection. Members that are unknown may be NULL, 0 or empty. */
struct policy_query {
    struct wire_address address; /* where the program connects to, and the port */
    struct text_list hosts;      /* names that the program asked for; no addresses */
    uint32_t hosts_here;         /* bit: machine_has_name() (machine.h) is true of this one of `hosts` */
    /*
     * For each of `hosts`: 0, or 1 + the number of its mail exchanger, if it is here only for that one's
     * sake.
     */
    uint8_t hosts_exchanger[SETTINGS_LIST_LIMIT];
    bool resolves_itself;        /* the program has asked a DNS server without libc */
    const char *program;         /* the executable's path */
    const char *user;            /* login name */
    uint32_t uid;                /* always known */
    enum protocol_kind protocol; /* from the greeting; PROTOCOL_AUTO: known by the port, if at all */
    /* These exist but could not be determined: they may be anything that a block names. */
    bool hosts_lost, program_lost, user_lost;
};

enum decision {
    DECISION_UNTOUCHED, /* level none, or no rule guards the connection */
    DECISION_GUARD,     /* `settings` are in force */
    DECISION_ERROR,     /* the connection must not happen; see below */
};

/*
 * False if no connection to `port` can be guarded, whatever its host, address and program, unless its
 * greeting shows its protocol. The test takes nanoseconds, so that connect() to any other port stays as cheap
 * as it was. False is never wrong; true may be. With a policy in error: true.
 */
bool policy_may_guard(const struct policy *policy, uint16_t port);

/*
 * The bitmap behind policy_may_guard(): bit `port % 8` of byte `port / 8` is set if connections to the port
 * may be guarded. NULL if the bitmap does not settle it: the policy is in error, or a greeting may decide.
 */
const uint8_t *policy_guarded_ports(const struct policy *policy);

/*
 * Whether a connection to a port that no rule names may be guarded once its greeting shows its protocol: some
 * block that guards names no port. The defaults never do this. Anyone on the path can forge a greeting: such
 * a block finds servers that nobody thought of, but only a block that names the port protects against an
 * attacker.
 */
bool policy_may_guard_by_greeting(const struct policy *policy);

/*
 * Decides, and fills `settings`, whose strings belong to `policy`.
 *
 * DECISION_ERROR means that the connection must not happen. Either
 *   - the policy is in error, and might have guarded the connection; or
 *   - the program or user is lost, and a block may have guarded the connection (more strictly) for them; or
 *   - the names that may be meant demand different things.
 * In the first case `settings` gets the defaults, and policy_first_error() says why; in the others it says
 * "".
 *
 * A policy in error might have guarded every connection to a usual port that is not loopback, and every one
 * that a block may have been about. For this, an unreadable criterion fits anything, and an unreadable file
 * may have held any block. We assume that such an unknown block is about all ports except those of remote
 * login, DNS, the web and mail with implicit TLS (22, 53, 80, 443, 853, 465, 563, 993, 995), so that the
 * machine can still be repaired.
 */
enum decision policy_decide(const struct policy *policy, const struct policy_query *query,
                            struct settings *settings);

/*
 * Returns how to guard a program that is about to start; `query` has its path and user. Looks at the rules
 * that decide for its connections to the usual ports. If several of these are guarded, the strictest rule is
 * in force (enum reach); if none is, the defaults are.
 */
enum reach policy_reach(const struct policy *policy, const struct policy_query *query);

/*
 * False if no connection of this program can be guarded, whatever its user is or becomes. `program`: as in
 * the query; NULL or "": not known. False is never wrong; true may be.
 */
bool policy_may_concern(const struct policy *policy, const char *program);

/* Whether some block names a user by name, not by number. */
bool policy_asks_for_user_names(const struct policy *policy);

/*
 * Whether the certificate need not match the query's name number `i`. True if the name is listed only on
 * account of its mail exchanger, a block names that exchanger (so the policy says what it demands of it), and
 * no other block names `i`.
 */
bool policy_vouches(const struct policy *policy, const struct policy_query *query, uint32_t i);

/* The setting's word in a policy file; never NULL. */
const char *policy_setting_name(enum policy_setting setting);

struct policy_origin {
    const char *file; /* NULL: built in */
    uint32_t line;
};

/* If no line of a file decides, settings.rule is this very pointer. */
extern const char policy_built_in[];

enum policy_reason {
    REASON_BLOCK,    /* a block decides: `block` */
    REASON_DEFAULTS, /* no block fits, a usual port: the defaults */
    REASON_LOOPBACK, /* no block fits, a loopback address: untouched */
    REASON_PORT,     /* no block fits, no usual port: untouched */
    REASON_ERROR,    /* DECISION_ERROR */
};

/* Explains a decision. Strings belong to the policy. */
struct policy_explanation {
    enum decision decision;
    enum policy_reason reason;
    struct policy_origin block;                   /* its `match` line; file NULL if no block decides */
    struct policy_origin origin[POLICY_SETTINGS]; /* where each setting in force was written */
    struct settings settings;
};

/* The same as policy_decide(), and says why. */
enum decision policy_explain(const struct policy *policy, const struct policy_query *query,
                             struct policy_explanation *why);

#endif
