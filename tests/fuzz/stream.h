/*
 * A server's byte stream for the negotiators: the fuzzer's bytes, cut into segments where they say so.
 *
 * Byte 0xFF ends a segment: the bytes after it arrive only when those before it have been read. Byte 0xFE
 * stands for the tag of the last command sent (IMAP). Whatever the stream, the checks below must hold.
 */
#ifndef RETROTLS_TESTS_FUZZ_STREAM_H
#define RETROTLS_TESTS_FUZZ_STREAM_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "relay/protocol/protocol.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

enum { SEGMENT_END = 0xff, TAG_HERE = 0xfe, STREAM_LIMIT = 1 << 18 };

struct stream {
    struct transport transport; /* must be first */
    const uint8_t *data;
    size_t size, at;
    char tag[64];
    size_t tag_at;   /* how many bytes of the tag have been read, at TAG_HERE */
    char sent[1024]; /* by the negotiator */
    size_t sent_length;
    size_t read_since; /* bytes read since the last command */
    size_t read_length;
    char read[STREAM_LIMIT]; /* all bytes read so far */
};

/* The bytes available without going on to the next segment, at most `size`. */
static inline size_t stream_look(const struct stream *s, char *buffer, size_t size)
{
    size_t at = s->at, tag_at = s->tag_at, length = 0;

    while (length < size && at < s->size && s->data[at] != SEGMENT_END) {
        if (s->data[at] != TAG_HERE) {
            buffer[length++] = (char)s->data[at++];
        } else if (s->tag[tag_at] == '\0') {
            at++;
            tag_at = 0;
        } else {
            buffer[length++] = s->tag[tag_at++];
        }
    }
    return length;
}

static inline bool stream_pending(struct transport *t)
{
    char byte;

    return stream_look((struct stream *)t, &byte, 1) > 0;
}

static inline ssize_t stream_peek(struct transport *t, void *buffer, size_t size)
{
    struct stream *s = (struct stream *)t;

    MUST(size > 0);
    while (!stream_pending(t) && s->at < s->size) {
        s->at++; /* the end of a segment, or an empty tag */
        s->tag_at = 0;
    }
    return (ssize_t)stream_look(s, buffer, size);
}

static inline ssize_t stream_read(struct transport *t, void *buffer, size_t size)
{
    struct stream *s = (struct stream *)t;
    const ssize_t got = stream_peek(t, buffer, size);

    for (ssize_t left = got; left > 0;) {
        if (s->data[s->at] != TAG_HERE) {
            s->at++;
            left--;
        } else if (s->tag[s->tag_at] == '\0') {
            s->at++;
            s->tag_at = 0;
        } else {
            s->tag_at++;
            left--;
        }
    }
    MUST(s->read_length + (size_t)got <= sizeof s->read);
    memcpy(s->read + s->read_length, buffer, (size_t)got);
    s->read_length += (size_t)got;
    s->read_since += (size_t)got;
    return got;
}

/* Nothing may be sent while bytes from the server are unread. Only whole lines may be sent. */
static inline ssize_t stream_write(struct transport *t, const void *buffer, size_t size)
{
    struct stream *s = (struct stream *)t;
    const char *bytes = buffer;
    const char *space = memchr(bytes, ' ', size);

    MUST(!stream_pending(t));
    MUST(s->sent_length + size < sizeof s->sent);
    MUST(size > 2 && memcmp(bytes + size - 2, "\r\n", 2) == 0 && !memchr(bytes, '\n', size - 1));
    memcpy(s->sent + s->sent_length, bytes, size);
    s->sent_length += size;
    s->sent[s->sent_length] = '\0';
    s->read_since = 0;
    if (space && (size_t)(space - bytes) < sizeof s->tag) {
        memset(s->tag, 0, sizeof s->tag);
        memcpy(s->tag, bytes, (size_t)(space - bytes));
    }
    return (ssize_t)size;
}

static inline void must_be_one_line(const char *line, size_t length)
{
    MUST(length > 2 && length < GREETING_LIMIT && strlen(line) == length);
    for (size_t i = 0; i < length - 2; i++)
        MUST(line[i] >= 0x20 && line[i] <= 0x7e);
    MUST(strcmp(line + length - 2, "\r\n") == 0);
}

static inline void stream_open(struct stream *s, struct plain *plain, const uint8_t *data, size_t size)
{
    memset(s, 0, offsetof(struct stream, read));
    s->data = data;
    s->size = size;
    s->transport = (struct transport){.peek = stream_peek,
                                      .read = stream_read,
                                      .write = stream_write,
                                      .pending = stream_pending,
                                      .descriptor = -1};
    *plain = (struct plain){
        .transport = &s->transport, .program = -1, .server = "mail.example.org", .deadline = INT64_MAX};
}

/* Runs the whole negotiation with that stream, on an unknown port if `kind` is PROTOCOL_AUTO. */
static inline int negotiate_stream(enum protocol_kind kind, const uint8_t *data, size_t size)
{
    static struct stream s;
    static struct greeting g;
    const struct settings settings = {
        .level = LEVEL_MAY, .protocol = kind, .timeout = 60, .greeting_timeout = 300};
    struct local_address local = {.length = sizeof(struct sockaddr_in)};
    const struct protocol *protocol;
    struct failure why = {.kind = FAILURE_NONE};
    struct plain plain;
    enum outcome outcome;
    char line[GREETING_LIMIT] = "";

    ((struct sockaddr_in *)&local.address)->sin_family = AF_INET;
    stream_open(&s, &plain, data, size);
    outcome = negotiate(&plain, &settings, 4711, &local, &protocol, &g, &why);

    MUST(plain.transport == &s.transport && plain.consumed == s.read_length &&
         s.read_length <= DIALOGUE_LIMIT);
    MUST((outcome == READY) == (why.kind == FAILURE_NONE) && strlen(why.text) < FAILURE_LIMIT);
    MUST(g.raw_length <= sizeof g.raw && memcmp(g.raw, s.read, g.raw_length) == 0);
    if (!protocol) {
        MUST(kind == PROTOCOL_AUTO && outcome == NOT_OFFERED && g.raw_length == s.read_length &&
             s.sent_length == 0);
        return 0;
    }
    if (outcome == READY) { /* TLS was requested and granted, and nothing is left over */
        MUST(strstr(s.sent,
                    kind == PROTOCOL_POP3 || protocol->kind == PROTOCOL_POP3 ? "STLS\r\n" : "STARTTLS\r\n"));
        MUST(!stream_pending(&s.transport) && s.read_since > 0);
        MUST(s.read_length >= 2 && memcmp(s.read + s.read_length - 2, "\r\n", 2) == 0);
    }
    if (outcome == NOT_OFFERED)
        MUST(!stream_pending(&s.transport) && why.text[0]);
    if (protocol->greet)
        must_be_one_line(line, protocol->greet(&g, line));
    must_be_one_line(line, protocol->refuse(why.text, line));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
