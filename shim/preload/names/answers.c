#include "preload/names/answers.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/address.h"
#include "preload/names/dns_answer.h"

void answer_address(struct names_question *question, int family, const void *bytes, uint16_t port)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct wire_address address = {.port = port}, literal;
    const char *const name = question->name;
    char text[INET6_ADDRSTRLEN];

    if (!name || (family != AF_INET && family != AF_INET6))
        return;
    if (family == AF_INET6 && memcmp(bytes, mapped, sizeof mapped) == 0) {
        family = AF_INET; /* a literal must match the SAN of the IPv4 address */
        bytes = (const uint8_t *)bytes + 12;
    }
    address.family = (uint16_t)family;
    memcpy(address.bytes, bytes, family == AF_INET ? 4 : 16);
    /*
     * 0x7f.1 and fe80::1%eth0 must match IP SANs, so we remember them in plain form. If the DNS was asked for
     * such a name, the answer may be any address, and that address was not asked for.
     */
    if (address_of_literal(name, &literal) && literal.family == family &&
        memcmp(literal.bytes, address.bytes, sizeof address.bytes) == 0 &&
        inet_ntop(family, bytes, text, sizeof text))
        question->name = text;
    names_answer(question, &address);
    question->name = name;
}

static void note(void *context, const struct dns_found *found)
{
    struct names_question *const question = context;
    struct names_question about = *question;

    if (found->part == DNS_ADDRESS)
        answer_address(question, found->family, found->bytes, 0);
    else if (found->part == DNS_POINTER && name_reverse(question->name, &about.about))
        names_derive(&about, found->name, NAMES_ALIAS);
    else if (found->part == DNS_POINTER)
        names_derive(question, found->name, NAMES_ALIAS);
    else
        names_derive(question, found->name, found->part == DNS_ALIAS ? NAMES_ALIAS : NAMES_EXCHANGER);
}

bool answer_dns(struct names_question *question, const uint8_t *message, size_t length, bool whole)
{
    return dns_answer_each(message, length, whole, note, question);
}
