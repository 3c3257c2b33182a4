/* For the tests of the memory of names: a lookup, or what it should find, in one line. */
#ifndef RETROTLS_TESTS_UNIT_NAMES_HELPERS_H
#define RETROTLS_TESTS_UNIT_NAMES_HELPERS_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/names/names.h"
#include "tests/unit/cmocka_all.h"

static struct names_found found; /* set by find() */

static inline struct wire_address v4(const char *text, uint16_t port)
{
    struct wire_address address = {.family = AF_INET, .port = port};

    if (inet_pton(AF_INET, text, address.bytes) != 1)
        abort();
    return address;
}

static inline struct wire_address v6(const char *text, uint16_t port)
{
    struct wire_address address = {.family = AF_INET6, .port = port};

    if (inet_pton(AF_INET6, text, address.bytes) != 1)
        abort();
    return address;
}

static inline void ask(const char *name, const char *address, uint16_t port)
{
    struct names_question question = names_begin(name, false);
    const struct wire_address a = v4(address, port);

    names_answer(&question, &a);
}

static inline void ask_apart(const char *name, const char *address, uint16_t port)
{
    struct names_question question = names_begin(name, true);
    const struct wire_address a = v4(address, port);

    names_answer(&question, &a);
}

/* The answer to a question about `name` has `other` in it. */
static inline void derive(const char *name, const char *other, enum names_origin how)
{
    const struct names_question question = names_begin(name, false);

    names_derive(&question, other, how);
}

/* An answer with more addresses than the memory keeps. */
static inline void ask_for_too_much(const char *name)
{
    struct names_question question = names_begin(name, false);
    struct wire_address address = v4("203.0.113.0", 0);

    for (int i = 0; i < 300; i++) {
        address.bytes[2] = (uint8_t)(i / 200);
        address.bytes[3] = (uint8_t)(i % 200);
        names_answer(&question, &address);
    }
}

static inline const struct names_found *find(const char *address, uint16_t port)
{
    const struct wire_address a = v4(address, port);

    memset(&found, 0xee, sizeof found);
    names_find(&a, &found);
    return &found;
}

static inline void assert_only(const char *address, uint16_t port, const char *name)
{
    find(address, port);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.name[0], name);
    assert_false(found.lost);
}

static inline void assert_both(const char *address, uint16_t port, const char *a, const char *b)
{
    find(address, port);
    assert_int_equal(found.count, 2);
    assert_true((!strcmp(found.name[0], a) && !strcmp(found.name[1], b)) ||
                (!strcmp(found.name[0], b) && !strcmp(found.name[1], a)));
}

/* Runs `body` in its own thread and waits for it to end. */
static inline void in_thread(void *(*body)(void *), void *argument)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, body, argument), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

struct lookup {
    const char *name, *address;
    uint16_t port;
};

static inline void *look_up(void *argument)
{
    const struct lookup *const l = argument;

    ask(l->name, l->address, l->port);
    return NULL;
}

static inline void other_thread_asks(const char *name, const char *address, uint16_t port)
{
    struct lookup l = {name, address, port};

    in_thread(look_up, &l);
}

/* Runs `body` in a forked child, which must return true. */
static inline void in_child(bool (*body)(void))
{
    int status;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(body() ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static inline bool child_finds(const char *address, uint16_t port, const char *name)
{
    find(address, port);
    return found.count == 1 && !found.lost && strcmp(found.name[0], name) == 0;
}

static inline int start(void **state)
{
    (void)state;
    names_start();
    names_start(); /* has no effect the second time */
    return 0;
}

#endif
