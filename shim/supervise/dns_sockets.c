#include "supervise/dns_sockets.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { SOCKETS = 1024 };

static struct place {
    struct dns_socket socket;
    uint64_t used;
} places[SOCKETS];

static uint64_t ticks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *const a4 = (const void *)a, *const b4 = (const void *)b;
    const struct sockaddr_in6 *const a6 = (const void *)a, *const b6 = (const void *)b;

    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return a6->sin6_port == b6->sin6_port && memcmp(&a6->sin6_addr, &b6->sin6_addr, 16) == 0 &&
           a6->sin6_scope_id == b6->sin6_scope_id;
}

static void empty(struct place *p)
{
    if (p->socket.cookie != 0 && p->socket.end >= 0)
        close(p->socket.end);
    *p = (struct place){0};
}

void dns_sockets_add(const struct dns_socket *socket)
{
    struct place *best = &places[0];

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SOCKETS; i++) {
        struct place *const p = &places[i];

        if (p->socket.cookie == socket->cookie && p->socket.connected == socket->connected &&
            (socket->connected || is_same(&p->socket.server, &socket->server))) {
            best = p;
            break;
        }
        if (p->used < best->used)
            best = p;
    }
    empty(best);
    *best = (struct place){.socket = *socket, .used = ++ticks};
    pthread_mutex_unlock(&lock);
}

void dns_sockets_forget(uint64_t cookie, bool only_connected)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SOCKETS; i++) {
        if (places[i].socket.cookie == cookie && (places[i].socket.connected || !only_connected))
            empty(&places[i]);
    }
    pthread_mutex_unlock(&lock);
}

/* `server` and `forward` may be NULL for any. If both are NULL, finds the entry of a connected socket. */
static bool find(uint64_t cookie, const struct sockaddr_storage *server,
                 const struct sockaddr_storage *forward, struct dns_socket *found)
{
    bool good = false;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SOCKETS && !good; i++) {
        struct place *const p = &places[i];

        if (p->socket.cookie != cookie || (server && !is_same(&p->socket.server, server)) ||
            (forward && !is_same(&p->socket.forward, forward)) ||
            (!server && !forward && !p->socket.connected))
            continue;
        p->used = ++ticks;
        *found = p->socket;
        good = true;
    }
    pthread_mutex_unlock(&lock);
    return good;
}

bool dns_sockets_connected(uint64_t cookie, struct dns_socket *found)
{
    return find(cookie, NULL, NULL, found);
}

bool dns_sockets_to(uint64_t cookie, const struct sockaddr_storage *server, struct dns_socket *found)
{
    return find(cookie, server, NULL, found);
}

bool dns_sockets_from(uint64_t cookie, const struct sockaddr_storage *forward, struct dns_socket *found)
{
    return find(cookie, NULL, forward, found);
}

bool dns_sockets_any(void)
{
    bool any;

    pthread_mutex_lock(&lock);
    any = ticks != 0;
    pthread_mutex_unlock(&lock);
    return any;
}

bool dns_sockets_has(uint64_t cookie)
{
    bool has = false;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SOCKETS && !has; i++)
        has = places[i].socket.cookie == cookie;
    pthread_mutex_unlock(&lock);
    return has;
}
