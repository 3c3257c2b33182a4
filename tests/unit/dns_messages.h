/* DNS messages for tests, built piece by piece (RFC 1035, 4.1). */
#ifndef RETROTLS_TESTS_UNIT_DNS_MESSAGES_H
#define RETROTLS_TESTS_UNIT_DNS_MESSAGES_H

#include <stdint.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"

/* Types and classes. */
enum { A = 1, NS = 2, CNAME = 5, PTR = 12, MX = 15, TXT = 16, AAAA = 28, SRV = 33, IN = 1, CHAOS = 3 };

static struct {
    uint8_t bytes[65536];
    size_t length;
} message;

static void put(const void *bytes, size_t length)
{
    assert_true(message.length + length <= sizeof message.bytes);
    memcpy(message.bytes + message.length, bytes, length);
    message.length += length;
}

static void put_two(unsigned number)
{
    put((uint8_t[]){(uint8_t)(number >> 8), (uint8_t)number}, 2);
}

/* "mail.example.org" as labels; "" is the root. */
static void put_name(const char *name)
{
    while (*name) {
        const size_t label = strcspn(name, ".");

        put((uint8_t[]){(uint8_t)label}, 1);
        put(name, label);
        name += label + (name[label] == '.');
    }
    put("", 1);
}

/* Begins a message anew, with one question and a count of `answers` records to come. */
static void start_message(unsigned id, unsigned flags, unsigned answers, const char *name, unsigned type)
{
    message.length = 0;
    put_two(id);
    put_two(flags);
    put_two(1);
    put_two(answers);
    put_two(0);
    put_two(0);
    put_name(name);
    put_two(type);
    put_two(IN);
}

/* A record whose owner is a pointer to the question's name. */
static void put_record(unsigned type, unsigned class, const void *data, unsigned length)
{
    put_two(0xc00c);
    put_two(type);
    put_two(class);
    put("\0\0\0\x3c", 4);
    put_two(length);
    put(data, length);
}

#endif
