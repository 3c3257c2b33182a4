/*
 * The abstract name of any socket, as the kernel reports it: of a program's end, of the relay's, or of a
 * stranger's that looks like one. We accept exactly what we would have written.
 */
#include <stdlib.h>
#include <string.h>

#include "preload/descriptor/identity.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Two texts may stand for one number (leading zeros, an empty scope). A name written again must be read the
 * same.
 */
static void check_program(const struct sockaddr_un *name, socklen_t length)
{
    struct identity id, copy;
    struct sockaddr_un written;
    struct sockaddr_storage address;
    struct wire_address back;
    socklen_t written_length, address_length;

    if (!identity_read(&id, name, length))
        return;
    MUST(id.peer.family == AF_INET || id.peer.family == AF_INET6);
    MUST(id.local.family == id.peer.family && id.local.scope == id.peer.scope);
    address_length = address_write(&address, &id.peer);
    MUST(address_read(&back, &address, address_length));
    MUST(back.port == id.peer.port && memcmp(back.bytes, id.peer.bytes, sizeof back.bytes) == 0);
    written_length = identity_write(&written, &id);
    MUST(written_length <= length);
    if (written_length > 0)
        MUST(identity_read(&copy, &written, written_length) && memcmp(&copy, &id, sizeof id) == 0);
}

static void check_relay(const struct sockaddr_un *name, socklen_t length)
{
    struct peer_state state;
    uint64_t cookie = 0;

    if (!identity_read_peer(&state, &cookie, name, length))
        return;
    MUST(state.relay_known && state.state != OUTCOME_PENDING);
    MUST((state.state == OUTCOME_FAILED) == (state.error > 0) && state.error <= 9999);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Exact size, so that ASan notices a byte read beyond it. */
    struct sockaddr_un *name = malloc(sizeof *name);
    char *shorter;
    size_t length = size < sizeof name->sun_path ? size : sizeof name->sun_path;

    MUST(name);
    memset(name, '7', sizeof *name); /* a digit: what follows the end must not count */
    name->sun_family = AF_UNIX;
    if (length > 0)
        memcpy(name->sun_path, data, length);
    length += offsetof(struct sockaddr_un, sun_path);
    check_program(name, (socklen_t)length);
    check_relay(name, (socklen_t)length);
    shorter = malloc(length);
    MUST(shorter);
    memcpy(shorter, name, length);
    check_program((struct sockaddr_un *)(void *)shorter, (socklen_t)length);
    check_relay((struct sockaddr_un *)(void *)shorter, (socklen_t)length);
    free(shorter);
    free(name);
    return 0;
}
