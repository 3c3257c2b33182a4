/*
 * The questions that a program's socket has sent to a DNS server, and what to do with the answers. We
 * remember an answer for the name that was asked for. The program does not get an answer that belongs to no
 * question, or that we cannot read, because it might read it differently.
 */
#ifndef RETROTLS_SUPERVISE_DNS_QUESTIONS_H
#define RETROTLS_SUPERVISE_DNS_QUESTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    QUESTIONS_LIMIT = 256, /* waiting for their answers; the oldest are forgotten */
    QUESTION_SIZE = 259,   /* bytes of a name with its type and class (RFC 1035, 4.1.2) */
};

/* All zero at first, except asker and begun. */
struct questions {
    /*
     * The number (names.h) of the process that has made the socket, or 0 if we do not know it. Only the first
     * name that is asked for is certainly from that process, because a child may have the socket too.
     */
    uint64_t asker;
    uint64_t begun; /* names_now() before the first question */
    uint64_t first; /* name_hash() of the first name; 0: none yet */
    unsigned next;
    struct question {
        uint16_t id, length; /* length 0: none */
        bool own;
        uint64_t begun;
        uint8_t bytes[QUESTION_SIZE]; /* name, type, class; in lower case */
    } asked[QUESTIONS_LIMIT];
};

/*
 * Notes a message to the server. Returns false if it is not a question that we understand: then we cannot
 * tell which names the answers are for.
 */
bool questions_note(struct questions *questions, const uint8_t *message, size_t length);

/*
 * Reads a message from the server, and remembers what it says about the name that was asked for (names.h).
 * Returns false if the program must not get the message.
 */
bool questions_answer(struct questions *questions, const uint8_t *message, size_t length);

#endif
