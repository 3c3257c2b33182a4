/* What is known while a policy is read, and the parts of reading it. */
#ifndef RETROTLS_POLICY_LANGUAGE_LOADER_H
#define RETROTLS_POLICY_LANGUAGE_LOADER_H

#include "policy/language/arena.h"
#include "policy/language/lexer.h"
#include "policy/model.h"
#include "policy/services.h"

/* Of a user's own policy, behind the home folder. */
#define POLICY_OF_USER "/.config/retrotls/policy"

/* Files that are open at the same time: one, and those within it. */
enum { FILES_OPEN = POLICY_INCLUDE_DEPTH_LIMIT + 1 };

struct loader {
    struct arena arena;   /* what is kept */
    struct arena scratch; /* what is not: the library may load a policy on a small stack */
    struct errors errors;
    struct policy *policy;
    policy_try *attempt; /* NULL: none */
    struct services services;
    struct file *files; /* all that were read, the last one first */
    uint32_t files_count, blocks_count;
    size_t files_total;
    const struct file *open[FILES_OPEN]; /* the file being read, and those it stands in */
    struct lexer *lexers;                /* one for each of these */
    uint32_t depth;
    uint32_t source;
    struct scope *scope;
    struct block *block;                  /* NULL: before the first `match` */
    struct block *blocks[POLICY_SOURCES]; /* each source's own */
    struct block **blocks_end;
    bool nowhere; /* behind an `include` that ended the block before it */
    bool full;    /* the arena was too small; told once */
};

/* Memory of the policy, or NULL: that is told at `place`, once, and then nothing more is read. */
void *loader_take(struct loader *loader, const struct place *place, size_t size);
char *loader_text(struct loader *loader, const struct place *place, const char *text, size_t length);
/* The two parts of an absolute path in one text: `folder` up to its last '/' and `path`, or `path` alone. */
char *loader_path(struct loader *loader, const struct word *word);

/* Reads the rest of a `match` line into `block`. */
void read_criteria(struct loader *loader, struct lexer *lexer, struct block *block);

/*
 * Reads the value `word` of `key` into `setting` (key and place are set already). False where it cannot be
 * one; the error is told.
 */
bool read_value(struct loader *loader, const struct word *word, struct setting *setting);
/* Whether the setting is a list. */
bool takes_list(enum policy_setting key);

/*
 * Adds a setting to others. False, told at `place`, where it stands there already, or a list is full.
 */
bool add_to_list(struct loader *loader, struct setting **list, struct setting *setting,
                 const struct place *place);

/* Reads one file's lines into loader->scope and blocks. */
void read_lines(struct loader *loader, const struct file *file);

/* Opens and checks a policy file, and reads its lines. `from`: where it is included, or NULL. */
void read_policy_file(struct loader *loader, const char *path, const struct place *from, bool must_exist);

/*
 * Tells of a file as a whole, and that it is unknown what it says. `place` is the file's, or where it is
 * named; `from`: where it is included, or NULL.
 */
void tell_file(struct loader *loader, const struct place *place, const struct place *from,
               enum message message, const char *a, const char *b);

/* Block by block: whether it is final, and its level. */
void settle_blocks(const struct policy *policy, struct block *blocks);
/* Defaults marked `final` come before those of the files before. */
void order_defaults(struct policy *policy);
/* Final blocks of the last file first, then all others file by file. */
void put_in_order(struct policy *policy, struct block *blocks[POLICY_SOURCES]);
/* Fills policy->guarded_ports and by_greeting. */
void mark_ports(struct policy *policy);

/* What settings that are in force together demand of each other. */
void check_settings(struct loader *loader);

/* A host name as a certificate has it (RFC 1123, 2.1; underscores are seen in the wild). */
bool is_host_name(const char *name, bool pattern);

#endif
