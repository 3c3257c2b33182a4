#include "preload/names/dns_answer.h"

#include <string.h>
#include <sys/socket.h>

enum {
    HEAD = 12,
    ANSWERS = 6, /* offsets of the sections' counts (RFC 1035, 4.1.1) */
    AUTHORITIES = 8,
    ADDITIONAL = 10,
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
    POINTERS = 128,  /* pointers that one name may follow: no name has more labels */
};

static unsigned two_bytes(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* The offset after the name at `at`; 0 if it is malformed, more than `length` if it runs past the message. */
static size_t behind_name(const uint8_t *message, size_t length, size_t at)
{
    while (at < length) {
        const unsigned label = message[at];

        if (label == 0)
            return at + 1;
        if (label >= 0xc0) /* a pointer ends the name (4.1.4) */
            return at + 2;
        if (label > 63)
            return 0;
        at += 1 + label;
    }
    return length + 1;
}

/*
 * The same in musl's way (src/network/dns_parse.c), which takes the first byte that cannot be an ASCII letter
 * or a length for the end. If the two offsets differ, musl finds other records than we do.
 */
static size_t behind_ascii_name(const uint8_t *message, size_t length, size_t at)
{
    while (at < length && message[at] != 0 && message[at] < 128)
        at++;
    if (at >= length)
        return length + 1;
    return at + (message[at] == 0 ? 1 : 2);
}

/* As behind_name(), but a name that programs read in different ways counts as malformed. */
static size_t behind_owner(const uint8_t *message, size_t length, size_t at)
{
    const size_t end = behind_name(message, length, at), other = behind_ascii_name(message, length, at);

    return end == other || (end > length && other > length) ? end : 0;
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
    bool addresses;      /* addresses are of interest in this section */
    bool only_addresses; /* nothing else is of interest */
    bool exchangers;     /* there were exchangers */
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

/* An address of another length is malformed: Go takes its first bytes. */
static bool read_address(const struct reading *r, int family, size_t data, unsigned size)
{
    const struct dns_found found = {.part = DNS_ADDRESS, .family = family, .bytes = r->message + data};

    if (size != (family == AF_INET ? 4 : 16))
        return false;
    if (r->addresses)
        r->each(r->context, &found);
    return true;
}

/*
 * musl looks only at the lower byte of a type, and not at where a name in the data ends. We report what it
 * would see. A record that makes no sense this way is not malformed, but of its own type.
 */
static void read_lower_byte(const struct reading *r, unsigned type, size_t data, unsigned size)
{
    char name[NAME_SIZE];
    const struct dns_found found = {.part = type == TYPE_PTR ? DNS_POINTER : DNS_ALIAS, .name = name};

    if (type == TYPE_A)
        read_address(r, AF_INET, data, size);
    else if (type == TYPE_AAAA)
        read_address(r, AF_INET6, data, size);
    else if ((type == TYPE_CNAME || type == TYPE_PTR) && !r->only_addresses &&
             expand(r->message, r->length, data, name) && name[0])
        r->each(r->context, &found);
}

static bool read_data(struct reading *r, unsigned type, size_t data, unsigned size)
{
    if (type > UINT8_MAX)
        read_lower_byte(r, type & UINT8_MAX, data, size);
    if (r->only_addresses && type != TYPE_A && type != TYPE_AAAA)
        return true;
    switch (type) {
    case TYPE_A:
        return read_address(r, AF_INET, data, size);
    case TYPE_AAAA:
        return read_address(r, AF_INET6, data, size);
    case TYPE_CNAME:
        return read_target(r, data, size, 0, DNS_ALIAS);
    case TYPE_PTR:
        return read_target(r, data, size, 0, DNS_POINTER);
    case TYPE_MX:
        r->exchangers = true;
        return read_target(r, data, size, 2, DNS_EXCHANGER);
    case TYPE_SRV:
        r->exchangers = true;
        return read_target(r, data, size, 6, DNS_EXCHANGER);
    default:
        return true;
    }
}

/*
 * Reads the record at `*at` and moves `*at` past it. False if it is malformed, or if the message ends before
 * it does (`*cut`). Its class does not matter: neither Go nor musl looks at it.
 */
static bool read_record(struct reading *r, size_t *at, bool *cut)
{
    const size_t head = behind_owner(r->message, r->length, *at);
    size_t data;
    unsigned size;

    *cut = head > r->length || (head != 0 && r->length - head < RECORD_TAIL);
    if (*cut || head == 0)
        return false;
    data = head + RECORD_TAIL;
    size = two_bytes(r->message + head + 8);
    *cut = size > r->length - data;
    if (*cut)
        return false;
    *at = data + size;
    return read_data(r, two_bytes(r->message + head), data, size);
}

/* The section that starts at `*at`, of as many records as the header's two bytes at `count` say. */
static bool read_section(struct reading *r, size_t count, size_t *at, bool *cut)
{
    for (unsigned left = two_bytes(r->message + count); left > 0; left--) {
        if (!read_record(r, at, cut))
            return false;
    }
    return true;
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
    at = behind_owner(message, length, HEAD);
    if (at == 0)
        return false;
    if (at > length || length - at < QUESTION_TAIL)
        return !whole;
    type = two_bytes(message + at);
    if (two_bytes(message + at + 2) != CLASS_IN)
        return true;
    r.addresses = type == TYPE_A || type == TYPE_AAAA || type == TYPE_ANY;
    at += QUESTION_TAIL;
    if (!read_section(&r, ANSWERS, &at, &cut))
        return cut && !whole;
    if (!r.exchangers)
        return true;
    r.only_addresses = true;
    r.addresses = false;
    if (!read_section(&r, AUTHORITIES, &at, &cut))
        return cut && !whole;
    r.addresses = true;
    return read_section(&r, ADDITIONAL, &at, &cut) || (cut && !whole);
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
