/*
 * The watch for a program's own STARTTLS, and for the reply to its farewell. The first byte chooses the
 * protocol. Then come records: a byte whose top bit says who sends (1: the server) and whose other bits are a
 * length, and that many bytes.
 *
 * However the bytes are cut, the result is the same. Nothing of the server's is lost or moved, and nothing of
 * the program's except what was swallowed.
 */
#include "relay/protocol/farewell.h"
#include "tests/fuzz/stream.h"
#include "tests/unit/pump.h"

static void play(struct pump *p, const uint8_t *data, size_t size, size_t piece)
{
    pump_start(p, (enum protocol_kind)(1 + data[0] % (PROTOCOL_KINDS - 1)));
    for (size_t at = 1; at < size;) {
        const bool server = data[at] & 0x80;
        size_t length = data[at] & 0x7f;

        at++;
        if (length > size - at)
            length = size - at;
        for (size_t done = 0; done < length; done += piece) {
            const size_t part = length - done < piece ? length - done : piece;

            (server ? pump_from_server : pump_from_program)(p, (const char *)data + at + done, part);
        }
        at += length;
    }
}

/* `part` is `whole` with some bytes left out. */
static bool is_within(const char *part, size_t part_length, const char *whole, size_t whole_length)
{
    size_t found = 0;

    for (size_t i = 0; i < whole_length && found < part_length; i++)
        found += part[found] == whole[i];
    return found == part_length;
}

/* As in the pump: what went to the server and what came from it, each in its pieces. */
static void follow(struct farewell *f, const uint8_t *data, size_t size, size_t piece)
{
    farewell_begin(f, (enum protocol_kind)(1 + data[0] % (PROTOCOL_KINDS - 1)));
    for (size_t at = 1; at < size;) {
        const bool server = data[at] & 0x80;
        size_t length = data[at] & 0x7f;

        at++;
        if (length > size - at)
            length = size - at;
        for (size_t done = 0; done < length; done += piece) {
            const size_t part = length - done < piece ? length - done : piece;

            (server ? farewell_server : farewell_program)(f, (const char *)data + at + done, part);
        }
        at += length;
    }
}

/*
 * In a large piece, a text is only looked at where it ends, which may hide that the server said something
 * unasked. Byte by byte, we notice and stop counting. Apart from that, an end that is clean in large pieces
 * is clean byte by byte too.
 */
static void ends_are_told(const uint8_t *data, size_t size, const char *program, size_t program_length,
                          const char *server, size_t server_length)
{
    struct farewell whole, pieces;

    follow(&whole, data, size, 128);
    follow(&pieces, data, size, 1);
    MUST(!farewell_answered(&whole) || farewell_answered(&pieces) || pieces.protocol == PROTOCOL_AUTO);
    MUST(!farewell_answered(&whole) || (server_length > 0 && server[server_length - 1] == '\n'));
    MUST(!farewell_answered(&pieces) || (server_length > 0 && server[server_length - 1] == '\n'));
    MUST(!farewell_said(&whole) || (program_length > 4 && program[program_length - 1] == '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pump whole, pieces;
    static char program[PUMP_LIMIT], server[PUMP_LIMIT];
    size_t program_length = 0, server_length = 0;
    char last[STARTTLS_WATCH_HELD];

    if (size == 0 || size > 4096)
        return 0;
    play(&whole, data, size, 128);
    play(&pieces, data, size, 1);
    MUST(whole.watch.watching == pieces.watch.watching && whole.waiting_length == pieces.waiting_length);
    MUST(whole.to_server_length == pieces.to_server_length &&
         whole.to_program_length == pieces.to_program_length);
    MUST(memcmp(whole.to_server, pieces.to_server, whole.to_server_length) == 0);
    MUST(memcmp(whole.to_program, pieces.to_program, whole.to_program_length) == 0);
    for (size_t at = 1; at < size;) {
        const bool is_server = data[at] & 0x80;
        size_t length = data[at] & 0x7f;

        at++;
        if (length > size - at)
            length = size - at;
        pump_put(is_server ? server : program, is_server ? &server_length : &program_length,
                 (const char *)data + at, length);
        at += length;
    }
    ends_are_told(data, size, program, program_length, server, server_length);
    MUST(whole.to_program_length - whole.answers_length == server_length);
    MUST(is_within(server, server_length, whole.to_program, whole.to_program_length));
    const size_t last_length = starttls_watch_end(&whole.watch, last);
    pump_put(whole.to_server, &whole.to_server_length, last, last_length);
    MUST(is_within(whole.to_server, whole.to_server_length, program, program_length));
    MUST(whole.answers_length > 0 || whole.waiting_length > 0 || whole.watch.watching ||
         whole.watch.command == COMMAND_SWALLOWED || whole.to_server_length == program_length);
    return 0;
}
