#include "relay/paths.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *remembered[PATHS_LIMIT];
static size_t count;

/* Under `lock`. */
static bool is_remembered(const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(remembered[i], path) == 0)
            return true;
    }
    return false;
}

static void remember(const char *path)
{
    if (!path || path[0] != '/' || count == PATHS_LIMIT || is_remembered(path))
        return;
    remembered[count] = strdup(path);
    count += remembered[count] != NULL;
}

void paths_remember(const struct settings *settings)
{
    pthread_mutex_lock(&lock);
    remember(settings->log);
    remember(settings->client_cert);
    remember(settings->client_key);
    pthread_mutex_unlock(&lock);
}

static bool may_name(const char *path)
{
    bool may;

    pthread_mutex_lock(&lock);
    may = !path || is_remembered(path);
    pthread_mutex_unlock(&lock);
    return may;
}

void paths_restrict(struct connection *c)
{
    struct settings *const s = &c->request.settings;

    if (s->log && s->log[0] == '/' && !may_name(s->log))
        s->log = NULL;
    if (!c->request.failure && !(may_name(s->client_cert) && may_name(s->client_key)))
        c->request.failure = "the program has become another user, for whom the relay reads no client-cert "
                             "that it has not read before";
}
