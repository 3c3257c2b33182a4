#include "supervise/program_message.h"

#include <errno.h>
#include <sys/syscall.h>

/* sendto(2) and recvfrom(2) have their arguments in the same places. */
static bool make_up(struct program_message *m, const struct call *call)
{
    const uint64_t *const argument = call->n.argument;
    int length = (int)argument[5];

    /* recvfrom(2) has a pointer to the length. */
    if (call->n.call == SYS_recvfrom && argument[4] != 0 &&
        !client_read(&call->client, &length, argument[5], sizeof length))
        return false;
    m->header =
        (struct program_header){.name = (uintptr_t)argument[4], .name_length = argument[4] != 0 ? length : 0};
    m->piece[0] = (struct iovec){.iov_base = (void *)(uintptr_t)argument[1], .iov_len = (size_t)argument[2]};
    m->pieces = 1;
    return true;
}

static bool read_header(struct program_message *m, const struct call *call, size_t which)
{
    const bool many = call->n.call == SYS_sendmmsg || call->n.call == SYS_recvmmsg;

    m->at = call->n.argument[1] + (many ? which * sizeof(struct program_entry) : 0);
    if (!client_read(&call->client, &m->header, m->at, sizeof m->header))
        return false;
    m->pieces = m->header.piece_count;
    if (m->pieces > MESSAGE_PIECES) {
        errno = EMSGSIZE;
        return false;
    }
    return client_read(&call->client, m->piece, m->header.pieces, m->pieces * sizeof m->piece[0]);
}

bool program_message_read(struct program_message *m, const struct call *call, size_t which)
{
    m->at = 0;
    if (call->n.call == SYS_sendto || call->n.call == SYS_recvfrom ? !make_up(m, call)
                                                                   : !read_header(m, call, which))
        return false;
    if (m->header.name_length < 0) {
        errno = EINVAL;
        return false;
    }
    m->size = 0;
    for (size_t i = 0; i < m->pieces; i++) {
        if (m->piece[i].iov_len > MESSAGE_SIZE - m->size)
            m->piece[i].iov_len = MESSAGE_SIZE - m->size;
        m->size += m->piece[i].iov_len;
    }
    return true;
}

bool program_message_address(const struct program_message *m, const struct call *call,
                             struct sockaddr_storage *address, socklen_t *length)
{
    const size_t size = (size_t)m->header.name_length;

    *address = (struct sockaddr_storage){0};
    *length = (socklen_t)size;
    return m->header.name != 0 && size <= sizeof *address &&
           client_read(&call->client, address, m->header.name, size);
}

bool program_message_fetch(const struct program_message *m, const struct call *call,
                           uint8_t bytes[MESSAGE_SIZE])
{
    for (size_t i = 0; i < m->pieces; i++) {
        if (!client_read(&call->client, bytes, (uintptr_t)m->piece[i].iov_base, m->piece[i].iov_len))
            return false;
        bytes += m->piece[i].iov_len;
    }
    return true;
}

bool program_message_deliver(const struct program_message *m, const struct call *call, const uint8_t *bytes,
                             size_t length)
{
    for (size_t i = 0; i < m->pieces && length > 0; i++) {
        const size_t part = m->piece[i].iov_len < length ? m->piece[i].iov_len : length;

        if (!client_write(&call->client, (uintptr_t)m->piece[i].iov_base, bytes, part))
            return false;
        bytes += part;
        length -= part;
    }
    return true;
}
