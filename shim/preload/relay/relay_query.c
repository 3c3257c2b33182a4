#include "preload/relay/relay_query.h"

#include <errno.h>
#include <string.h>

#include "preload/relay/relay_client.h"
#include "preload/sys/sys.h"

enum {
    MESSAGE_SIZE = 1024, /* room for a message with an option's WIRE_VALUE_LIMIT bytes, and for its heads */
    GONE = ESHUTDOWN,
};

/*
 * Connects to the relay that has the connection. Once TCP's outcome is known, the name of the relay's end
 * contains the relay's name, so that an exec'ed child finds it too; whoever started the relay owns the
 * socket. Until then, it can only be the relay that this process, or its parent, uses.
 */
static int find_relay(int fd, const struct identity *id, int64_t deadline)
{
    const struct peer_state outcome = identity_outcome(fd, id);
    struct relay relay;
    uint64_t inode;
    uint32_t owner;

    if (outcome.relay_known)
        return sys_inode(fd, &inode, &owner) ? relay_connect_to(outcome.relay, owner, deadline) : -1;
    return relay_in_use(&relay) ? relay_connect_to(relay.name, relay.uid, deadline) : -1;
}

static bool ask(int fd, const struct identity *id, enum wire_type type, const struct option_request *request,
                uint8_t buffer[MESSAGE_SIZE], struct wire_reply *reply, int *received)
{
    const int64_t deadline = sys_milliseconds() + RELAY_DEADLINE;
    _Alignas(8) uint8_t message[MESSAGE_SIZE];
    const size_t length = wire_write_option(message, type, request);
    const int connection = length > 0 ? find_relay(fd, id, deadline) : -1;
    bool good;

    if (connection < 0)
        return false;
    good = relay_ask(connection, message, length, &fd, 1, deadline, buffer, MESSAGE_SIZE, reply, received);
    sys_close(connection);
    return good;
}

static int ask_option(int fd, const struct identity *id, enum wire_type type,
                      const struct option_request *request, void *value, socklen_t *length)
{
    const sys_signals signals = sys_signals_block();
    _Alignas(8) uint8_t buffer[MESSAGE_SIZE];
    struct wire_reply reply;
    const bool good = ask(fd, id, type, request, buffer, &reply, NULL);

    sys_signals_restore(signals);
    /* The relay does not know the connection, or has closed its socket. */
    if (!good || reply.error == ENOTCONN || reply.error == EBADF)
        return GONE;
    if (reply.error == 0 && value) {
        if (reply.value_length < *length)
            *length = (socklen_t)reply.value_length;
        memcpy(value, reply.value, *length);
    }
    return reply.error;
}

int relay_query_set_option(int fd, const struct identity *id, int level, int name, const void *value,
                           socklen_t length)
{
    const struct option_request request = {
        .cookie = id->cookie, .level = level, .name = name, .value = value, .value_length = length};

    return ask_option(fd, id, WIRE_SET_OPTION, &request, NULL, NULL);
}

int relay_query_get_option(int fd, const struct identity *id, int level, int name, void *value,
                           socklen_t *length)
{
    const struct option_request request = {.cookie = id->cookie,
                                           .level = level,
                                           .name = name,
                                           .size = *length < WIRE_VALUE_LIMIT ? *length : WIRE_VALUE_LIMIT};

    return ask_option(fd, id, WIRE_GET_OPTION, &request, value, length);
}

bool relay_query_reclaim(int fd, const struct identity *id, int *tcp)
{
    const struct option_request request = {.cookie = id->cookie};
    _Alignas(8) uint8_t buffer[MESSAGE_SIZE];
    struct wire_reply reply;

    if (!ask(fd, id, WIRE_RECLAIM, &request, buffer, &reply, tcp))
        return false;
    if (reply.error != 0 && *tcp >= 0) {
        sys_close(*tcp);
        *tcp = -1;
    }
    return *tcp >= 0;
}
