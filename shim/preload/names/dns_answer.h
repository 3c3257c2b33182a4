/*
 * The addresses and names in a DNS answer (RFC 1035, 4.1; RFC 3596; RFC 2782), for programs that ask
 * libresolv themselves.
 *
 * The answer is the network's: every length is checked against the message's end, and a name follows no more
 * pointers than it could have labels.
 */
#ifndef RETROTLS_PRELOAD_NAMES_DNS_ANSWER_H
#define RETROTLS_PRELOAD_NAMES_DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dns_part {
    DNS_ADDRESS,   /* of an A or AAAA record: AF_INET and 4 bytes or AF_INET6 and 16 */
    DNS_ALIAS,     /* a CNAME's target */
    DNS_EXCHANGER, /* an MX or SRV record's */
    DNS_POINTER,   /* a PTR record's: what an address is called */
};

struct dns_found {
    enum dns_part part;
    int family;
    const uint8_t *bytes;
    const char *name; /* dotted, its bytes as they are, as far as the first NUL */
};

/*
 * Calls `each` for every such record of class IN in the answer section; for addresses only if they, or
 * everything, were the question. An address's owner may be any name: an alias's target has another than was
 * asked for. Nothing is called if the message is no successful answer to one question.
 *
 * False if a record is malformed, so that it is not known which others there are. `whole`: the message has
 * not been cut to `length`; one that has may end anywhere.
 */
bool dns_answer_each(const uint8_t *message, size_t length, bool whole,
                     void (*each)(void *context, const struct dns_found *found), void *context);

/*
 * Writes the name that the message (a query or an answer) asks for into `name`, dotted, of `size` bytes.
 * False where there is not one question, or its name is compressed, malformed, longer than `size`, or holds a
 * byte that is not printable ASCII, or a dot within a label: such names no certificate has.
 */
bool dns_question_name(const uint8_t *message, size_t length, char *name, size_t size);

#endif
