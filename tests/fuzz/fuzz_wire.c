/*
 * Messages between library and relay, as either end reads them: what is taken is whole, bounded, inside the
 * message, and is the same again when it is written and read once more.
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

static void check_guard(size_t size)
{
    struct guard_request r, copy;
    const struct settings *const s = &r.settings;

    if (!wire_read_guard(&r, message, size))
        return;
    MUST(wire_type_of(message, size) == WIRE_GUARD && r.pending <= WIRE_PENDING_TOLD);
    MUST(s->level <= LEVEL_FINGERPRINT && s->protocol < PROTOCOL_KINDS && s->connect_port <= UINT16_MAX);
    const char *const texts[] = {r.program,      r.failure,     s->connect_host, s->servername,   s->ca_file,
                                 s->ca_dir,      s->crl_file,   s->ciphers,      s->ciphersuites, s->groups,
                                 s->client_cert, s->client_key, s->log,          s->rule};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check_text(texts[i], size);
    check_list(&r.asked, size);
    check_list(&s->names, size);
    check_list(&s->fingerprints, size);
    MUST(wire_read_guard(&copy, again, wire_write_guard(again, &r)));
    MUST(memcmp(copy.token, r.token, sizeof r.token) == 0 && copy.cookie == r.cookie);
    MUST(copy.asked.count == r.asked.count && copy.settings.names.count == s->names.count);
    MUST(!r.failure == !copy.failure && (!r.failure || strcmp(r.failure, copy.failure) == 0));
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
    /* Behind the message stands what no reader may take for a part of it. */
    memset(message, 'x', sizeof message);
    if (size > 0)
        memcpy(message, data, size);
    check_guard(size);
    check_option(size);
    check_reply(size);
    check_connection(size);
    return 0;
}
