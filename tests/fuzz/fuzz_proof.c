/*
 * What we send inside TLS to a server that has not shown yet that it speaks the protocol: only the program's
 * opening commands and the relay's own question, nothing that may hold a secret.
 *
 * Input: a byte that chooses the protocol; two bytes of length; what the program says before it ends its
 * direction; and then the server's stream (stream.h).
 */
#include "relay/protocol/proof.h"

#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/stream.h"

enum { SAID_LIMIT = 2048, INPUT_LIMIT = 4096 };

static const struct protocol *protocol;

/*
 * As in the protocol's table, but written independently of proof.c: a word, with nothing after it if it is
 * bare.
 */
static bool is_opening(const char *line, size_t length)
{
    const char *word = line, *end = line + length;
    size_t count;

    while (end > line && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    for (const char *at = line; at < end; at++) {
        if (*at < 0x20 || *at > 0x7e)
            return false;
    }
    if (protocol->literals && end > line && end[-1] == '}')
        return false;
    if (protocol->tagged)
        word = memchr(line, ' ', (size_t)(end - line))
                   ? (const char *)memchr(line, ' ', (size_t)(end - line)) + 1
                   : end;
    for (count = 0; word + count < end && word[count] != ' ';)
        count++;
    for (const struct opening *o = protocol->openings; o->word; o++) {
        if (strlen(o->word) == count && strncasecmp(o->word, word, count) == 0)
            return !o->bare || word + count == end;
    }
    return false;
}

/* The program's domain is never part of the relay's own question. */
static bool is_question(const char *line, size_t length)
{
    static const char *const questions[] = {"EHLO [0.0.0.0]\r\n", "LHLO [0.0.0.0]\r\n", "CAPA\r\n",
                                            "CAPABILITIES\r\n"};
    static const char imap[] = " CAPABILITY\r\n";

    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        if (strlen(questions[i]) == length && memcmp(line, questions[i], length) == 0)
            return true;
    }
    return protocol->kind == PROTOCOL_IMAP && length > sizeof imap - 1 &&
           memcmp(line + length - (sizeof imap - 1), imap, sizeof imap - 1) == 0;
}

static ssize_t write_line(struct transport *t, const void *buffer, size_t size)
{
    struct stream *const s = (struct stream *)t;
    const char *const line = buffer;
    const char *const space = memchr(line, ' ', size);

    MUST(size > 0 && line[size - 1] == '\n' && !memchr(line, '\n', size - 1));
    MUST(is_opening(line, size) || is_question(line, size));
    if (space && (size_t)(space - line) < sizeof s->tag) {
        memset(s->tag, 0, sizeof s->tag);
        memcpy(s->tag, line, (size_t)(space - line));
    }
    s->tag_at = 0;
    return (ssize_t)size;
}

/* `part` is the end of `whole`. */
static bool is_tail(const void *part, size_t part_length, const uint8_t *whole, size_t whole_length)
{
    return part_length <= whole_length &&
           (part_length == 0 || memcmp(whole + whole_length - part_length, part, part_length) == 0);
}

static void look_at(enum proof_end end, const struct failure *why, const struct buffer *said,
                    const struct stream *s, const uint8_t *words, size_t length)
{
    MUST((end == PROOF_FAILED) == (why->kind != FAILURE_NONE));
    MUST(strlen(why->text) < FAILURE_LIMIT);
    /* A silent server has shown nothing. */
    if (s->read_length == 0)
        MUST(end != PROOF_GIVEN || buffer_used(said) == 0);
    /* What is left for the pump is the last part of what the program said, unchanged. */
    MUST(is_tail(said->bytes + said->begin, buffer_used(said), words, length));
}

static void talk(bool at_once, const uint8_t *words, size_t length, const uint8_t *server, size_t size)
{
    static struct stream s;
    const struct local_address local = {.length = sizeof(struct sockaddr_in), .address.ss_family = AF_INET};
    struct buffer unsent = {.bytes = NULL}, said = {.bytes = NULL};
    struct failure why = {.kind = FAILURE_NONE};
    _Atomic bool asks_first = at_once;
    _Atomic uint64_t up = 0, down = 0;
    struct plain plain;
    struct starttls_watch watch;
    struct relay_end program;
    int pair[2], other[2], room;

    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, other) == 0);
    MUST(send(pair[0], "", 1, 0) == 1 && (room = relay_end_room_of(pair[0])) >= 0);
    MUST(relay_end_open(&program, pair[1], room, 1));
    MUST(length == 0 || send(pair[0], words, length, MSG_DONTWAIT) == (ssize_t)length);
    MUST(shutdown(pair[0], SHUT_WR) == 0);
    stream_open(&s, &plain, server, size);
    s.transport.write = write_line;
    s.transport.descriptor = other[0];
    plain.kept = &unsent;
    starttls_watch_begin(&watch, protocol);
    struct proof proof = {.server = &plain,
                          .program = &program,
                          .protocol = protocol,
                          .local = &local,
                          .watch = &watch,
                          .patience = 60000,
                          .asks_first = &asks_first,
                          .up = &up,
                          .down = &down,
                          .unsent = &unsent,
                          .said = &said};
    const enum proof_end end = proof_run(&proof, &why);

    /* Perhaps not all of it was read. What was read is in order. */
    for (char more[512]; end != PROOF_FAILED;) {
        const ssize_t n = relay_end_read(&program, more, sizeof more);

        if (n <= 0)
            break;
        MUST(buffer_append(&said, more, (size_t)n));
    }
    if (end != PROOF_FAILED)
        look_at(end, &why, &said, &s, words, length);
    buffer_drop(&unsent);
    buffer_drop(&said);
    close(room);
    for (int i = 0; i < 2; i++) {
        close(pair[i]);
        close(other[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length;

    if (size < 3 || size > INPUT_LIMIT)
        return 0;
    protocol = protocol_by_kind((enum protocol_kind)(1 + data[0] % (PROTOCOL_KINDS - 1)));
    if (!protocol->probe)
        return 0; /* ManageSieve's greeting is proof enough */
    length = (size_t)data[1] << 8 | data[2];
    if (length > size - 3 || length > SAID_LIMIT)
        length = size - 3 < SAID_LIMIT ? size - 3 : SAID_LIMIT;
    talk(data[0] & 0x80, data + 3, length, data + 3 + length, size - 3 - length);
    return 0;
}
