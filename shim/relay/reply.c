#include "relay/reply.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

void reply_send(int connection, const struct wire_reply *answer, int descriptor)
{
    _Alignas(8) uint8_t message[WIRE_VALUE_LIMIT + 256];
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    struct iovec bytes = {.iov_base = message};
    struct msghdr header = {.msg_iov = &bytes, .msg_iovlen = 1};

    bytes.iov_len = wire_write_reply(message, answer);
    if (descriptor >= 0) {
        header.msg_control = &control;
        header.msg_controllen = sizeof control;
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.head), &descriptor, sizeof descriptor);
    }
    /* The first messages on a new connection always fit. */
    sendmsg(connection, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}
