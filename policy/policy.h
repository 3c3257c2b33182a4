/*
 * The policy: which settings are in force for one connection.
 *
 * Loading reads the files once, checks everything, and keeps all in one mapping of its own (mmap; no malloc,
 * no stdio: the library loads it inside programs that may be anywhere). After that nothing is allocated, and
 * policy_decide() may be called from any thread and from a signal handler.
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
    POLICY_SOURCES = 2,            /* the user's file, then /etc/retrotls/policy */
    POLICY_FILE_LIMIT = 1 << 20,   /* bytes of one file */
    POLICY_ERRORS_LIMIT = 1 << 16, /* bytes of all error texts together */
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
 * connection that would have been guarded fails (see policy_decide).
 */
const struct policy *policy_load(const struct policy_source *sources, size_t count);
void policy_free(const struct policy *policy);

/*
 * The sources that apply to this process: `named` (RETROTLS_POLICY's value, or NULL), else
 * ~/.config/retrotls/policy and /etc/retrotls/policy; under AT_SECURE /etc alone. `home`: the user's home
 * folder, or NULL. Paths are written into `buffer`. Returns the number of sources.
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
    struct text_list hosts;      /* names that the program asked for; `match host` fits if one of them fits */
    const char *program;         /* path of the executable */
    const char *user;            /* login name */
    uint32_t uid;
};

enum decision {
    DECISION_UNTOUCHED, /* level none, or no rule guards it */
    DECISION_GUARD,     /* `settings` are in force */
    DECISION_ERROR, /* the policy is in error and might have guarded this: the connection must not happen */
};

/*
 * False where no connection to `port` can be guarded, whatever its host, address and program: a test of
 * nanoseconds, so that connect() to any other port costs what it did. Never wrong in that direction; true may
 * be wrong. With a policy in error: true.
 */
bool policy_may_guard(const struct policy *policy, uint16_t port);

/*
 * Decides, and fills `settings` (strings belong to `policy`). With DECISION_ERROR the defaults are filled in
 * and policy_first_error() says why. A loopback address is level none unless a block says otherwise.
 */
enum decision policy_decide(const struct policy *policy, const struct policy_query *query,
                            struct settings *settings);

#endif
