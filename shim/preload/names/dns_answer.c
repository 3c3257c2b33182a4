#include "preload/names/dns_answer.h"

#include <string.h>
#include <sys/socket.h>

enum {
    HEAD = 12,
    QUESTION_TAIL = 4, /* type and class, after the name */
    RECORD_TAIL = 10,  /* type, class, time to live and length, after the name */
    CLASS_IN = 1,
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_PTR = 12,
    TYPE_MX = 15,
    TYPE_AAAA = 28,
    TYPE_SRV = 33,
    TYPE_ANY = 255,
    NAME_SIZE = 256, /* dotted, with the NUL (RFC 1035, 2.3.4) */
    POINTERS = 128,  /* that one name may follow: no name has more labels */
};

static unsigned two_bytes(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* The offset after the name at `at`; 0 if it is malformed or runs past the message. */
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

/*
 * Writes the name at `at`, its bytes unchanged. A program that unpacks names itself may take a dot within a
 * label for one between labels, and a NUL for the end. False if it is malformed.
 */
static bool expand(const uint8_t *message, size_t length, size_t at, char name[NAME_SIZE])
{
    size_t used = 0;
    unsigned pointers = 0;

    while (at < length && message[at] != 0) {
        const size_t label = message[at];

        if (label >= 0xc0) {
            if (at + 2 > length || ++pointers > POINTERS)
                return false;
            at = two_bytes(message + at) & 0x3fff;
            continue;
        }
        if (label > 63 || label >= length - at || used + label + 2 > NAME_SIZE)
            return false;
        if (used > 0)
            name[used++] = '.';
        memcpy(name + used, message + at + 1, label);
        used += label;
        at += 1 + label;
    }
    name[used] = '\0';
    return at < length;
}

struct reading {
    const uint8_t *message;
    size_t length;
    bool addresses; /* the question was for addresses */
    void (*each)(void *context, const struct dns_found *found);
    void *context;
};

/* Reports the name that starts `before` bytes into the record's data; it must end the data. */
static bool read_target(const struct reading *r, size_t data, unsigned size, unsigned before,
                        enum dns_part part)
{
    char name[NAME_SIZE];

    if (size <= before || behind_name(r->message, r->length, data + before) != data + size ||
        !expand(r->message, r->length, data + before, name))
        return false;
    if (name[0])
        r->each(r->context, &(struct dns_found){.part = part, .name = name});
    return true;
}

static bool read_data(const struct reading *r, unsigned type, size_t data, unsigned size)
{
    const uint8_t *const bytes = r->message + data;

    switch (type) {
    case TYPE_A:
        if (size == 4 && r->addresses)
            r->each(r->context, &(struct dns_found){.part = DNS_ADDRESS, .family = AF_INET, .bytes = bytes});
        return true;
    case TYPE_AAAA:
        if (size == 16 && r->addresses)
            r->each(r->context, &(struct dns_found){.part = DNS_ADDRESS, .family = AF_INET6, .bytes = bytes});
        return true;
    case TYPE_CNAME:
        return read_target(r, data, size, 0, DNS_ALIAS);
    case TYPE_PTR:
        return read_target(r, data, size, 0, DNS_POINTER);
    case TYPE_MX:
        return read_target(r, data, size, 2, DNS_EXCHANGER);
    case TYPE_SRV:
        return read_target(r, data, size, 6, DNS_EXCHANGER);
    default:
        return true;
    }
}

/*
 * Reads the record at `*at` and moves `*at` past it. False if it is malformed, or if the message ends before
 * it does (`*cut`).
 */
static bool read_record(const struct reading *r, size_t *at, bool *cut)
{
    const size_t head = behind_name(r->message, r->length, *at);
    size_t data;
    unsigned size;

    *cut = head == 0 || r->length - head < RECORD_TAIL;
    if (*cut)
        return false;
    data = head + RECORD_TAIL;
    size = two_bytes(r->message + head + 8);
    *cut = size > r->length - data;
    if (*cut)
        return false;
    *at = data + size;
    return two_bytes(r->message + head + 2) != CLASS_IN ||
           read_data(r, two_bytes(r->message + head), data, size);
}

bool dns_answer_each(const uint8_t *message, size_t length, bool whole,
                     void (*each)(void *context, const struct dns_found *found), void *context)
{
    struct reading r = {.message = message, .length = length, .each = each, .context = context};
    bool cut = false;
    unsigned type;
    size_t at;

    /* QR set, RCODE 0, one question */
    if (length < HEAD || !(message[2] & 0x80) || (message[3] & 0x0f) || two_bytes(message + 4) != 1)
        return true;
    at = behind_name(message, length, HEAD);
    if (at == 0 || length - at < QUESTION_TAIL)
        return !whole;
    type = two_bytes(message + at);
    if (two_bytes(message + at + 2) != CLASS_IN)
        return true;
    r.addresses = type == TYPE_A || type == TYPE_AAAA || type == TYPE_ANY;
    at += QUESTION_TAIL;
    for (unsigned left = two_bytes(message + 6); left > 0; left--) {
        if (!read_record(&r, &at, &cut))
            return cut && !whole;
    }
    return true;
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
