/*
 * Messages between library and relay, as either end reads them. An accepted message is whole, bounded, and
 * all inside the buffer, and is the same when it is written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/wire.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT], again[WIRE_MESSAGE_LIMIT];

static void check_bytes(const void *bytes, size_t length, size_t size)
{
    const uint8_t *const from = bytes;

    MUST(from >= message && length <= size && from <= message + size - length);
}

static void check_text(const char *text, size_t size)
{
    if (!text)
        return;
    MUST((const uint8_t *)text >= message && (const uint8_t *)text < message + size);
    MUST(strnlen(text, WIRE_TEXT_LIMIT) < WIRE_TEXT_LIMIT);
    check_bytes(text, strlen(text) + 1, size);
}

static void check_list(const struct text_list *list, size_t size)
{
    MUST(list->count <= SETTINGS_LIST_LIMIT);
    for (uint32_t i = 0; i < list->count; i++)
        check_text(list->item[i], size);
}

static bool within(uint32_t number, uint32_t limit)
{
    return number <= limit;
}

static bool same_text(const char *a, const char *b)
{
    return !a || !b ? a == b : strcmp(a, b) == 0;
}

static void check_guard(size_t size)
{
    struct guard_request r, copy;
    const struct settings *const s = &r.settings;

    if (!wire_read_guard(&r, message, size))
        return;
    MUST(wire_type_of(message, size) == WIRE_GUARD && r.pending <= WIRE_PENDING_REPORTED);
    check_text(r.program, size);
    check_text(r.failure, size);
    check_text(s->rule, size);
    check_list(&r.asked, size);
#define NUMBER(KEY, type, member, place, limit, default, context, server) \
    MUST(within((uint32_t)s->member, limit));
#define TEXT(KEY, member, tag, context, server) check_text(s->member, size);
#define LIST(KEY, member, tag, context, server) check_list(&s->member, size);
#include "wire/settings.def"
    MUST(wire_read_guard(&copy, again, wire_write_guard(again, &r)));
    MUST(memcmp(copy.token, r.token, sizeof r.token) == 0 && copy.cookie == r.cookie);
    MUST(copy.asked.count == r.asked.count);
#define NUMBER(KEY, type, member, place, limit, default, context, server) \
    MUST(copy.settings.member == s->member);
#define TEXT(KEY, member, tag, context, server) MUST(same_text(copy.settings.member, s->member));
#define LIST(KEY, member, tag, context, server) MUST(copy.settings.member.count == s->member.count);
#include "wire/settings.def"
    MUST(same_text(r.failure, copy.failure));
}

static void check_option(size_t size)
{
    struct option_request r, copy;

    if (!wire_read_option(&r, message, size))
        return;
    MUST(r.value_length <= WIRE_VALUE_LIMIT);
    if (r.value_length > 0)
        check_bytes(r.value, r.value_length, size);
    MUST(wire_read_option(&copy, again, wire_write_option(again, wire_type_of(message, size), &r)));
    MUST(copy.cookie == r.cookie && copy.level == r.level && copy.name == r.name && copy.size == r.size &&
         copy.value_length == r.value_length);
}

static void check_reply(size_t size)
{
    struct wire_reply r, copy;

    if (!wire_read_reply(&r, message, size))
        return;
    MUST(r.value_length <= WIRE_VALUE_LIMIT);
    if (r.value_length > 0)
        check_bytes(r.value, r.value_length, size);
    MUST(wire_read_reply(&copy, again, wire_write_reply(again, &r)) && copy.error == r.error);
}

static void check_connection(size_t size)
{
    struct wire_connection c, copy;

    if (!wire_read_connection(&c, message, size))
        return;
    MUST(c.stage < WIRE_STAGES && c.level <= LEVEL_FINGERPRINT);
    check_text(c.program, size);
    check_text(c.server, size);
    check_text(c.protocol, size);
    check_text(c.version, size);
    check_text(c.cipher, size);
    MUST(wire_read_connection(&copy, again, wire_write_connection(again, &c)));
    MUST(copy.up == c.up && copy.down == c.down && copy.pid == c.pid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > sizeof message)
        return 0;
    /* What follows the message must not be read as part of it. */
    memset(message, 'x', sizeof message);
    if (size > 0)
        memcpy(message, data, size);
    check_guard(size);
    check_option(size);
    check_reply(size);
    check_connection(size);
    return 0;
}
