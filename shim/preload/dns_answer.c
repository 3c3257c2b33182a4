#include "preload/dns_answer.h"

#include <string.h>
#include <sys/socket.h>

enum {
    HEAD = 12,
    QUESTION_TAIL = 4, /* type and class, behind the name */
    RECORD_TAIL = 10,  /* type, class, time to live and length, behind the name */
    CLASS_IN = 1,
    TYPE_A = 1,
    TYPE_AAAA = 28,
};

static unsigned two_bytes(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* The offset behind the name at `at`; 0 where it is malformed or runs out of the message. */
static size_t behind_name(const uint8_t *message, size_t length, size_t at)
{
    while (at < length) {
        const unsigned label = message[at];

        if (label == 0)
            return at + 1;
        if (label >= 0xc0) /* a pointer ends the name (4.1.4) */
            return at + 2 <= length ? at + 2 : 0;
        if (label > 63)
            return 0;
        at += 1 + label;
    }
    return 0;
}

void dns_answer_each(const uint8_t *message, size_t length,
                     void (*each)(void *context, int family, const uint8_t *bytes), void *context)
{
    size_t at;
    unsigned type;

    /* QR set, RCODE 0, one question */
    if (length < HEAD || !(message[2] & 0x80) || (message[3] & 0x0f) || two_bytes(message + 4) != 1)
        return;
    at = behind_name(message, length, HEAD);
    if (at == 0 || length - at < QUESTION_TAIL || two_bytes(message + at + 2) != CLASS_IN)
        return;
    type = two_bytes(message + at);
    if (type != TYPE_A && type != TYPE_AAAA)
        return;
    at += QUESTION_TAIL;

    for (unsigned left = two_bytes(message + 6); left > 0; left--) {
        unsigned size;

        at = behind_name(message, length, at);
        if (at == 0 || length - at < RECORD_TAIL)
            return;
        type = two_bytes(message + at);
        size = two_bytes(message + at + 8);
        if (size > length - at - RECORD_TAIL)
            return;
        if (two_bytes(message + at + 2) == CLASS_IN) {
            if (type == TYPE_A && size == 4)
                each(context, AF_INET, message + at + RECORD_TAIL);
            else if (type == TYPE_AAAA && size == 16)
                each(context, AF_INET6, message + at + RECORD_TAIL);
        }
        at += RECORD_TAIL + size;
    }
}

bool dns_question_name(const uint8_t *message, size_t length, char *name, size_t size)
{
    size_t at = HEAD, written = 0;

    if (length < HEAD || two_bytes(message + 4) != 1)
        return false;
    for (;;) {
        size_t label;

        if (at >= length)
            return false;
        label = message[at++];
        if (label == 0)
            break;
        if (label > 63 || label > length - at || written + label + 2 > size)
            return false;
        if (written > 0)
            name[written++] = '.';
        for (size_t i = 0; i < label; i++, at++) {
            if (message[at] <= ' ' || message[at] > '~' || message[at] == '.')
                return false;
            name[written++] = (char)message[at];
        }
    }
    if (written == 0)
        return false;
    name[written] = '\0';
    return true;
}
