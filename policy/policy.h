/*
 * The policy: which settings are in force for one connection.
 *
 * Loading reads the files once, checks everything, and keeps all in one mapping of its own (mmap; no malloc,
 * no stdio: the library loads it inside programs that may be anywhere). After that nothing is allocated, and
 * policy_decide() may be called from any thread and from a signal handler.
 *
 * Which connections are guarded
 *   - With no file: those to the usual ports 25, 587, 24, 143, 110, 119, 4190, with level `secure`; but not
 *     those to loopback addresses. Settings before the first `match` change these defaults.
 *   - The first block that fits decides, also for other ports and for loopback addresses, where it names
 * them: a block that guards (any level but `none`) and
 *       - names no port reaches the usual ports alone, and connections to others whose greeting shows a mail
 *         protocol: the web traffic of a program is not its business;
 *       - names neither a port, nor a host, nor an address that fits, does not reach loopback addresses.
 *     (To name is to list a value without '!' that fits.) A block with level `none` has no such limits.
 *   - Where no block fits, and the port does not tell the protocol: the first block that guards, names the
 *     port, and would fit with one of the protocols that it names.
 *   - Loopback addresses are those that were asked for as an address, as localhost or by a name of this
 * machine. To any other name, DNS may have given them.
 *   - Where a connection has several names (different threads asked for them), each is judged by itself, and
 *     the strictest outcome is in force; where names are lost, so is each block that may be about them. If
 * that would let a server pass that another outcome would not (a fingerprint, a `name`, a ca-file), the
 * connection must not happen.
 *   - Where no name was seen, a block with nothing but '!' for hosts may be about the connection or not: the
 *     strictest outcome is in force likewise.
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
    bool must_exist; /* named by the person (RETROTLS_POLICY, -p): its absence is an error */
};

/*
 * Loads up to POLICY_SOURCES files, the first one's blocks first (but for blocks of a later file marked
 * `final`, which come before all). A source with a NULL path is left out. With no file at all, the built-in
 * defaults: what the shipped default policy says.
 *
 * Never returns NULL: where anything is wrong, policy_errors() tells all of it, and every decision for a
 * connection that would have been guarded fails (see policy_decide). Keeps errno.
 */
const struct policy *policy_load(const struct policy_source *sources, size_t count);
void policy_free(const struct policy *policy);

/* The settings that can be in force, in the order in which they are shown. */
enum policy_setting {
    POLICY_LEVEL,
    POLICY_PROTOCOL,
    POLICY_TLS,
    POLICY_CONNECT_TO,
    POLICY_NAME,
    POLICY_SERVERNAME,
    POLICY_CA_FILE,
    POLICY_CA_DIR,
    POLICY_CRL_FILE,
    POLICY_CERTIFICATE_CHECKS,
    POLICY_FINGERPRINT,
    POLICY_TLS_MIN,
    POLICY_TLS_MAX,
    POLICY_CIPHERS,
    POLICY_CIPHERSUITES,
    POLICY_GROUPS,
    POLICY_CLIENT_CERT,
    POLICY_CLIENT_KEY,
    POLICY_TIMEOUT,
    POLICY_GREETING_TIMEOUT,
    POLICY_TESTING,
    POLICY_LOG,
    POLICY_FINAL, /* places a block: never in force by itself */
    POLICY_SETTINGS,
};

/*
 * Tries settings in ways that this language cannot, which knows no TLS. NULL: they can be used; else
 * `*blamed` (POLICY_SETTINGS: it is not known which) cannot, and why.
 */
typedef const char *policy_try(const struct settings *settings, enum policy_setting *blamed);
/* As policy_load(); settings that `attempt` refuses are errors as well. */
const struct policy *policy_load_and_try(const struct policy_source *sources, size_t count,
                                         policy_try *attempt);

#define POLICY_OF_MACHINE "/etc/retrotls/policy"

/*
 * The sources that apply to this process: `named` (RETROTLS_POLICY's value, or NULL), else
 * ~/.config/retrotls/policy and /etc/retrotls/policy; under AT_SECURE /etc alone. `home`: the user's home
 * folder, or NULL. Paths are written into `buffer`, which must outlive the sources. Returns the number of
 * sources; the machine's is the last.
 */
size_t policy_default_sources(struct policy_source sources[POLICY_SOURCES], const char *named,
                              const char *home, bool secure, char *buffer, size_t size);

/* All errors, as a person reads them (file, line, column, the line, a caret, advice); "" where there is none.
 */
const char *policy_errors(const struct policy *policy);
/* The first error in one line ("FILE:LINE:COLUMN: what"), for a log or a failure greeting; "" likewise. */
const char *policy_first_error(const struct policy *policy);

/* One connection. Every member may be NULL, 0 or empty where it is not known. */
struct policy_query {
    struct wire_address address; /* where the program connects to; its port is the port */
    struct text_list hosts;      /* names that the program asked for; an address is none */
    uint32_t hosts_here;         /* bit: machine_has_name() (machine.h) that one of `hosts` */
    /* Of each: 0, or 1 + the number of the one that is its mail exchanger, for whose sake alone it is here.
     */
    uint8_t hosts_exchanger[SETTINGS_LIST_LIMIT];
    const char *program;         /* path of the executable */
    const char *user;            /* login name */
    uint32_t uid;                /* always known */
    enum protocol_kind protocol; /* as the greeting showed it; PROTOCOL_AUTO: known by the port, if at all */
    /* What there is, but could not be found out: it might be anything that a block names. */
    bool hosts_lost, program_lost, user_lost;
};

enum decision {
    DECISION_UNTOUCHED, /* level none, or no rule guards it */
    DECISION_GUARD,     /* `settings` are in force */
    DECISION_ERROR, /* the policy is in error, or the program or user is lost, and it might have guarded this,
                       or more strictly, or it asks different things of names that may be meant: the
                       connection must not happen */
};

/*
 * False where no connection to `port` can be guarded, whatever its host, address and program (unless its
 * greeting shows its protocol): a test of nanoseconds, so that connect() to any other port costs what it did.
 * Never wrong in that direction; true may be wrong. With a policy in error: true.
 */
bool policy_may_guard(const struct policy *policy, uint16_t port);

/*
 * Where nothing but policy_may_guard() tells of a port whether its connections may be guarded: bit `port % 8`
 * of byte `port / 8` is set where they may. NULL with a policy in error, and where a greeting may tell it,
 * too.
 */
const uint8_t *policy_guarded_ports(const struct policy *policy);

/*
 * Whether some connection to a port that no rule names may be guarded once its greeting shows its protocol: a
 * block that guards names no port. The defaults never do. A greeting is what whoever is on the path makes it:
 * such a block finds servers that nobody thought of, but only one with the port protects against an attacker.
 */
bool policy_may_guard_by_greeting(const struct policy *policy);

/*
 * Decides, and fills `settings` (strings belong to `policy`). With DECISION_ERROR and a policy in
 * error the defaults are filled in, and policy_first_error() says why; it says "" for any other reason.
 *
 * While a policy is in error, it might have guarded: every connection to a usual port that is not loopback,
 * and every one that a block may have been about, where a criterion that could not be read fits anything, and
 * a file that could not be read may have held any block. What such an unknown block is taken to be about are
 * all ports but those of remote login, DNS and the web, and those of mail with implicit TLS (22, 53, 80, 443,
 * 853, 465, 563, 993, 995): the way to repair a machine stays open.
 */
enum decision policy_decide(const struct policy *policy, const struct policy_query *query,
                            struct settings *settings);

/*
 * Whether the certificate need not be for the query's name number `i`: it counts for the sake of its mail
 * exchanger alone, and a block names that one, so that the policy says what is asked of it; and no other
 * block names `i`.
 */
bool policy_vouches(const struct policy *policy, const struct policy_query *query, uint32_t i);

/* Its word in a policy file; never NULL. */
const char *policy_setting_name(enum policy_setting setting);

struct policy_origin {
    const char *file; /* NULL: built in */
    uint32_t line;
};

enum policy_reason {
    REASON_BLOCK,    /* a block decides: `block` */
    REASON_DEFAULTS, /* no block fits, a usual port: the defaults */
    REASON_LOOPBACK, /* no block fits, a loopback address: untouched */
    REASON_PORT,     /* no block fits, no usual port: untouched */
    REASON_ERROR,    /* DECISION_ERROR */
};

/* Why a decision is as it is. Strings belong to the policy. */
struct policy_explanation {
    enum decision decision;
    enum policy_reason reason;
    struct policy_origin block;                   /* its `match` line; file NULL: none decides */
    struct policy_origin origin[POLICY_SETTINGS]; /* where each setting in force was written */
    struct settings settings;
};

/* As policy_decide(), and says why. */
enum decision policy_explain(const struct policy *policy, const struct policy_query *query,
                             struct policy_explanation *why);

#endif
