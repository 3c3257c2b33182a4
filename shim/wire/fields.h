/*
 * The parts of a message: a head, then fields of a tag, a length and bytes, padded to four. Only wire.c and
 * connection_message.c use this.
 */
#ifndef RETROTLS_WIRE_FIELDS_H
#define RETROTLS_WIRE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

/* Numbers that never change. Those of the settings are in settings.def. */
enum tag {
    TAG_TOKEN = 1,
    TAG_GUARD = 2,
    TAG_PROGRAM = 3,
    TAG_ASKED = 4,
    TAG_SETTINGS = 5, /* all numbers of the settings */
#define TEXT(KEY, member, tag, context, server) TAG_##KEY = tag,
#define LIST(KEY, member, tag, context, server) TAG_##KEY = tag,
#include "wire/settings.def"
    TAG_RULE = 17,
    TAG_OPTION = 20,
    TAG_VALUE = 21,
    TAG_ERROR = 22,
    TAG_FAILURE = 23,
    TAG_CONNECTION = 24,
    TAG_SERVER = 25,
    TAG_PROTOCOL = 26,
    TAG_VERSION = 27,
    TAG_CIPHER = 28,
    TAG_ALTERNATIVE = 29,
    TAGS = 64, /* all are smaller */
};

struct writer {
    uint8_t *out;
    size_t used;
    bool full;
};

void fields_start(struct writer *w, uint8_t *out);
/* Each appends a field. If one does not fit, fields_finish() returns 0. */
void fields_put(struct writer *w, enum tag tag, const void *bytes, size_t length);
void fields_put_text(struct writer *w, enum tag tag, const char *text); /* NULL: no field */
void fields_put_list(struct writer *w, enum tag tag, const struct text_list *list);
/* Returns the length of the whole message, or 0 if a field did not fit. */
size_t fields_finish(struct writer *w, enum wire_type type);

struct reader {
    const uint8_t *message;
    size_t length, at;
    bool seen[TAGS];
};

struct field {
    enum tag tag;
    const uint8_t *bytes;
    size_t length;
};

enum step { FIELD, END, MALFORMED };

/* False if this is not a message of that type. */
bool fields_open(struct reader *r, enum wire_type type, const uint8_t *message, size_t length);
enum step fields_next(struct reader *r, struct field *out);
/* Each reads a field's content. False if its size or form is wrong. */
bool fields_take(void *to, size_t size, const struct field *f);
bool fields_take_text(const char **to, const struct field *f);
bool fields_take_item(struct text_list *list, const struct field *f);

#endif
