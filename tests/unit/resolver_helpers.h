/* What a resolver call of libc has added to the memory of names. */
#ifndef RETROTLS_TESTS_RESOLVER_HELPERS_H
#define RETROTLS_TESTS_RESOLVER_HELPERS_H

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "preload/names/names.h"
#include "tests/unit/cmocka_all.h"

/* The name that a connection to the address is for: "" for none, "(several)" for more than one. */
static inline const char *name_at(int family, const char *text, uint16_t port)
{
    static struct names_found found;
    struct wire_address address = {.family = (uint16_t)family, .port = port};

    if (inet_pton(family, text, address.bytes) != 1)
        abort();
    names_find(&address, &found);
    return found.count == 0 ? "" : found.count == 1 ? found.name[0] : "(several)";
}

/* Each test starts with no name known: an answer with too many addresses makes all others useless. */
static inline int forget(void **state)
{
    struct names_question question;
    struct wire_address address = {.family = AF_INET, .bytes = {203, 0, 113}};

    (void)state;
    names_start();
    question = names_begin("huge.example", true);
    for (int i = 0; i <= NAME_ANSWER_LIMIT; i++) {
        address.bytes[3] = (uint8_t)i;
        names_answer(&question, &address);
    }
    return 0;
}

#endif
