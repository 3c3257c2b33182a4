/*
 * Reads an account from /etc/passwd (passwd(5)) without libc's lookups, which may load modules, allocate, and
 * connect.
 */
#ifndef RETROTLS_PRELOAD_SYS_ACCOUNT_H
#define RETROTLS_PRELOAD_SYS_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

enum { ACCOUNT_NAME_LIMIT = 256, ACCOUNT_HOME_LIMIT = 1024 }; /* with the NUL */

struct account {
    char name[ACCOUNT_NAME_LIMIT];
    char home[ACCOUNT_HOME_LIMIT];
};

/*
 * The first account with that uid; false if there is none, or it does not fit. The caller of this and
 * the next must hold a lock: there is only one buffer, because threads' stacks may be small.
 */
bool account_of(uint32_t uid, struct account *account);

/*
 * From now on, account_of() answers from what the file holds now. Does nothing if that does not fit in
 * memory.
 */
void account_keep_all(void);

/* Parses one line, without its newline, up to `end`. True if it is `uid`'s; then `account` is filled in. */
bool account_read_line(const char *line, const char *end, uint32_t uid, struct account *account);

#endif
