/* A program that knows nothing about TLS. */
#include <err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"

const bool channel_does_tls = false;

void channels_start(const char *ca_file, bool resume)
{
    (void)ca_file;
    (void)resume;
}

void channel_connect(struct channel *channel, const struct sockaddr_in *server)
{
    channel->tls = NULL;
    channel->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (channel->descriptor < 0 ||
        connect(channel->descriptor, (const struct sockaddr *)server, sizeof *server) != 0)
        err(1, "connect");
}

void channel_handshake(struct channel *channel)
{
    (void)channel;
    errx(1, "this program does no TLS");
}

size_t channel_read(struct channel *channel, void *buffer, size_t size)
{
    ssize_t length = read(channel->descriptor, buffer, size);
    if (length < 0)
        err(1, "read");
    if (length == 0)
        errx(1, "the server closed the connection");
    return (size_t)length;
}

void channel_write(struct channel *channel, const void *bytes, size_t length)
{
    const char *next = bytes;
    while (length > 0) {
        ssize_t written = write(channel->descriptor, next, length);
        if (written < 0)
            err(1, "write");
        next += written;
        length -= (size_t)written;
    }
}

void channel_close(struct channel *channel)
{
    close(channel->descriptor);
}
