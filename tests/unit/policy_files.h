/*
 * Policy files for the tests, in a folder of their own. Messages show its path as "DIR", so they never vary.
 */
#ifndef RETROTLS_TESTS_UNIT_POLICY_FILES_H
#define RETROTLS_TESTS_UNIT_POLICY_FILES_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy.h"
#include "tests/unit/cmocka_all.h"

static char folder[] = "/tmp/retrotls-policy-XXXXXX";

static inline int make_folder(void **state)
{
    (void)state;
    umask(022);
    return mkdtemp(folder) == NULL;
}

static inline int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static inline int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path of `name` in the folder, in one of a few buffers used in turn. */
static inline const char *in_folder(const char *name)
{
    static char paths[8][PATH_MAX];
    static unsigned turn;
    char *path = paths[turn++ % 8];

    snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return path;
}

static inline const char *put_bytes(const char *name, const void *bytes, size_t length)
{
    const char *path = in_folder(name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    close(fd);
    return path;
}

static inline const char *put(const char *name, const char *text)
{
    return put_bytes(name, text, strlen(text));
}

/* The policy of one file with this text. */
static inline const struct policy *policy_of(const char *text)
{
    const struct policy_source source = {.path = put("policy", text), .must_exist = true};

    return policy_load(&source, 1);
}

/* The same, but it must have no error. */
static inline const struct policy *good_policy(const char *text)
{
    const struct policy *policy = policy_of(text);

    assert_string_equal(policy_errors(policy), "");
    assert_string_equal(policy_first_error(policy), "");
    return policy;
}

static inline struct wire_address address_of(const char *text, unsigned port)
{
    struct wire_address address = {.family = AF_INET, .port = (uint16_t)port};

    if (text == NULL)
        address.family = 0;
    else if (inet_pton(AF_INET, text, address.bytes) != 1) {
        address.family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, text, address.bytes), 1);
    }
    return address;
}

/* Decides about a connection to 192.0.2.1. */
static inline struct settings decide(const struct policy *policy, const char *host, unsigned port,
                                     enum decision expected)
{
    const struct policy_query query = {
        .address = address_of("192.0.2.1", port),
        .hosts = {.count = host == NULL ? 0 : 1, .item = {host}},
    };
    struct settings settings;

    assert_int_equal(policy_decide(policy, &query, &settings), expected);
    return settings;
}

static inline enum level level_at(const struct policy *policy, const char *host, unsigned port)
{
    return decide(policy, host, port, DECISION_GUARD).level;
}

/* True if the rule at FILE:LINE decided. */
static inline bool is_rule(struct settings settings, const char *file, unsigned line)
{
    char rule[PATH_MAX + 16];

    snprintf(rule, sizeof rule, "%s/%s:%u", folder, file, line);
    return strcmp(settings.rule, rule) == 0;
}

/* The text with each `folder` replaced by DIR. The caller frees it. */
static inline char *without_folder(const char *text)
{
    char *out = malloc(strlen(text) + 1), *end = out;
    const size_t length = strlen(folder);

    assert_non_null(out);
    while (*text != '\0') {
        if (strncmp(text, folder, length) == 0) {
            memcpy(end, "DIR", 3);
            end += 3;
            text += length;
        } else {
            *end++ = *text++;
        }
    }
    *end = '\0';
    return out;
}

#endif
