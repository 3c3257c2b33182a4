/*
 * The addresses and names in a DNS answer (RFC 1035, 4.1; RFC 3596; RFC 2782), for programs that call
 * libresolv themselves or have a resolver of their own. Some of these read an answer loosely, and whoever
 * forges an answer knows how. So everything that any program might read counts.
 *
 * The answer comes from the network, so every length is checked against the end of the message, and a name
 * follows no more pointers than it could have labels.
 */
#ifndef RETROTLS_PRELOAD_NAMES_DNS_ANSWER_H
#define RETROTLS_PRELOAD_NAMES_DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dns_part {
    DNS_ADDRESS,   /* of an A or AAAA record: AF_INET and 4 bytes or AF_INET6 and 16 */
    DNS_ALIAS,     /* a CNAME's target */
    DNS_EXCHANGER, /* the target of an MX or SRV record */
    DNS_POINTER,   /* a PTR record's target: the name of an address */
};

struct dns_found {
    enum dns_part part;
    int family;
    const uint8_t *bytes;
    const char *name; /* dotted, its bytes unchanged, up to the first NUL */
};

/*
 * Calls `each` for every such record in the answer section, of whatever class, and for addresses only if the
 * question was for addresses or for everything. An address may belong to any name, because an alias's target
 * has another name than the question. If the answer has MX or SRV records, the additional section may hold
 * their targets' addresses (RFC 1035, 3.3.9; RFC 2782), and a program may connect to these without asking
 * again: `each` gets them, too. Calls nothing if the message is not a successful answer to one
 * question.
 *
 * False if a record is malformed: we cannot know then which others there are, or what a program makes of it.
 * `whole`: the message has not been cut to `length`. A cut message may end anywhere.
 */
bool dns_answer_each(const uint8_t *message, size_t length, bool whole,
                     void (*each)(void *context, const struct dns_found *found), void *context);

/*
 * Writes the name that the message (a query or an answer) asks for into `name`, of `size` bytes, dotted.
 * False if there is not exactly one question, or if its name is compressed, malformed, longer than `size`, or
 * holds a byte that is not printable ASCII or a dot within a label. No certificate has such a name.
 */
bool dns_question_name(const uint8_t *message, size_t length, char *name, size_t size);

#endif
