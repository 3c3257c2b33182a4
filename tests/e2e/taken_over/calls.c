#include "tests/e2e/taken_over/calls.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/sandbox/monitor_client.h"

enum { ROOM = 16384, WHERE = 0xffff, KEEP_GRANTS = 0xfffe, FORGE = 0xfffd, FORGED = 0xfffc };
enum { MESSAGE_LENGTH = 8 /* where a message has its length (wire/fields.c) */ };

static struct {
    char magic[8];
    uint64_t call, argument[6];
    _Alignas(16) uint8_t bytes[ROOM];
} request;

static struct {
    int64_t result;
    _Alignas(16) uint8_t bytes[ROOM];
} answer;

/* ---- a worker that does not say when a connection is over (ld's --wrap) ---- */

static bool keeps_grants;

void __real_files_end(struct files *files);
void __wrap_files_end(struct files *files);
void __real_files_log(struct files *files, unsigned how, const char *line, size_t length);
void __wrap_files_log(struct files *files, unsigned how, const char *line, size_t length);

void __wrap_files_end(struct files *files)
{
    if (!keeps_grants)
        __real_files_end(files);
}

void __wrap_files_log(struct files *files, unsigned how, const char *line, size_t length)
{
    __real_files_log(files, keeps_grants ? how & ~(unsigned)LINE_IS_LAST : how, line, length);
}

/* ---- a worker that reads a program's request itself, and gives its monitor another one ---- */

static struct {
    bool wanted;
    char from[256], to[256]; /* a path in the request, and its replacement of equal length */
    int64_t error;           /* the monitor's answer; 1: not asked yet */
    char file[256];          /* the beginning of the file that `to` names */
} forgery = {.error = 1};

/*
 * The program made the pair, so SO_PEERCRED of its ends shows the program, and what we write into one end
 * comes out of the other. The monitor peeks at `begin`, which looks like a message of that length, and then
 * reads the forged message before it (SO_PEEK_OFF in socket(7)).
 */
static void ask_with(const int end[2], const struct msghdr *forged, int length, const char *begin)
{
    static struct taken_guard taken;
    int file;

    if (sendmsg(end[0], forged, MSG_NOSIGNAL) != length ||
        send(end[0], begin, WIRE_TOKEN_END, MSG_NOSIGNAL) != WIRE_TOKEN_END ||
        setsockopt(end[1], SOL_SOCKET, SO_PEEK_OFF, &length, sizeof length) != 0)
        return;
    forgery.error = files_take_guard(end[1], &taken);
    if (forgery.error == 0)
        forgery.error = files_open(&taken.files, NAMED_CA_FILE, &file);
    if (forgery.error == 0)
        (void)!read(file, forgery.file, sizeof forgery.file - 1);
}

static void forge(int connection)
{
    static char message[WIRE_MESSAGE_LIMIT], begin[WIRE_TOKEN_END];
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(3 * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = message, .iov_len = sizeof message};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    const ssize_t n = recvmsg(connection, &header, MSG_DONTWAIT);
    char *const path = n > 0 ? memmem(message, (size_t)n, forgery.from, strlen(forgery.from)) : NULL;
    const uint32_t length = sizeof begin;
    int descriptor[3];

    if (!path || header.msg_controllen < CMSG_LEN(sizeof descriptor))
        return;
    forgery.wanted = false;
    memcpy(path, forgery.to, strlen(forgery.to));
    memcpy(begin, message, sizeof begin);
    memcpy(begin + MESSAGE_LENGTH, &length, sizeof length);
    memcpy(descriptor, CMSG_DATA(&control.head), sizeof descriptor);
    part.iov_len = (size_t)n;
    ask_with(descriptor + 1, &header, (int)n, begin);
}

/* ---- what the test asks for ---- */

bool taken_over_serve(int connection)
{
    const uint64_t *const a = request.argument;
    char magic[8];
    ssize_t n = recv(connection, magic, sizeof magic, MSG_PEEK | MSG_DONTWAIT);

    if (n != (ssize_t)sizeof magic || memcmp(magic, "TAKENOVR", sizeof magic) != 0) {
        if (n > 0 && forgery.wanted)
            forge(connection);
        return false;
    }
    n = recv(connection, &request, sizeof request, MSG_DONTWAIT);
    if (request.call == KEEP_GRANTS) {
        keeps_grants = true;
        answer.result = 0;
    } else if (request.call == FORGE) {
        memcpy(forgery.from, request.bytes, sizeof forgery.from - 1);
        memcpy(forgery.to, request.bytes + sizeof forgery.from, sizeof forgery.to - 1);
        forgery.wanted = true;
    } else if (request.call == FORGED) {
        answer.result = forgery.error;
        memcpy(request.bytes, forgery.file, sizeof forgery.file);
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
