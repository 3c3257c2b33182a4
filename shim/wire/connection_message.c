#include <string.h>

#include "wire/fields.h"
#include "wire/wire.h"

struct connection_numbers {
    uint64_t age, up, down;
    uint32_t pid, stage, level, zero;
    struct wire_address address;
};

size_t wire_write_status(uint8_t *out)
{
    struct writer w;

    fields_start(&w, out);
    return fields_finish(&w, WIRE_STATUS);
}

size_t wire_write_connection(uint8_t *out, const struct wire_connection *c)
{
    const struct connection_numbers numbers = {.age = c->age,
                                               .up = c->up,
                                               .down = c->down,
                                               .pid = c->pid,
                                               .stage = c->stage,
                                               .level = c->level,
                                               .address = c->address};
    struct writer w;

    fields_start(&w, out);
    fields_put(&w, TAG_CONNECTION, &numbers, sizeof numbers);
    fields_put_text(&w, TAG_PROGRAM, c->program);
    fields_put_text(&w, TAG_SERVER, c->server);
    fields_put_text(&w, TAG_PROTOCOL, c->protocol);
    fields_put_text(&w, TAG_VERSION, c->version);
    fields_put_text(&w, TAG_CIPHER, c->cipher);
    return fields_finish(&w, WIRE_CONNECTION);
}

static bool take_numbers(struct wire_connection *c, const struct field *f)
{
    struct connection_numbers n;

    if (!fields_take(&n, sizeof n, f) || n.stage >= WIRE_STAGES || n.level > LEVEL_FINGERPRINT)
        return false;
    c->age = n.age;
    c->up = n.up;
    c->down = n.down;
    c->pid = n.pid;
    c->stage = (enum wire_stage)n.stage;
    c->level = (enum level)n.level;
    c->address = n.address;
    return true;
}

static bool take_field(struct wire_connection *c, const struct field *f)
{
    switch (f->tag) {
    case TAG_CONNECTION:
        return take_numbers(c, f);
    case TAG_PROGRAM:
        return fields_take_text(&c->program, f);
    case TAG_SERVER:
        return fields_take_text(&c->server, f);
    case TAG_PROTOCOL:
        return fields_take_text(&c->protocol, f);
    case TAG_VERSION:
        return fields_take_text(&c->version, f);
    case TAG_CIPHER:
        return fields_take_text(&c->cipher, f);
    default:
        return false;
    }
}

bool wire_read_connection(struct wire_connection *c, const uint8_t *message, size_t length)
{
    struct reader r;
    struct field f;
    enum step step;

    memset(c, 0, sizeof *c);
    if (!fields_open(&r, WIRE_CONNECTION, message, length))
        return false;
    while ((step = fields_next(&r, &f)) == FIELD) {
        if (!take_field(c, &f))
            return false;
    }
    return step == END && r.seen[TAG_CONNECTION];
}
