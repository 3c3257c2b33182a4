#include "tests/e2e/taken_over/calls.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/sandbox/monitor_client.h"

enum { ROOM = 16384, WHERE = 0xffff, KEEP_GRANTS = 0xfffe };

static struct {
    char magic[8];
    uint64_t call, argument[6];
    _Alignas(16) uint8_t bytes[ROOM];
} request;

static struct {
    int64_t result;
    _Alignas(16) uint8_t bytes[ROOM];
} answer;

/* ---- a worker that does not tell its monitor when a connection is over (ld's --wrap) ---- */

static bool keeps_grants;

void __real_files_end(struct files *files);
void __wrap_files_end(struct files *files);
void __real_files_log(struct files *files, bool warning, bool last, const char *line, size_t length);
void __wrap_files_log(struct files *files, bool warning, bool last, const char *line, size_t length);

void __wrap_files_end(struct files *files)
{
    if (!keeps_grants)
        __real_files_end(files);
}

void __wrap_files_log(struct files *files, bool warning, bool last, const char *line, size_t length)
{
    __real_files_log(files, warning, last && !keeps_grants, line, length);
}

/* ---- what it is told ---- */

bool taken_over_serve(int connection)
{
    const uint64_t *const a = request.argument;
    char magic[8];
    ssize_t n = recv(connection, magic, sizeof magic, MSG_PEEK | MSG_DONTWAIT);

    if (n != (ssize_t)sizeof magic || memcmp(magic, "TAKENOVR", sizeof magic) != 0)
        return false;
    n = recv(connection, &request, sizeof request, MSG_DONTWAIT);
    if (request.call == KEEP_GRANTS) {
        keeps_grants = true;
        answer.result = 0;
    } else if (request.call == WHERE) {
        answer.result = (int64_t)(uintptr_t)request.bytes;
    } else {
        answer.result = syscall((long)request.call, a[0], a[1], a[2], a[3], a[4], a[5]);
        if (answer.result < 0)
            answer.result = -errno;
    }
    memcpy(answer.bytes, request.bytes, sizeof answer.bytes);
    (void)!send(connection, &answer, sizeof answer, MSG_NOSIGNAL);
    return true;
}
