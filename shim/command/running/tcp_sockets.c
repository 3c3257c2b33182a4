#include "command/running/tcp_sockets.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The states of include/net/tcp_states.h that matter, as /proc/net/tcp has them. */
enum { STATE_ESTABLISHED = 1, STATE_SYN_SENT = 2, STATE_CLOSE_WAIT = 8, STATE_LISTEN = 10 };

struct sockets {
    struct socket {
        uint64_t inode;
        struct wire_address peer;
        uint16_t local;
    } * socket;
    size_t count, size;
    bool listens[65536];
};

static bool add(struct sockets *s, const struct socket *socket)
{
    if (s->count == s->size) {
        const size_t size = s->size > 0 ? 2 * s->size : 64;
        struct socket *const more = realloc(s->socket, size * sizeof *more);

        if (!more)
            return false;
        s->socket = more;
        s->size = size;
    }
    s->socket[s->count++] = *socket;
    return true;
}

/* The kernel prints an address as numbers of 32 bits in the machine's order (net/ipv4/tcp_ipv4.c). */
static bool read_address(struct wire_address *address, const char *hex, uint16_t port)
{
    const size_t words = strlen(hex) / 8;

    *address = (struct wire_address){.family = words == 1 ? AF_INET : AF_INET6, .port = port};
    for (size_t i = 0; i < words && i < 4; i++) {
        uint32_t word;

        if (sscanf(hex + 8 * i, "%8" SCNx32, &word) != 1)
            return false;
        memcpy(address->bytes + 4 * i, &word, sizeof word);
    }
    return words == 1 || words == 4;
}

static int read_table(struct sockets *s, pid_t pid, const char *which)
{
    char path[64], line[512], peer[33];
    unsigned local, port, state;
    FILE *table;

    snprintf(path, sizeof path, "/proc/%d/net/%s", (int)pid, which);
    table = fopen(path, "re");
    if (!table) /* a machine without IPv6 has no table for it */
        return errno == ENOENT && strcmp(which, "tcp6") == 0 ? 0 : errno;
    while (fgets(line, sizeof line, table)) {
        struct socket found = {.inode = 0};

        if (sscanf(line, "%*s %*[0-9A-F]:%x %32[0-9A-F]:%x %x %*s %*s %*s %*s %*s %" SCNu64, &local, peer,
                   &port, &state, &found.inode) != 5)
            continue;
        found.local = (uint16_t)local;
        if (state == STATE_LISTEN)
            s->listens[found.local] = true;
        else if ((state == STATE_ESTABLISHED || state == STATE_SYN_SENT || state == STATE_CLOSE_WAIT) &&
                 read_address(&found.peer, peer, (uint16_t)port) && !add(s, &found))
            break;
    }
    fclose(table);
    return 0;
}

static const struct socket *find(const struct sockets *s, uint64_t inode)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->socket[i].inode == inode)
            return &s->socket[i];
    return NULL;
}

static int look_at_descriptors(const struct sockets *s, pid_t pid,
                               void (*each)(void *context, const struct wire_address *peer), void *context)
{
    char path[64], target[64];
    const struct dirent *entry;
    DIR *folder;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    folder = opendir(path);
    if (!folder)
        return errno;
    while ((entry = readdir(folder))) {
        const ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        const struct socket *found;
        uint64_t inode;

        target[length > 0 ? length : 0] = '\0';
        if (sscanf(target, "socket:[%" SCNu64, &inode) != 1)
            continue;
        found = find(s, inode);
        if (found && !s->listens[found->local])
            each(context, &found->peer);
    }
    closedir(folder);
    return 0;
}

int tcp_sockets_each(pid_t pid, void (*each)(void *context, const struct wire_address *peer), void *context)
{
    struct sockets *const s = calloc(1, sizeof *s);
    int error = s ? read_table(s, pid, "tcp") : ENOMEM;

    if (error == 0)
        error = read_table(s, pid, "tcp6");
    if (error == 0)
        error = look_at_descriptors(s, pid, each, context);
    if (s)
        free(s->socket);
    free(s);
    return error == ESRCH ? ENOENT : error == EPERM ? EACCES : error;
}
