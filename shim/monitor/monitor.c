#include "monitor/monitor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "monitor/client_key.h"
#include "monitor/client_signature.h"
#include "monitor/files/log_file.h"
#include "monitor/files/open_named.h"
#include "monitor/grant_files.h"
#include "monitor/opener.h"
#include "monitor/take.h"

void monitor_set_token(const uint8_t token[WIRE_TOKEN_SIZE])
{
    take_set_token(token);
}

void monitor_set_relay_name(const char *name)
{
    take_set_relay_name(name);
}

/* ---- files ---- */

/* Does not give out the client's files, because one of them contains the key. */
static int give_file(const struct grant *g, uint32_t which, struct monitor_answer *a)
{
    const char *path;
    int error, fd;

    if (which != NAMED_CA_FILE && which != NAMED_BUNDLE && which != NAMED_CRL_FILE)
        return EPERM;
    path = grant_path(g, which, &error);
    if (!path)
        return error;
    fd = open_named(g->rights, path, &error);
    if (fd >= 0) {
        read_ahead(fd);
        a->descriptor[a->count++] = fd;
    }
    return error;
}

static int give_roots(const struct grant *g, uint32_t kind, uint32_t hash, struct monitor_answer *a)
{
    int error;
    const char *const path = grant_path(g, NAMED_CA_DIR, &error);

    if (!path || kind > ROOTS_CRLS)
        return EPERM;
    a->count =
        open_hashed(g->rights, path, hash, (enum monitor_roots)kind, a->descriptor, MONITOR_DESCRIPTORS);
    for (size_t i = 0; i < a->count; i++)
        read_ahead(a->descriptor[i]);
    return 0;
}

static int give_state(const struct grant *g, uint32_t which, struct monitor_answer *a)
{
    struct file_state state;

    grant_state(g, which, &state);
    memcpy(a->data, &state, sizeof state);
    a->head.length = sizeof state;
    return 0;
}

/* ---- the client's certificate ---- */

static int give_certificate(const struct grant *g, struct monitor_answer *a)
{
    size_t length = 0;
    int error, fd;
    const char *const path = grant_path(g, NAMED_CLIENT_CERT, &error);

    if (!path)
        return error;
    fd = open_named(g->rights, path, &error);
    if (fd < 0)
        return error;
    error = client_certificates(fd, a->data, sizeof a->data, &length);
    close(fd);
    a->head.length = (uint32_t)length;
    return error;
}

static int read_key(struct grant *g)
{
    int error, fd;
    const char *const path = grant_path(g, NAMED_CLIENT_KEY, &error);
    EVP_PKEY *key;

    if (!path)
        return error;
    if (grant_key(g))
        return 0;
    fd = open_named(g->rights, path, &error);
    if (fd < 0)
        return error;
    error = named_is_exposed(fd) ? MONITOR_EXPOSED : client_key_read(fd, &key);
    close(fd);
    if (error == 0)
        grant_set_key(g, key);
    return error;
}

static int give_public_key(struct grant *g, struct monitor_answer *a)
{
    size_t length = 0;
    int error = read_key(g);

    if (error == 0)
        error = client_key_public(grant_key(g), a->data, sizeof a->data, &length);
    a->head.length = (uint32_t)length;
    return error;
}

static int sign(const struct grant *g, const struct monitor_question *q, struct monitor_answer *a)
{
    EVP_PKEY *const key = grant_key(g);
    struct monitor_signing how;
    size_t length = 0;
    int error;

    if (!key || q->head.length < sizeof how)
        return EPERM;
    memcpy(&how, q->data, sizeof how);
    error = client_signature(key, &how, q->data + sizeof how, q->head.length - sizeof how, a->data,
                             sizeof a->data, &length);
    a->head.length = error == 0 ? (uint32_t)length : 0;
    return error;
}

/* ---- the log ---- */

static int write_log(struct grant *g, const struct monitor_question *q)
{
    const char *const where = q->head.what & LINE_TO_SYSLOG ? NULL : g->request.settings.log;
    const int standard_error = grant_borrow_error(g);

    if (g->lines++ < GRANT_LINES)
        log_line(g->rights, where, standard_error, q->head.what & LINE_WARNS, (const char *)q->data,
                 q->head.length);
    grant_return_error(g, standard_error);
    if (q->head.what & LINE_IS_LAST)
        grant_end(g->number);
    return 0;
}

/* ---- questions ---- */

static int answer_of_grant(struct grant *g, const struct monitor_question *q, struct monitor_answer *a)
{
    switch (q->head.kind) {
    case MONITOR_FILE:
        return give_file(g, q->head.what, a);
    case MONITOR_ROOTS:
        return give_roots(g, q->head.what, q->head.number, a);
    case MONITOR_STATE:
        return give_state(g, q->head.what, a);
    case MONITOR_CERTIFICATE:
        return give_certificate(g, a);
    case MONITOR_KEY:
        return give_public_key(g, a);
    case MONITOR_SIGN:
        return sign(g, q, a);
    case MONITOR_BIND:
        return q->count == 1 && q->head.number <= INT32_MAX
                   ? take_bind(q->descriptor[0], g->request.cookie, (int)q->head.number)
                   : EINVAL;
    case MONITOR_ALTERNATIVE:
        return take_alternative(g, a);
    case MONITOR_LOG:
        return write_log(g, q);
    default:
        return EINVAL;
    }
}

static int answer_of(const struct monitor_question *q, struct monitor_answer *a)
{
    struct grant *g;
    int error;

    if (q->cut)
        return EMFILE;
    switch (q->head.kind) {
    case MONITOR_TAKE:
        return q->count == 1 ? take_guard(q->descriptor[0], a) : EINVAL;
    case MONITOR_OPTION:
        return q->count == 2 ? take_option(q->descriptor[0], q->descriptor[1], a) : EINVAL;
    case MONITOR_PARENT:
        a->head.facts.grant = (uint32_t)getppid();
        return 0;
    case MONITOR_OPENER:
        error = opener_start(&a->descriptor[0]);
        a->count = error == 0;
        return error;
    default:
        g = grant_find(q->head.grant);
        error = g ? answer_of_grant(g, q, a) : EPERM;
        if (g)
            grant_put(g);
        return error;
    }
}

bool monitor_answer(const struct monitor_question *q, struct monitor_answer *a)
{
    memset(&a->head, 0, sizeof a->head);
    a->count = 0;
    if (q->head.kind == MONITOR_END) {
        grant_end(q->head.grant);
        return false;
    }
    a->head.error = answer_of(q, a);
    return q->head.kind != MONITOR_LOG || !(q->head.what & LINE_UNANSWERED);
}

bool monitor_may_hang(uint32_t kind)
{
    return kind == MONITOR_FILE || kind == MONITOR_ROOTS || kind == MONITOR_STATE ||
           kind == MONITOR_CERTIFICATE || kind == MONITOR_KEY || kind == MONITOR_LOG;
}

void monitor_grant(const struct settings *settings, struct grant_facts *facts)
{
    struct grant *const g = grant_for_settings(settings, credentials_own());

    memset(facts, 0, sizeof *facts);
    if (!g)
        return;
    grant_facts(g, facts);
    for (uint32_t i = 0; i < NAMED_COUNT; i++) {
        if (facts->unseen & 1U << i)
            grant_state(g, i, &facts->state[i]);
    }
    facts->unseen = 0;
    grant_put(g);
}
