/*
 * Reads and writes the messages of sendmsg(2), recvmsg(2) and their kin in the program's memory. Calls of
 * another architecture never get here (notify_filter.h), so the structures are those of our own kernel ABI.
 */
#ifndef RETROTLS_SUPERVISE_PROGRAM_MESSAGE_H
#define RETROTLS_SUPERVISE_PROGRAM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "supervise/call.h"

enum {
    MESSAGE_PIECES = 1024, /* UIO_MAXIOV (include/uapi/linux/uio.h); sendmmsg(2) takes as many messages */
    MESSAGE_SIZE = 65536,  /* bytes, more than any datagram has */
};

/*
 * struct user_msghdr (include/linux/socket.h). We cannot use msghdr, because each libc pads it differently.
 */
struct program_header {
    uintptr_t name;
    int name_length;
    uintptr_t pieces;
    size_t piece_count;
    uintptr_t control;
    size_t control_length;
    unsigned flags;
};

struct program_entry { /* struct mmsghdr */
    struct program_header header;
    unsigned length;
};

struct program_message {
    struct program_header header; /* made up for sendto(2) and recvfrom(2) */
    uint64_t at;                  /* its address in the program; 0: none */
    struct iovec piece[MESSAGE_PIECES];
    size_t pieces, size; /* of all pieces, at most MESSAGE_SIZE */
};

/*
 * Reads the message header (for sendmmsg(2) and recvmmsg(2), the one at index `which`) and finds where the
 * bytes are. Returns false with errno set. `call` needs its client, but no descriptor.
 */
bool program_message_read(struct program_message *message, const struct call *call, size_t which);
/* Reads the address that the message is sent to. False if there is none, or we cannot read it. */
bool program_message_address(const struct program_message *message, const struct call *call,
                             struct sockaddr_storage *address, socklen_t *length);

/* Copies the bytes between the program's pieces and ours. False with errno set. */
bool program_message_fetch(const struct program_message *message, const struct call *call,
                           uint8_t bytes[MESSAGE_SIZE]);
bool program_message_deliver(const struct program_message *message, const struct call *call,
                             const uint8_t *bytes, size_t length);

#endif
