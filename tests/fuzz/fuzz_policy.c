/*
 * A policy file with any content: it loads or is reported as wrong, and every decision gives usable settings.
 * What follows a NUL in the input is a second file, the system's.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const struct text_list *list)
{
    MUST(list->count <= SETTINGS_LIST_LIMIT);
    for (uint32_t i = 0; i < list->count; i++)
        MUST(list->item[i] != NULL && list->item[i][0] != '\0');
}

static void check_settings(const struct settings *s, enum decision decision)
{
    static uint8_t message[WIRE_MESSAGE_LIMIT];
    const struct guard_request request = {.settings = *s};

    MUST(s->level <= LEVEL_FINGERPRINT && s->protocol < PROTOCOL_KINDS && s->connect_port <= 65535);
    MUST(s->timeout >= 1 && s->timeout <= 3600 && s->greeting_timeout >= 1 && s->greeting_timeout <= 3600);
    MUST(s->rule != NULL && s->rule[0] != '\0');
    check_list(&s->names);
    check_list(&s->fingerprints);
    MUST(decision != DECISION_GUARD || s->level != LEVEL_NONE);
    MUST(decision != DECISION_GUARD || (s->level == LEVEL_FINGERPRINT) <= (s->fingerprints.count > 0));
    MUST(wire_write_guard(message, &request) > 0);
}

static void check_query(const struct policy *policy, struct policy_query *query)
{
    struct policy_explanation why;
    struct settings settings;
    const enum decision decision = policy_decide(policy, query, &settings);

    check_settings(&settings, decision);
    MUST(policy_explain(policy, query, &why) == decision);
    MUST(why.settings.level == settings.level && why.settings.rule == settings.rule);
    MUST((why.reason == REASON_BLOCK) == (why.block.file != NULL));
    MUST(decision != DECISION_GUARD || query->protocol != PROTOCOL_AUTO ||
         policy_may_guard(policy, query->address.port));
    if (policy_errors(policy)[0] == '\0')
        MUST(decision != DECISION_ERROR);
    else
        MUST(decision != DECISION_GUARD);
}

static void check_policy(const struct policy *policy)
{
    static const uint16_t ports[] = {0, 25, 143, 443, 1143, 65535};
    struct policy_query query = {.program = "/usr/bin/mutt", .user = "alice", .uid = 1000};

    MUST(strlen(policy_errors(policy)) < POLICY_ERRORS_LIMIT && strlen(policy_first_error(policy)) < 320);
    MUST((policy_errors(policy)[0] == '\0') == (policy_first_error(policy)[0] == '\0'));
    for (const char *c = policy_first_error(policy); *c != '\0'; c++)
        MUST(*c >= 0x20 && *c <= 0x7e);
    for (unsigned i = 0; i < sizeof ports / sizeof ports[0]; i++)
        for (unsigned loopback = 0; loopback < 2; loopback++)
            for (uint32_t hosts = 0; hosts < 3; hosts++) {
                query.address = (struct wire_address){
                    .family = AF_INET, .port = ports[i], .bytes = {loopback ? 127 : 192, 0, 2, 1}};
                query.hosts =
                    (struct text_list){.count = hosts, .item = {"mail.example.org", "A.Example.COM."}};
                query.protocol = (enum protocol_kind)(hosts % PROTOCOL_KINDS);
                check_query(policy, &query);
            }
}

/* Makes these bytes a file of this process. `path` receives its path. */
static int file_of(char path[32], const uint8_t *bytes, size_t length)
{
    const int fd = memfd_create("policy", MFD_CLOEXEC);

    MUST(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, bytes, length) == (ssize_t)length);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size == 0 ? NULL : memchr(data, '\0', size);
    const size_t first = nul == NULL ? size : (size_t)(nul - data);
    char paths[2][32];
    const struct policy_source sources[] = {{.path = paths[0], .must_exist = true},
                                            {.path = nul == NULL ? NULL : paths[1]}};
    int fds[2] = {file_of(paths[0], data, first), -1};
    const struct policy *policy;

    if (nul != NULL)
        fds[1] = file_of(paths[1], nul + 1, size - first - 1);
    policy = policy_load(sources, 2);
    check_policy(policy);
    policy_free(policy);
    close(fds[0]);
    if (fds[1] >= 0)
        close(fds[1]);
    return 0;
}
