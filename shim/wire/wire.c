#include "wire/wire.h"

#include <string.h>

#include "wire/fields.h"

struct guard_numbers {
    uint64_t cookie;
    uint32_t pid, pending, filler, elapsed;
    struct wire_address asked_address;
};

enum {
#define NUMBER(KEY, type, member, place, limit, default, context, server) AMONG_NUMBERS_##member,
#include "wire/settings.def"
    SETTINGS_NUMBERS
};

/* The places of settings.def are 0 to SETTINGS_NUMBERS - 1, each taken once. */
#define NUMBER(KEY, type, member, place, limit, default, context, server) | 1ULL << place
_Static_assert((0
#include "wire/settings.def"
                ) == (1ULL << SETTINGS_NUMBERS) - 1,
               "two numbers of the settings have one place, or a place between them is free");

struct settings_numbers {
    uint32_t at[SETTINGS_NUMBERS];
};

/* Only if there is an alternative. */
struct alternative_numbers {
    struct wire_address to;
    uint32_t failed;
};

struct option_numbers {
    uint64_t cookie;
    int32_t level, name;
    uint32_t size, zero;
};

/* ---- writing ---- */

static void put_settings(struct writer *w, const struct settings *s)
{
    const struct settings_numbers numbers = {.at = {
#define NUMBER(KEY, type, member, place, limit, default, context, server) [place] = s->member,
#include "wire/settings.def"
                                             }};

    fields_put(w, TAG_SETTINGS, &numbers, sizeof numbers);
#define TEXT(KEY, member, tag, context, server) fields_put_text(w, tag, s->member);
#define LIST(KEY, member, tag, context, server) fields_put_list(w, tag, &s->member);
#include "wire/settings.def"
    fields_put_text(w, TAG_RULE, s->rule);
}

size_t wire_write_guard(uint8_t *out, const struct guard_request *r)
{
    const struct guard_numbers numbers = {.cookie = r->cookie,
                                          .pid = r->pid,
                                          .pending = r->pending,
                                          .filler = r->filler,
                                          .elapsed = r->elapsed,
                                          .asked_address = r->asked_address};
    const struct alternative_numbers alternative = {.to = r->alternative, .failed = r->failed};
    struct writer w;

    fields_start(&w, out);
    fields_put(&w, TAG_TOKEN, r->token, sizeof r->token);
    fields_put(&w, TAG_GUARD, &numbers, sizeof numbers);
    if (alternative.to.family != 0)
        fields_put(&w, TAG_ALTERNATIVE, &alternative, sizeof alternative);
    fields_put_text(&w, TAG_PROGRAM, r->program);
    fields_put_text(&w, TAG_FAILURE, r->failure);
    fields_put_list(&w, TAG_ASKED, &r->asked);
    put_settings(&w, &r->settings);
    return fields_finish(&w, WIRE_GUARD);
}

size_t wire_write_option(uint8_t *out, enum wire_type type, const struct option_request *r)
{
    const struct option_numbers numbers = {
        .cookie = r->cookie, .level = r->level, .name = r->name, .size = r->size};
    struct writer w;

    if (r->value_length > WIRE_VALUE_LIMIT)
        return 0;
    fields_start(&w, out);
    fields_put(&w, TAG_OPTION, &numbers, sizeof numbers);
    fields_put(&w, TAG_VALUE, r->value, r->value_length);
    return fields_finish(&w, type);
}

size_t wire_write_reply(uint8_t *out, const struct wire_reply *r)
{
    struct writer w;

    if (r->value_length > WIRE_VALUE_LIMIT)
        return 0;
    fields_start(&w, out);
    fields_put(&w, TAG_ERROR, &r->error, sizeof r->error);
    fields_put(&w, TAG_VALUE, r->value, r->value_length);
    return fields_finish(&w, WIRE_REPLY);
}

/* ---- reading ---- */

static bool take_numbers(struct settings *s, const struct field *f)
{
    static const uint32_t limits[SETTINGS_NUMBERS] = {
#define NUMBER(KEY, type, member, place, limit, default, context, server) [place] = limit,
#include "wire/settings.def"
    };
    struct settings_numbers n;

    if (!fields_take(&n, sizeof n, f))
        return false;
    for (size_t i = 0; i < SETTINGS_NUMBERS; i++)
        if (n.at[i] > limits[i])
            return false;
#define NUMBER(KEY, type, member, place, limit, default, context, server) s->member = (type)n.at[place];
#include "wire/settings.def"
    return true;
}

static bool take_setting(struct settings *s, const struct field *f)
{
    switch (f->tag) {
    case TAG_SETTINGS:
        return take_numbers(s, f);
    case TAG_RULE:
        return fields_take_text(&s->rule, f);
#define TEXT(KEY, member, tag, context, server) \
    case TAG_##KEY:                             \
        return fields_take_text(&s->member, f);
#define LIST(KEY, member, tag, context, server) \
    case TAG_##KEY:                             \
        return fields_take_item(&s->member, f);
#include "wire/settings.def"
    default:
        return false;
    }
}

static bool take_guard(struct guard_request *request, const struct field *f)
{
    struct guard_numbers n;

    if (!fields_take(&n, sizeof n, f) || n.pending > WIRE_PENDING_REPORTED)
        return false;
    request->cookie = n.cookie;
    request->pid = n.pid;
    request->pending = n.pending;
    request->filler = n.filler;
    request->elapsed = n.elapsed;
    request->asked_address = n.asked_address;
    return true;
}

static bool take_alternative(struct guard_request *request, const struct field *f)
{
    struct alternative_numbers n;

    if (!fields_take(&n, sizeof n, f) || n.to.family == 0)
        return false;
    request->alternative = n.to;
    request->failed = n.failed;
    return true;
}

const uint8_t *wire_token_of(const uint8_t *begin, size_t length)
{
    struct reader r;
    struct field f;

    if (length < WIRE_TOKEN_END || !fields_open(&r, WIRE_GUARD, begin, length))
        return NULL;
    r.length = WIRE_TOKEN_END;
    return fields_next(&r, &f) == FIELD && f.tag == TAG_TOKEN && f.length == WIRE_TOKEN_SIZE ? f.bytes : NULL;
}

bool wire_read_guard(struct guard_request *request, const uint8_t *message, size_t length)
{
    struct reader r;
    struct field f;
    enum step step;

    memset(request, 0, sizeof *request);
    if (!fields_open(&r, WIRE_GUARD, message, length))
        return false;
    while ((step = fields_next(&r, &f)) == FIELD) {
        bool good;

        if (f.tag == TAG_TOKEN)
            good = fields_take(request->token, sizeof request->token, &f);
        else if (f.tag == TAG_GUARD)
            good = take_guard(request, &f);
        else if (f.tag == TAG_ALTERNATIVE)
            good = take_alternative(request, &f);
        else if (f.tag == TAG_PROGRAM)
            good = fields_take_text(&request->program, &f);
        else if (f.tag == TAG_FAILURE)
            good = fields_take_text(&request->failure, &f);
        else if (f.tag == TAG_ASKED)
            good = fields_take_item(&request->asked, &f);
        else
            good = take_setting(&request->settings, &f);
        if (!good)
            return false;
    }
    return step == END && r.seen[TAG_TOKEN] && r.seen[TAG_GUARD] && r.seen[TAG_SETTINGS];
}

bool wire_read_option(struct option_request *request, const uint8_t *message, size_t length)
{
    struct option_numbers n;
    struct reader r;
    struct field f;
    enum step step;

    memset(request, 0, sizeof *request);
    if (!fields_open(&r, wire_type_of(message, length), message, length))
        return false;
    while ((step = fields_next(&r, &f)) == FIELD) {
        if (f.tag == TAG_OPTION && fields_take(&n, sizeof n, &f)) {
            request->cookie = n.cookie;
            request->level = n.level;
            request->name = n.name;
            request->size = n.size;
        } else if (f.tag == TAG_VALUE && f.length <= WIRE_VALUE_LIMIT) {
            request->value = f.bytes;
            request->value_length = (uint32_t)f.length;
        } else {
            return false;
        }
    }
    return step == END && r.seen[TAG_OPTION];
}

bool wire_read_reply(struct wire_reply *reply, const uint8_t *message, size_t length)
{
    struct reader r;
    struct field f;
    enum step step;

    memset(reply, 0, sizeof *reply);
    if (!fields_open(&r, WIRE_REPLY, message, length))
        return false;
    while ((step = fields_next(&r, &f)) == FIELD) {
        if (f.tag == TAG_ERROR) {
            if (!fields_take(&reply->error, sizeof reply->error, &f))
                return false;
        } else if (f.tag == TAG_VALUE && f.length <= WIRE_VALUE_LIMIT) {
            reply->value = f.bytes;
            reply->value_length = (uint32_t)f.length;
        } else {
            return false;
        }
    }
    return step == END && r.seen[TAG_ERROR];
}
