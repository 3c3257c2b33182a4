#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

enum { ROUND_TRIP = 64 };

/* Reads one line, without its CRLF. The next one overwrites it. */
static char *read_line(struct session *session)
{
    for (;;) {
        char *first = session->buffer + session->start;
        char *end = memchr(first, '\n', session->end - session->start);
        if (end) {
            session->start = (size_t)(end + 1 - session->buffer);
            *end = 0;
            if (end > first && end[-1] == '\r')
                end[-1] = 0;
            return first;
        }
        memmove(session->buffer, first, session->end - session->start);
        session->end -= session->start;
        session->start = 0;
        if (session->end == SESSION_BUFFER)
            errx(1, "a line is too long");
        session->end +=
            channel_read(&session->channel, session->buffer + session->end, SESSION_BUFFER - session->end);
    }
}

/* Reads up to the tagged reply, which must be OK. Returns its length. */
static size_t finish(struct session *session, unsigned tag)
{
    char expected[16];
    int length = snprintf(expected, sizeof expected, "a%u ", tag);
    for (;;) {
        const char *line = read_line(session);
        if (strncmp(line, expected, (size_t)length) != 0)
            continue;
        if (strncmp(line + length, "OK", 2) != 0)
            errx(1, "the server said: %s", line);
        return strlen(line);
    }
}

static unsigned send_command(struct session *session, const char *command, size_t pad)
{
    char line[256];
    unsigned tag = ++session->tags;
    int length = snprintf(line, sizeof line - 2, "a%u %s", tag, command);
    while ((size_t)length + 2 < pad)
        line[length++] = 'x';
    memcpy(line + length, "\r\n", 2);
    channel_write(&session->channel, line, (size_t)length + 2);
    return tag;
}

void session_connect(struct session *session, const struct sockaddr_in *server)
{
    session->tags = 0;
    session->start = session->end = 0;
    channel_connect(&session->channel, server);
}

void session_greet(struct session *session)
{
    const char *line = read_line(session);
    if (strncmp(line, "* OK", 4) != 0)
        errx(1, "greeting: %s", line);
    if (!channel_does_tls)
        return;
    if (!strstr(line, " STARTTLS")) /* the greeting may list the capabilities, as it does on most servers */
        session_command(session, "CAPABILITY");
    session_command(session, "STARTTLS");
    channel_handshake(&session->channel);
}

void session_login(struct session *session)
{
    session_command(session, "LOGIN test secret");
}

size_t session_command(struct session *session, const char *command)
{
    return finish(session, send_command(session, command, 0));
}

void session_round_trip(struct session *session)
{
    if (finish(session, send_command(session, "NOOP ", ROUND_TRIP)) + 2 != ROUND_TRIP)
        errx(1, "a reply of another length");
}

void session_fetch(struct session *session, size_t bytes, char *buffer, size_t size)
{
    char command[64];
    snprintf(command, sizeof command, "FETCH %zu BODY[]", bytes);
    unsigned tag = send_command(session, command, 0);
    const char *literal = strrchr(read_line(session), '{');
    if (!literal || strtoull(literal + 1, NULL, 10) != bytes)
        errx(1, "no literal of %zu bytes", bytes);
    size_t early = session->end - session->start;
    size_t left = bytes - (early < bytes ? early : bytes);
    session->start += bytes - left;
    while (left > 0)
        left -= channel_read(&session->channel, buffer, size < left ? size : left);
    finish(session, tag);
}

void session_append(struct session *session, size_t bytes, const char *buffer, size_t size)
{
    char command[64];
    snprintf(command, sizeof command, "APPEND INBOX {%zu}", bytes);
    unsigned tag = send_command(session, command, 0);
    if (*read_line(session) != '+')
        errx(1, "the server takes no literal");
    for (size_t left = bytes; left > 0;) {
        size_t piece = size < left ? size : left;
        channel_write(&session->channel, buffer, piece);
        left -= piece;
    }
    channel_write(&session->channel, "\r\n", 2);
    finish(session, tag);
}

void session_close(struct session *session)
{
    session_command(session, "LOGOUT");
    channel_close(&session->channel);
}
