#include "wire/fields.h"

#include <string.h>

struct head {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
    uint32_t length; /* of the whole message */
    uint32_t zero;
};

struct field_head {
    uint16_t tag;
    uint16_t zero;
    uint32_t length; /* without padding */
};

/* ---- writing ---- */

void fields_start(struct writer *w, uint8_t *out)
{
    *w = (struct writer){.out = out, .used = sizeof(struct head)};
}

void fields_put(struct writer *w, enum tag tag, const void *bytes, size_t length)
{
    const struct field_head field = {.tag = (uint16_t)tag, .length = (uint32_t)length};
    const size_t padded = (length + 3) & ~(size_t)3;

    if (w->full || length > WIRE_MESSAGE_LIMIT || w->used + sizeof field + padded > WIRE_MESSAGE_LIMIT) {
        w->full = true;
        return;
    }
    memcpy(w->out + w->used, &field, sizeof field);
    memset(w->out + w->used + sizeof field, 0, padded);
    if (length > 0)
        memcpy(w->out + w->used + sizeof field, bytes, length);
    w->used += sizeof field + padded;
}

void fields_put_text(struct writer *w, enum tag tag, const char *text)
{
    if (!text)
        return;
    if (strlen(text) >= WIRE_TEXT_LIMIT)
        w->full = true;
    else
        fields_put(w, tag, text, strlen(text) + 1);
}

void fields_put_list(struct writer *w, enum tag tag, const struct text_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        fields_put_text(w, tag, list->item[i]);
}

size_t fields_finish(struct writer *w, enum wire_type type)
{
    const struct head head = {
        .magic = WIRE_MAGIC, .version = WIRE_VERSION, .type = (uint16_t)type, .length = (uint32_t)w->used};

    if (w->full)
        return 0;
    memcpy(w->out, &head, sizeof head);
    return w->used;
}

/* ---- reading ---- */

enum wire_type wire_type_of(const uint8_t *message, size_t length)
{
    struct head head;

    if (length < sizeof head)
        return 0;
    memcpy(&head, message, sizeof head);
    if (head.magic != WIRE_MAGIC || head.version != WIRE_VERSION || head.length != length || head.zero != 0)
        return 0;
    return (enum wire_type)head.type;
}

bool fields_open(struct reader *r, enum wire_type type, const uint8_t *message, size_t length)
{
    *r = (struct reader){.message = message, .length = length, .at = sizeof(struct head)};
    return wire_type_of(message, length) == type;
}

#define TEXT(KEY, member, tag, context, server) _Static_assert(tag > 0 && tag < TAGS, #KEY "'s tag");
#define LIST(KEY, member, tag, context, server) _Static_assert(tag > 0 && tag < TAGS, #KEY "'s tag");
#include "wire/settings.def"

/* Has each tag once: two with the same number do not compile. */
static bool repeatable(enum tag tag)
{
    switch (tag) {
    case TAG_ASKED:
#define LIST(KEY, member, tag, context, server) case TAG_##KEY:
#include "wire/settings.def"
        return true;
#define TEXT(KEY, member, tag, context, server) case TAG_##KEY:
#include "wire/settings.def"
    case TAG_TOKEN:
    case TAG_GUARD:
    case TAG_PROGRAM:
    case TAG_SETTINGS:
    case TAG_RULE:
    case TAG_OPTION:
    case TAG_VALUE:
    case TAG_ERROR:
    case TAG_FAILURE:
    case TAG_CONNECTION:
    case TAG_SERVER:
    case TAG_PROTOCOL:
    case TAG_VERSION:
    case TAG_CIPHER:
    case TAG_ALTERNATIVE:
    case TAGS:
        break;
    }
    return false;
}

enum step fields_next(struct reader *r, struct field *out)
{
    struct field_head head;
    size_t padded;

    if (r->at == r->length)
        return END;
    if (r->length - r->at < sizeof head)
        return MALFORMED;
    memcpy(&head, r->message + r->at, sizeof head);
    r->at += sizeof head;
    padded = ((size_t)head.length + 3) & ~(size_t)3;
    if (head.zero != 0 || head.tag == 0 || head.tag >= TAGS || head.length > r->length ||
        padded > r->length - r->at)
        return MALFORMED;
    if (r->seen[head.tag] && !repeatable(head.tag))
        return MALFORMED;
    r->seen[head.tag] = true;
    *out = (struct field){.tag = head.tag, .bytes = r->message + r->at, .length = head.length};
    r->at += padded;
    return FIELD;
}

bool fields_take(void *to, size_t size, const struct field *f)
{
    if (f->length != size)
        return false;
    memcpy(to, f->bytes, size);
    return true;
}

bool fields_take_text(const char **to, const struct field *f)
{
    if (f->length == 0 || f->length > WIRE_TEXT_LIMIT ||
        memchr(f->bytes, 0, f->length) != f->bytes + f->length - 1)
        return false;
    *to = (const char *)f->bytes;
    return true;
}

bool fields_take_item(struct text_list *list, const struct field *f)
{
    return list->count < SETTINGS_LIST_LIMIT && fields_take_text(&list->item[list->count++], f);
}
