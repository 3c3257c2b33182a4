/*
 * The addresses in a DNS answer (RFC 1035, 4.1; RFC 3596), for programs that ask libresolv themselves.
 *
 * The answer is the network's: every length is checked against the message's end, and names are stepped over,
 * never followed, so there is no loop to be caught in.
 */
#ifndef RETROTLS_PRELOAD_DNS_ANSWER_H
#define RETROTLS_PRELOAD_DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Calls `each` for every A and AAAA record of class IN in the answer section, with AF_INET and 4 bytes or
 * AF_INET6 and 16. Nothing is called where the message is no successful answer to one question for addresses;
 * a malformed record ends it. Their owner may be any name: an alias's target has another than was asked for.
 */
void dns_answer_each(const uint8_t *message, size_t length,
                     void (*each)(void *context, int family, const uint8_t *bytes), void *context);

/*
 * Writes the name that the message (a query or an answer) asks for into `name`, dotted, of `size` bytes.
 * False where there is not one question, or its name is compressed, malformed, longer than `size`, or holds a
 * byte that is not printable ASCII, or a dot within a label: such names no certificate has.
 */
bool dns_question_name(const uint8_t *message, size_t length, char *name, size_t size);

#endif
