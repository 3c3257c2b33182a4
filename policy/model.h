/* A loaded policy: blocks in the order in which they are tried, and the defaults that underlie them. */
#ifndef RETROTLS_POLICY_MODEL_H
#define RETROTLS_POLICY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/address.h"
#include "policy/policy.h"

struct file {
    struct file *next;
    const char *path;
    const char *text; /* NULL once everything is loaded */
    size_t length;
    char *mapping; /* what file_read() returned: the text, and any byte order mark before it */
    size_t mapped;
    uint64_t device, inode; /* of a file that could not be opened: 0 */
    uint64_t state;         /* file_state() when it was opened, or when that failed; 0: not there */
    uint64_t size;
};

/* A word in a file. Line 0 stands for the file as a whole. */
struct place {
    const struct file *file;
    uint32_t line;   /* from 1 */
    uint32_t offset; /* bytes from the beginning of the file */
    uint32_t width;  /* bytes */
};

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
    /* Host (lower case, no final dot, .suffix as *.suffix), program or user. NULL: `low` is a uid. */
    const char *text;
    struct network network; /* address */
    uint32_t low, high;     /* port; for protocol and uid, `low` alone */
    bool negated;
};

/* What a ca-file names; the setting's `number`. */
enum ca_file { CA_PATH, CA_SYSTEM, CA_BUNDLED };

/* One setting as written. A list has one of these for each value. */
struct setting {
    struct setting *next;
    struct place place; /* of the value */
    enum policy_setting key;
    uint32_t number;  /* a number, a word's enum, or connect-to's port */
    const char *text; /* NULL if there is none, as of `ca-file system`, which only hides the layers below */
    bool bad;         /* an error was reported: it is not in force */
    bool reported;    /* a conflict with another setting was reported */
    bool refused;     /* reported as unusable */
};

/* A file's defaults, and the ones that underlie them: a file included after the first `match` has its own. */
struct scope {
    struct scope *beneath;
    struct setting *settings;
    uint32_t source;
    bool broken; /* one of the settings is in error */
};

struct block {
    struct block *next;
    struct place place; /* of the word `match` */
    const char *rule;   /* "FILE:LINE" */
    const struct scope *scope;
    struct setting *settings;
    struct value *values[CRITERIA];
    uint8_t given; /* bit: the block has this criterion */
    /* Bit: this criterion was unreadable and may fit anything. All bits: the whole line was unreadable. */
    uint8_t unknown;
    bool broken;         /* one of its settings is in error */
    bool final, testing; /* as in force, wherever they were written */
    enum level level;    /* as in force */
    uint32_t index;      /* its place in the order in which blocks are tried */
};

struct policy {
    size_t mapped; /* bytes of the mapping that starts here; 0: not mapped */
    bool in_error;
    bool unreadable;                     /* a whole file is unknown and may have had a block for anything */
    uint32_t defaults;                   /* of `roots` */
    struct scope *roots[POLICY_SOURCES]; /* in order of precedence */
    struct block *blocks;                /* in order of precedence */
    uint8_t *guarded_ports;              /* bit: a block or the defaults may guard this port */
    bool by_greeting;                    /* some block guards any port whose greeting shows its protocol */
    struct settings default_settings;    /* in force if no block fits */
    const char *default_rule;            /* where their level was written */
    const char *errors, *first_error;
    const struct file *files; /* all that were looked for, and the folders that were searched */
};

enum { PORT_BITS = 65536 / 8 }; /* bytes of guarded_ports */

/*
 * Finds what is in force for a connection that `block` (NULL: none) decides: for each setting the first one
 * of its list, or NULL for the built-in default. Looks in the block, then in the defaults of its file, then
 * in those of the other files (for a `final` block, never of the files before its own).
 *
 * ca-file and ca-dir count as one: a block that has one of them does not inherit the other. The same goes for
 * client-cert and client-key.
 */
void policy_resolve(const struct policy *policy, const struct block *block,
                    const struct setting *found[POLICY_SETTINGS]);

/* Turns `found` into settings; NULL gives the built-in default. */
void policy_settle(const struct setting *const found[POLICY_SETTINGS], struct settings *settings);

#endif
