#include "tests/e2e/taken_over/calls.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 16384, WHERE = 0xffff };

static struct {
    char magic[8];
    uint64_t call, argument[6];
    _Alignas(16) uint8_t bytes[ROOM];
} request;

static struct {
    int64_t result;
    _Alignas(16) uint8_t bytes[ROOM];
} answer;

bool taken_over_serve(int connection)
{
    const uint64_t *const a = request.argument;
    char magic[8];
    ssize_t n = recv(connection, magic, sizeof magic, MSG_PEEK | MSG_DONTWAIT);

    if (n != (ssize_t)sizeof magic || memcmp(magic, "TAKENOVR", sizeof magic) != 0)
        return false;
    n = recv(connection, &request, sizeof request, MSG_DONTWAIT);
    if (request.call == WHERE) {
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
