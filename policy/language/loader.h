/* The state of loading a policy, and the functions that do it. */
#ifndef RETROTLS_POLICY_LANGUAGE_LOADER_H
#define RETROTLS_POLICY_LANGUAGE_LOADER_H

#include "policy/language/arena.h"
#include "policy/language/lexer.h"
#include "policy/model.h"
#include "policy/services.h"

/* The path of a user's own policy, relative to the home folder. */
#define POLICY_OF_USER "/.config/retrotls/policy"

/* Files open at the same time: one, and those that it includes. */
enum { FILES_OPEN = POLICY_INCLUDE_DEPTH_LIMIT + 1 };

struct loader {
    struct arena arena;   /* what the policy keeps */
    struct arena scratch; /* what only loading needs: the library may load a policy on a small stack */
    struct errors errors;
    struct policy *policy;
    struct policy_way way;
    struct services services;
    struct file *files; /* all files read so far, the last one first */
    uint32_t files_count, blocks_count;
    size_t files_total;
    const struct file *open[FILES_OPEN]; /* the file being read and those that include it */
    struct lexer *lexers;                /* one for each open file */
    uint32_t depth;
    uint32_t source;
    struct scope *scope;
    struct block *block;                  /* NULL: before the first `match` */
    struct block *blocks[POLICY_SOURCES]; /* each source's own */
    struct block **blocks_end;
    bool nowhere; /* after an `include` that ended the block before it */
    bool full;    /* the arena was too small; reported once */
};

/* Returns memory of the policy, or NULL. Reports the first failure at `place`; nothing more is read then. */
void *loader_take(struct loader *loader, const struct place *place, size_t size);
char *loader_text(struct loader *loader, const struct place *place, const char *text, size_t length);
/*
 * Returns the path in `word` as an absolute one, relative to the folder of the file that names it. NULL if it
 * is invalid or too long, which is reported.
 */
char *loader_path(struct loader *loader, const struct word *word);

/* Reads the rest of a `match` line into `block`. */
void read_criteria(struct loader *loader, struct lexer *lexer, struct block *block);

/*
 * Reads the value `word` into `setting`, whose key and place are already set. False if it is invalid; the
 * error has been reported.
 */
bool read_value(struct loader *loader, const struct word *word, struct setting *setting);
/* Whether the setting takes a list. */
bool takes_list(enum policy_setting key);

/* Adds a setting to others. If it is there already, or a list is full, reports that at `place`: false. */
bool add_to_list(struct loader *loader, struct setting **list, struct setting *setting,
                 const struct place *place);

/* Reads one file's lines into loader->scope and blocks. */
void read_lines(struct loader *loader, const struct file *file);

/* Opens and checks a policy file, and reads its lines. `from` is the place that includes it, or NULL. */
void read_policy_file(struct loader *loader, const char *path, const struct place *from, bool must_exist);

/*
 * Reports an error about a file as a whole, and marks its content as unknown. `place` is the file, or the
 * place that names it; `from` is the place that includes it, or NULL.
 */
void report_file(struct loader *loader, const struct place *place, const struct place *from,
                 enum message message, const char *a, const char *b);

/* Determines for each block whether it is final, its level, and whether it is testing. */
void settle_blocks(const struct policy *policy, struct block *blocks);
/* Moves defaults marked `final` ahead of those of earlier files. */
void order_defaults(struct policy *policy);
/* Orders the blocks: first the final ones, from the last file to the first, then the others, file by file. */
void put_in_order(struct policy *policy, struct block *blocks[POLICY_SOURCES]);
/* Fills policy->guarded_ports and by_greeting. */
void mark_ports(struct policy *policy);

/* Checks that settings in force together are consistent. */
void check_settings(struct loader *loader);

/* Whether `name` is a host name as in certificates (RFC 1123, 2.1; underscores occur in the wild). */
bool is_host_name(const char *name, bool pattern);

#endif
