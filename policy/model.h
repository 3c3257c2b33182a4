/* A loaded policy: blocks in the order in which they are tried, and the defaults beneath them. */
#ifndef RETROTLS_POLICY_MODEL_H
#define RETROTLS_POLICY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/address.h"
#include "policy/language/errors.h"
#include "policy/policy.h"

enum criterion {
    CRITERION_HOST,
    CRITERION_ADDRESS,
    CRITERION_PORT,
    CRITERION_PROGRAM,
    CRITERION_USER,
    CRITERION_PROTOCOL,
    CRITERIA,
    ALL_CRITERIA = (1 << CRITERIA) - 1, /* as bits */
};

/* A value of a criterion. */
struct value {
    struct value *next;
    const char *text; /* host: lower case, no dot at its end, .suffix as *.suffix; program; user (NULL: `low`
                         is a uid) */
    struct network network; /* address */
    uint32_t low, high;     /* port; protocol and uid: `low` */
    bool negated;
};

/* What a ca-file names: `number` of its setting. */
enum ca_file { CA_PATH, CA_SYSTEM, CA_BUNDLED };

/* One setting as it was written. A list has one of these for each value. */
struct setting {
    struct setting *next;
    struct place place; /* of the value */
    enum policy_setting key;
    uint32_t number;  /* a number, a word's enum, or connect-to's port */
    const char *text; /* NULL where there is none */
    bool bad;         /* told; it is not in force */
    bool told;        /* that it does not go together with others */
    bool refused;     /* told that it cannot be used */
};

/* Defaults, and those beneath them: a file included behind the first `match` has some of its own. */
struct scope {
    struct scope *beneath;
    struct setting *settings;
    uint32_t source;
    bool broken; /* one of them is in error */
};

struct block {
    struct block *next;
    struct place place; /* of the word `match` */
    const char *rule;   /* "FILE:LINE" */
    const struct scope *scope;
    struct setting *settings;
    struct value *values[CRITERIA];
    uint8_t given; /* bit: this criterion stands there */
    uint8_t
        unknown; /* bit: this criterion could not be read (all: the line could not); it may fit anything */
    bool broken; /* a setting of it is in error */
    bool final, testing; /* in force, wherever they were written */
    enum level level;    /* likewise */
    uint32_t index;      /* in the order in which blocks are tried */
};

struct policy {
    size_t mapped; /* bytes of the mapping that begins here; 0: not mapped */
    bool in_error;
    bool unreadable;                     /* a whole file is unknown: it may have had a block for anything */
    uint32_t defaults;                   /* of `roots` */
    struct scope *roots[POLICY_SOURCES]; /* in the order in which they count */
    struct block *blocks;                /* likewise */
    uint8_t *guarded_ports;              /* bit: some block, or the defaults, may guard it */
    bool by_greeting;                    /* some block guards on any port, by the protocol */
    struct settings default_settings;    /* in force where no block fits */
    const char *default_rule;            /* where the level of these was written */
    const char *errors, *first_error;
};

enum { PORT_BITS = 65536 / 8 }; /* bytes of guarded_ports */

/* The rule where no file has a say. */
extern const char policy_built_in[];

/*
 * What is in force for a connection that `block` (NULL: none) decides: for each setting the first one of its
 * list, or NULL where nothing but the built-in default remains. From the block, then from the defaults of its
 * file, then from the other files' (for a `final` block never from files that come before its own).
 *
 * ca-file and ca-dir are one: a block that names one does not inherit the other. So are client-cert and
 * client-key.
 */
void policy_resolve(const struct policy *policy, const struct block *block,
                    const struct setting *found[POLICY_SETTINGS]);

/* `found` as settings; what is NULL there as built in. */
void policy_settle(const struct setting *const found[POLICY_SETTINGS], struct settings *settings);

#endif
