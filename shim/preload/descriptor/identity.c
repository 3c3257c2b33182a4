#include "preload/descriptor/identity.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "preload/sys/exempt.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

static const char prefix[] = "retrotls/1 ";

/* Starts the text after the NUL that makes an address abstract. */
static void start(struct strbuf *w, struct sockaddr_un *to)
{
    memset(to, 0, sizeof *to);
    to->sun_family = AF_UNIX;
    strbuf_start(w, to->sun_path + 1, sizeof to->sun_path - 1);
    strbuf_add(w, prefix);
}

static socklen_t finish(const struct strbuf *w)
{
    return w->cut ? 0 : (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + w->used);
}

static void put_address(struct strbuf *w, const struct wire_address *address)
{
    const uint8_t port[2] = {(uint8_t)(address->port >> 8), (uint8_t)address->port};

    strbuf_hex_bytes(w, address->bytes, address->family == AF_INET6 ? 16 : 4);
    strbuf_hex_bytes(w, port, sizeof port);
}

socklen_t identity_write(struct sockaddr_un *to, const struct identity *id)
{
    struct strbuf w;

    start(&w, to);
    put_address(&w, &id->peer);
    if (id->peer.scope != 0) {
        strbuf_byte(&w, '%');
        strbuf_hex(&w, id->peer.scope);
    }
    strbuf_byte(&w, ' ');
    put_address(&w, &id->local);
    strbuf_byte(&w, ' ');
    strbuf_hex(&w, id->cookie);
    return finish(&w);
}

socklen_t identity_write_relay(struct sockaddr_un *to, const uint8_t relay[RELAY_NAME_SIZE])
{
    struct strbuf w;

    start(&w, to);
    strbuf_add(&w, "relay ");
    strbuf_hex_bytes(&w, relay, RELAY_NAME_SIZE);
    return finish(&w);
}

/*
 * The text of one of our names, and its end; NULL for any other name. In the relay itself no name is ours: it
 * must see what the program's end really answers.
 */
static const char *text_of(const struct sockaddr_un *from, socklen_t length, const char **end)
{
    const size_t before = offsetof(struct sockaddr_un, sun_path) + 1;

    if (is_exempt() || length < before + sizeof prefix || length > sizeof *from ||
        from->sun_family != AF_UNIX || from->sun_path[0] != '\0' ||
        memcmp(from->sun_path + 1, prefix, sizeof prefix - 1) != 0)
        return NULL;
    *end = (const char *)from + length;
    return from->sun_path + sizeof prefix; /* the size counts a NUL: here the first one */
}

static const char *take_byte(const char *at, const char *end, char byte)
{
    return at && at < end && *at == byte ? at + 1 : NULL;
}

static const char *take_address(const char *at, const char *end, struct wire_address *address)
{
    const char *stop = at;
    uint8_t port[2];

    memset(address, 0, sizeof *address);
    while (stop && stop < end && *stop != ' ' && *stop != '%')
        stop++;
    if (!at || (stop - at != 12 && stop - at != 36))
        return NULL;
    address->family = stop - at == 12 ? AF_INET : AF_INET6;
    at = strbuf_read_hex_bytes(at, stop, address->bytes, address->family == AF_INET ? 4 : 16);
    at = strbuf_read_hex_bytes(at, stop, port, sizeof port);
    address->port = (uint16_t)(port[0] << 8 | port[1]);
    return at;
}

static const char *take_scope(const char *at, const char *end, uint32_t *scope)
{
    uint64_t number;

    if (!at || at == end || *at != '%')
        return at;
    at = strbuf_read_hex(at + 1, end, &number);
    if (number > UINT32_MAX)
        return NULL;
    *scope = (uint32_t)number;
    return at;
}

bool identity_read(struct identity *id, const struct sockaddr_un *from, socklen_t length)
{
    const char *end = NULL;
    const char *at = text_of(from, length, &end);

    at = take_address(at, end, &id->peer);
    at = take_scope(at, end, &id->peer.scope);
    at = take_byte(at, end, ' ');
    at = take_address(at, end, &id->local);
    at = take_byte(at, end, ' ');
    at = strbuf_read_hex(at, end, &id->cookie);
    if (!at || at != end || id->peer.family != id->local.family)
        return false;
    id->local.scope = id->peer.scope;
    return true;
}

static const char *take_error(const char *at, const char *end, int *error)
{
    int number = 0;
    const char *const first = at;

    for (; at && at < end && *at >= '0' && *at <= '9' && at - first < 4; at++)
        number = number * 10 + (*at - '0');
    *error = number;
    return number > 0 ? at : NULL;
}

bool identity_read_peer(struct peer_state *state, uint64_t *cookie, const struct sockaddr_un *from,
                        socklen_t length)
{
    const char *end = NULL;
    const char *at = text_of(from, length, &end);
    uint64_t apart;

    memset(state, 0, sizeof *state);
    if (!at)
        return false;
    if (*at == 'E') {
        state->state = OUTCOME_FAILED;
        at = take_error(at + 1, end, &state->error);
    } else {
        state->state = OUTCOME_CONNECTED;
        at = take_byte(take_byte(at, end, 'o'), end, 'k');
    }
    at = take_byte(at, end, ' ');
    at = strbuf_read_hex_bytes(at, end, state->relay, sizeof state->relay);
    at = take_byte(at, end, ' ');
    at = strbuf_read_hex(at, end, cookie);
    if (at && at != end)
        at = strbuf_read_hex(take_byte(at, end, ' '), end, &apart);
    state->relay_known = true;
    return at && at == end;
}

bool identity_of_named(int fd, const struct sockaddr_un *name, socklen_t length, struct identity *id)
{
    const int saved = errno;
    uint64_t cookie;
    const bool ours = identity_read(id, name, length) && sys_cookie(fd, &cookie) && cookie == id->cookie;

    errno = saved;
    return ours;
}

bool identity_of(int fd, struct identity *id)
{
    const int saved = errno;
    struct sockaddr_un name;
    socklen_t length = sizeof name;
    const bool named = sys_getsockname(fd, &name, &length) == 0;

    errno = saved;
    return named && identity_of_named(fd, &name, length, id);
}

static struct peer_state named_outcome(int fd, const struct identity *id)
{
    struct peer_state state;
    struct sockaddr_un name;
    socklen_t length = sizeof name;
    uint64_t cookie = 0;

    if (sys_getpeername(fd, &name, &length) == 0 && identity_read_peer(&state, &cookie, &name, length) &&
        cookie == id->cookie)
        return state;
    return (struct peer_state){.state = OUTCOME_PENDING};
}

bool identity_has_ended(int fd)
{
    const int saved = errno;
    struct pollfd end = {.fd = fd, .events = 0};
    const bool ended = sys_poll(&end, 1, 0) > 0 && end.revents & POLLHUP;

    errno = saved;
    return ended;
}

struct peer_state identity_outcome(int fd, const struct identity *id)
{
    const int saved = errno;
    struct peer_state state = named_outcome(fd, id);

    if (state.state == OUTCOME_PENDING && identity_has_ended(fd)) {
        /* The relay named its end and closed it since then; or it was killed and named nothing. */
        state = named_outcome(fd, id);
        if (state.state == OUTCOME_PENDING)
            state = (struct peer_state){.state = OUTCOME_FAILED, .error = ECONNRESET};
    }
    errno = saved;
    return state;
}

bool address_read(struct wire_address *to, const void *from, socklen_t length)
{
    enum { SIN6_LENGTH_RFC2133 = 24 }; /* without sin6_scope_id; Linux accepts it (net/ipv6/tcp_ipv6.c) */
    sa_family_t family;

    memset(to, 0, sizeof *to);
    if (!from || length < sizeof family)
        return false;
    memcpy(&family, from, sizeof family);
    if (family == AF_INET && length >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in v4;

        memcpy(&v4, from, sizeof v4);
        to->port = ntohs(v4.sin_port);
        memcpy(to->bytes, &v4.sin_addr, 4);
    } else if (family == AF_INET6 && length >= SIN6_LENGTH_RFC2133) {
        struct sockaddr_in6 v6 = {.sin6_scope_id = 0};

        memcpy(&v6, from, length < sizeof v6 ? SIN6_LENGTH_RFC2133 : sizeof v6);
        to->port = ntohs(v6.sin6_port);
        to->scope = v6.sin6_scope_id;
        memcpy(to->bytes, &v6.sin6_addr, 16);
    } else {
        return false;
    }
    to->family = family;
    return true;
}

socklen_t address_write(struct sockaddr_storage *to, const struct wire_address *from)
{
    struct sockaddr_in *const v4 = (struct sockaddr_in *)to;
    struct sockaddr_in6 *const v6 = (struct sockaddr_in6 *)to;

    memset(to, 0, sizeof *to);
    to->ss_family = from->family;
    if (from->family == AF_INET6) {
        v6->sin6_port = htons(from->port);
        v6->sin6_scope_id = from->scope;
        memcpy(&v6->sin6_addr, from->bytes, 16);
        return sizeof *v6;
    }
    v4->sin_port = htons(from->port);
    memcpy(&v4->sin_addr, from->bytes, 4);
    return sizeof *v4;
}

struct wire_address address_unmapped(const struct wire_address *address)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct wire_address plain = {.family = AF_INET, .port = address->port};

    if (address->family != AF_INET6 || memcmp(address->bytes, mapped, sizeof mapped) != 0)
        return *address;
    memcpy(plain.bytes, address->bytes + sizeof mapped, 4);
    return plain;
}
