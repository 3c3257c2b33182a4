/* What the negotiators of all protocols share: commands, codes, words, and one-line greetings. */
#ifndef RETROTLS_RELAY_PROTOCOL_DIALOGUE_H
#define RETROTLS_RELAY_PROTOCOL_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "relay/protocol/protocol.h"

enum { SAID_LIMIT = CLEAN_FIELD_LIMIT + 1 }; /* bytes of a line kept for a message, with its NUL */

/*
 * Sends `line` (with its CRLF), which is the command `name` in messages. If the server has already sent a
 * byte, it answers a question that nobody asked: nothing is sent, and the result is false with `why` set.
 */
bool send_command(struct plain *server, const char *name, const char *line, struct failure *why);

/* The same for the command that asks for TLS; then calls `upgrading` (plain.h). */
bool send_upgrade(struct plain *server, const char *name, const char *line, struct failure *why);

/*
 * Call once the answer to the command `name` has been read. Returns `outcome` if no byte follows the answer,
 * else FAILED with `why` set. (RFC 3207, 4: what was sent before TLS must not be taken for what is sent after
 * it.)
 */
enum outcome answered(struct plain *server, const char *name, enum outcome outcome, struct failure *why);

/* plain_read_line() that also appends the line to `g->raw`, if `g` is not NULL. */
ssize_t read_kept_line(struct plain *server, struct greeting *g, char line[LINE_LIMIT], struct failure *why);

/*
 * Reads the rest of a multi-line list after its first line, up to a line with a single dot (RFC 1939, 3; RFC
 * 3977, 3.1.1). Sets `*found` if a line's first word is `keyword`. Every line must start with a letter, as
 * capability names do: a line that looks like another reply is rejected. False with `why` set.
 */
bool read_dotted_list(struct plain *server, const char *keyword, bool *found, struct failure *why);

/*
 * Returns the three digits that `line` starts with, or -1. The first digit must be 1 to 5, and the line must
 * end after them or go on with a byte of `separators`.
 */
int reply_code(const char *line, const char *separators);

/* True if `code` is one of `codes`, which end with 0. */
bool is_code_of(int code, const int codes[]);

/* True if the first word of `text` (up to a space or its end) is `word`, ignoring case. */
bool first_word_is(const char *text, const char *word);

/*
 * True if the `length` bytes are a domain (RFC 5321, 4.1.2): labels of letters, digits and inner hyphens,
 * separated by dots.
 */
bool is_domain(const char *text, size_t length);

/*
 * Writes `before`, `text` and `after` to `out`, NUL-terminated. Bytes of `text` that could end the line or a
 * quoted string in it become '?', even in our own texts. A text that does not fit is cut. Returns the length.
 */
size_t write_line(char out[GREETING_LIMIT], const char *before, const char *text, const char *after);

#endif
