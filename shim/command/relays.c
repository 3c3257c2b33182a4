#include "command/relays.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "policy/text.h"

/* /proc/net/unix shows the NUL at the start of an abstract name as '@'. */
#define RELAY_NAME "@retrotls/1 relay "

enum { LISTENING = 0x10000, LINE_ROOM = 512 }; /* LISTENING: __SO_ACCEPTCON of <linux/net.h> */

/* ---- one relay ---- */

static bool add(struct rows *rows, const struct row *row)
{
    if (rows->count == rows->size) {
        const size_t size = rows->size > 0 ? 2 * rows->size : 64;
        struct row *const more = size <= ROWS_LIMIT ? realloc(rows->row, size * sizeof *more) : NULL;

        if (!more)
            return false;
        rows->row = more;
        rows->size = size;
    }
    rows->row[rows->count++] = *row;
    return true;
}

static void copy(char *to, size_t size, const char *from)
{
    struct text text = text_in(to, size);

    text_add_clean(&text, from ? from : "", size - 4);
}

static void read_row(struct row *row, const struct wire_connection *c, uint32_t uid)
{
    *row = (struct row){.pid = c->pid,
                        .uid = uid,
                        .stage = c->stage,
                        .level = c->level,
                        .port = c->address.port,
                        .age = c->age,
                        .up = c->up,
                        .down = c->down};
    if (!inet_ntop(c->address.family, c->address.bytes, row->address, sizeof row->address))
        row->address[0] = '\0';
    copy(row->program, sizeof row->program, c->program);
    copy(row->server, sizeof row->server, c->server ? c->server : row->address);
    copy(row->protocol, sizeof row->protocol, c->protocol);
    copy(row->version, sizeof row->version, c->version);
    copy(row->cipher, sizeof row->cipher, c->cipher);
}

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* A relay that we have asked. */
struct asking {
    int fd;
    uint32_t uid;
};

/* Returns -1 if nothing has arrived in time; 0 if the relay has ended, and its connections with it. */
static ssize_t receive(int fd, uint8_t *message, int64_t until)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    const int64_t left = until - now();
    ssize_t n;

    /* If time is up, still read what is there already: another relay may have used up the time. */
    if (poll(&polled, 1, left > 0 ? (int)left : 0) != 1)
        return -1;
    n = recv(fd, message, WIRE_MESSAGE_LIMIT, MSG_DONTWAIT);
    return n > 0 ? n : 0;
}

/* Reads rows up to the final reply. */
static bool read_answer(const struct asking *asking, struct rows *rows, int64_t until)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    struct wire_connection connection;
    struct wire_reply reply;
    struct row row;
    size_t length;
    ssize_t n;

    while ((n = receive(asking->fd, message, until)) > 0) {
        length = (size_t)n;
        if (wire_type_of(message, length) == WIRE_REPLY)
            return wire_read_reply(&reply, message, length) && reply.error == 0;
        if (!wire_read_connection(&connection, message, length))
            return false;
        read_row(&row, &connection, asking->uid);
        if (!add(rows, &row))
            return false;
    }
    return n == 0;
}

/* True if we may ask the relay: it belongs to this user, or we are root. */
static bool may_ask(int fd, uint32_t *uid)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return false;
    *uid = (uint32_t)peer.uid;
    return peer.uid == geteuid() || geteuid() == 0;
}

/* Asks the relay `name`, as /proc/net/unix shows it. Returns false if we need not wait for an answer. */
static bool ask(const char *name, struct asking *asking, struct rows *rows)
{
    static _Alignas(8) uint8_t request[WIRE_MESSAGE_LIMIT];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(name);
    const size_t size = wire_write_status(request);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    memcpy(address.sun_path + 1, name + 1, length - 1);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) != 0) {
        rows->silent += fd < 0 || errno != ECONNREFUSED; /* refused: the relay has just ended */
    } else if (may_ask(fd, &asking->uid)) {
        asking->fd = fd;
        if (send(fd, request, size, MSG_NOSIGNAL) == (ssize_t)size)
            return true;
        rows->silent++;
    }
    if (fd >= 0)
        close(fd);
    return false;
}

/* ---- all relays ---- */

/* Returns the relay's name in a line of /proc/net/unix; NULL if the line is not a listening relay's. */
static const char *listener_in(char *line)
{
    char *name = strstr(line, RELAY_NAME);
    unsigned flags, type;

    if (!name || sscanf(line, "%*s %*s %*s %x %x", &flags, &type) != 2 || !(flags & LISTENING) ||
        type != SOCK_SEQPACKET)
        return NULL;
    name[strcspn(name, "\n")] = '\0';
    return strspn(name + strlen(RELAY_NAME), "0123456789abcdef") == strlen(name) - strlen(RELAY_NAME) &&
                   strlen(name) < sizeof((struct sockaddr_un *)0)->sun_path
               ? name
               : NULL;
}

static int by_age(const void *a, const void *b)
{
    const uint64_t x = ((const struct row *)a)->age, y = ((const struct row *)b)->age;

    return x < y ? 1 : x > y ? -1 : 0;
}

/* Raises the limit of descriptors, because we have one open for each relay. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

bool relays_ask(struct rows *rows)
{
    static struct asking asked[RELAYS_LIMIT];
    FILE *const table = fopen("/proc/net/unix", "re");
    char line[LINE_ROOM];
    size_t count = 0;
    int64_t until;

    rows->count = rows->silent = 0;
    if (!table)
        return false;
    raise_limit();
    while (count < RELAYS_LIMIT && fgets(line, sizeof line, table)) {
        const char *const name = listener_in(line);

        if (name && ask(name, &asked[count], rows))
            count++;
    }
    fclose(table);
    rows->silent += count == RELAYS_LIMIT; /* there may be more */
    until = now() + RELAYS_PATIENCE;
    for (size_t i = 0; i < count; i++) {
        rows->silent += !read_answer(&asked[i], rows, until);
        close(asked[i].fd);
    }
    if (rows->count > 0)
        qsort(rows->row, rows->count, sizeof *rows->row, by_age);
    return true;
}

void rows_free(struct rows *rows)
{
    free(rows->row);
    *rows = (struct rows){.row = NULL};
}
