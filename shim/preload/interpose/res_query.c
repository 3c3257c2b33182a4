/*
 * For programs that ask libresolv for records themselves (exim and postfix do): res_query(), res_search() and
 * their kin, and res_send(), which takes a query ready made. The name is the one that was asked for. We
 * remember an alias and the targets of MX, SRV and PTR records as names from an answer, and the addresses
 * that come with the targets as addresses of the name that was asked for. We ignore other types.
 *
 * We do not include <resolv.h>: some versions have macros for these names, and to us res_state is just a
 * pointer. glibc exported the functions under both names. Since 2.34 the one with the underscores is for old
 * programs alone and dlsym(3) does not find it, so each name stands in for the other.
 */
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "preload/libc/next.h"
#include "preload/names/answers.h"
#include "preload/names/dns_answer.h"
#include "preload/names/names.h"
#include "preload/sys/export.h"

static int no_resolver(void)
{
    h_errno = NO_RECOVERY;
    return -1;
}

/*
 * `length` is what the call returned: the answer's full length, which may be more than fitted. We withhold a
 * malformed answer from the program, which might find names in it that we do not.
 */
static int read_answer(struct names_question *question, const unsigned char *answer, int size, int length)
{
    const int saved = errno;
    const bool whole = length <= size;
    bool good = true;

    if (question->name && answer && length > 0 && size > 0)
        good = answer_dns(question, answer, (size_t)(whole ? length : size), whole);
    errno = saved;
    return good ? length : no_resolver();
}

EXPORTED int res_query(const char *name, int class, int type, unsigned char *answer, int size)
{
    int (*const call)(const char *, int, int, unsigned char *, int) = next(NEXT_res_query);
    struct names_question question = names_begin(name, false);

    return call ? read_answer(&question, answer, size, call(name, class, type, answer, size)) : no_resolver();
}

EXPORTED int res_search(const char *name, int class, int type, unsigned char *answer, int size)
{
    int (*const call)(const char *, int, int, unsigned char *, int) = next(NEXT_res_search);
    struct names_question question = names_begin(name, false);

    return call ? read_answer(&question, answer, size, call(name, class, type, answer, size)) : no_resolver();
}

EXPORTED int res_nquery(void *state, const char *name, int class, int type, unsigned char *answer, int size)
{
    int (*const call)(void *, const char *, int, int, unsigned char *, int) = next(NEXT_res_nquery);
    struct names_question question = names_begin(name, false);

    return call ? read_answer(&question, answer, size, call(state, name, class, type, answer, size))
                : no_resolver();
}

EXPORTED int res_nsearch(void *state, const char *name, int class, int type, unsigned char *answer, int size)
{
    int (*const call)(void *, const char *, int, int, unsigned char *, int) = next(NEXT_res_nsearch);
    struct names_question question = names_begin(name, false);

    return call ? read_answer(&question, answer, size, call(state, name, class, type, answer, size))
                : no_resolver();
}

/* The name that res_querydomain() asks for. One that does not fit is longer than a name can be. */
static const char *joined(const char *name, const char *domain, char whole[2 * NAME_LIMIT])
{
    const size_t size = 2 * NAME_LIMIT, length = name ? strnlen(name, size) : size;

    if (!name || !domain)
        return name;
    if (length >= size || strnlen(domain, size) >= size - length - 1)
        return NAMES_NO_HOST;
    memcpy(whole, name, length);
    whole[length] = '.';
    strcpy(whole + length + 1, domain);
    return whole;
}

EXPORTED int res_querydomain(const char *name, const char *domain, int class, int type, unsigned char *answer,
                             int size)
{
    int (*const call)(const char *, const char *, int, int, unsigned char *, int) =
        next(NEXT_res_querydomain);
    char whole[2 * NAME_LIMIT];
    struct names_question question = names_begin(joined(name, domain, whole), false);

    return call ? read_answer(&question, answer, size, call(name, domain, class, type, answer, size))
                : no_resolver();
}

EXPORTED int res_nquerydomain(void *state, const char *name, const char *domain, int class, int type,
                              unsigned char *answer, int size)
{
    int (*const call)(void *, const char *, const char *, int, int, unsigned char *, int) =
        next(NEXT_res_nquerydomain);
    char whole[2 * NAME_LIMIT];
    struct names_question question = names_begin(joined(name, domain, whole), false);

    return call ? read_answer(&question, answer, size, call(state, name, domain, class, type, answer, size))
                : no_resolver();
}

/* The name in a query that the program made itself; NAMES_NO_HOST if it is no host name. */
static const char *asked_in(const unsigned char *query, int length, char name[NAME_LIMIT])
{
    if (!query || length <= 0)
        return NULL;
    return dns_question_name(query, (size_t)length, name, NAME_LIMIT) ? name : NAMES_NO_HOST;
}

EXPORTED int res_send(const unsigned char *query, int length, unsigned char *answer, int size)
{
    int (*const call)(const unsigned char *, int, unsigned char *, int) = next(NEXT_res_send);
    char name[NAME_LIMIT];
    struct names_question question = names_begin(asked_in(query, length, name), false);

    return call ? read_answer(&question, answer, size, call(query, length, answer, size)) : no_resolver();
}

EXPORTED int res_nsend(void *state, const unsigned char *query, int length, unsigned char *answer, int size)
{
    int (*const call)(void *, const unsigned char *, int, unsigned char *, int) = next(NEXT_res_nsend);
    char name[NAME_LIMIT];
    struct names_question question = names_begin(asked_in(query, length, name), false);

    return call ? read_answer(&question, answer, size, call(state, query, length, answer, size))
                : no_resolver();
}

/* The names that programs built before glibc 2.34 use. */
#define ALIAS_OF(function) EXPORTED __attribute__((alias(#function)))
ALIAS_OF(res_query) int __res_query(const char *, int, int, unsigned char *, int);
ALIAS_OF(res_search) int __res_search(const char *, int, int, unsigned char *, int);
ALIAS_OF(res_nquery) int __res_nquery(void *, const char *, int, int, unsigned char *, int);
ALIAS_OF(res_nsearch) int __res_nsearch(void *, const char *, int, int, unsigned char *, int);
ALIAS_OF(res_querydomain)
int __res_querydomain(const char *, const char *, int, int, unsigned char *, int);
ALIAS_OF(res_nquerydomain)
int __res_nquerydomain(void *, const char *, const char *, int, int, unsigned char *, int);
ALIAS_OF(res_send) int __res_send(const unsigned char *, int, unsigned char *, int);
ALIAS_OF(res_nsend) int __res_nsend(void *, const unsigned char *, int, unsigned char *, int);
