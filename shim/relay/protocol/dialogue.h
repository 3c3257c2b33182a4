/* What the negotiators of all protocols share: commands, codes, words, and greetings of one line. */
#ifndef RETROTLS_RELAY_PROTOCOL_DIALOGUE_H
#define RETROTLS_RELAY_PROTOCOL_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "relay/protocol/protocol.h"

enum { SAID_LIMIT = CLEAN_FIELD_LIMIT + 1 }; /* bytes of a line that is kept for a message, with its NUL */

/*
 * Sends `line` (with its CRLF), the command `name` for messages. Where a byte of the server's waits already,
 * it is an answer to a question that was not asked: nothing is sent, false with `why` set.
 */
bool send_command(struct plain *server, const char *name, const char *line, struct failure *why);

/*
 * The answer to the command `name` has been read: `outcome` if nothing stands behind it, else FAILED with
 * `why` set. (RFC 3207, 4: what was sent before TLS must not be taken for what is sent after it.)
 */
enum outcome answered(struct plain *server, const char *name, enum outcome outcome, struct failure *why);

/* plain_read_line() that also appends the line to `g->raw`, where `g` is not NULL. */
ssize_t read_kept_line(struct plain *server, struct greeting *g, char line[LINE_LIMIT], struct failure *why);

/*
 * A multi-line list after its first line, up to the line of a single dot (RFC 1939, 3; RFC 3977, 3.1.1). Sets
 * `*found` where a line's first word is `keyword`. Every line must start with a letter, as the names of
 * capabilities do: what looks like another reply is none. False with `why` set.
 */
bool read_dotted_list(struct plain *server, const char *keyword, bool *found, struct failure *why);

/*
 * The three digits that `line` starts with, if the first is 1 to 5 and what follows them is one of the bytes
 * of `separators` or the line's end; else -1.
 */
int reply_code(const char *line, const char *separators);

/* True where `code` is one of `codes`, which end with 0. */
bool is_code_of(int code, const int codes[]);

/* True where the first word of `text` (up to a space or its end) is `word`; case does not matter. */
bool first_word_is(const char *text, const char *word);

/* True where `word` stands anywhere in `text`; case does not matter. */
bool holds_word(const char *text, const char *word);

/* True where the `length` bytes are labels of letters, digits and inner hyphens, with dots between (RFC
 * 5321, 4.1.2). */
bool is_domain(const char *text, size_t length);

/*
 * Writes `before`, `text` and `after` to `out`, NUL-terminated. Bytes of `text` that could end the line or a
 * quoted string in it become '?', whoever wrote them; a text that does not fit is cut. Returns the length.
 */
size_t write_line(char out[GREETING_LIMIT], const char *before, const char *text, const char *after);

#endif
