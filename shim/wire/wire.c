#include "wire/wire.h"

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

enum tag {
    TAG_TOKEN = 1,
    TAG_GUARD = 2,
    TAG_PROGRAM = 3,
    TAG_ASKED = 4,
    TAG_SETTINGS = 5,
    TAG_CONNECT_HOST = 6,
    TAG_SERVERNAME = 7,
    TAG_CA_FILE = 8,
    TAG_CA_DIR = 9,
    TAG_CRL_FILE = 10,
    TAG_CIPHERS = 11,
    TAG_CIPHERSUITES = 12,
    TAG_GROUPS = 13,
    TAG_CLIENT_CERT = 14,
    TAG_CLIENT_KEY = 15,
    TAG_LOG = 16,
    TAG_RULE = 17,
    TAG_NAME = 18,
    TAG_FINGERPRINT = 19,
    TAG_OPTION = 20,
    TAG_VALUE = 21,
    TAG_ERROR = 22,
    TAG_FAILURE = 23,
    TAGS = 24,
};

struct guard_numbers {
    uint64_t cookie;
    uint32_t pid, pending, filler, elapsed;
    struct wire_address asked_address;
};

struct settings_numbers {
    uint32_t level, protocol, implicit, testing;
    uint32_t timeout, greeting_timeout, tls_min, tls_max, connect_port;
};

struct option_numbers {
    uint64_t cookie;
    int32_t level, name;
    uint32_t size, zero;
};

/* ---- writing ---- */

struct writer {
    uint8_t *out;
    size_t used;
    bool full;
};

static void start(struct writer *w, uint8_t *out)
{
    *w = (struct writer){.out = out, .used = sizeof(struct head)};
}

static void put(struct writer *w, enum tag tag, const void *bytes, size_t length)
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

static void put_text(struct writer *w, enum tag tag, const char *text)
{
    if (!text)
        return;
    if (strlen(text) >= WIRE_TEXT_LIMIT)
        w->full = true;
    else
        put(w, tag, text, strlen(text) + 1);
}

static void put_list(struct writer *w, enum tag tag, const struct text_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        put_text(w, tag, list->item[i]);
}

static size_t finish(struct writer *w, enum wire_type type)
{
    const struct head head = {
        .magic = WIRE_MAGIC, .version = WIRE_VERSION, .type = (uint16_t)type, .length = (uint32_t)w->used};

    if (w->full)
        return 0;
    memcpy(w->out, &head, sizeof head);
    return w->used;
}

static void put_settings(struct writer *w, const struct settings *s)
{
    const struct settings_numbers numbers = {.level = s->level,
                                             .protocol = s->protocol,
                                             .implicit = s->implicit,
                                             .testing = s->testing,
                                             .timeout = s->timeout,
                                             .greeting_timeout = s->greeting_timeout,
                                             .tls_min = s->tls_min,
                                             .tls_max = s->tls_max,
                                             .connect_port = s->connect_port};

    put(w, TAG_SETTINGS, &numbers, sizeof numbers);
    put_text(w, TAG_CONNECT_HOST, s->connect_host);
    put_text(w, TAG_SERVERNAME, s->servername);
    put_text(w, TAG_CA_FILE, s->ca_file);
    put_text(w, TAG_CA_DIR, s->ca_dir);
    put_text(w, TAG_CRL_FILE, s->crl_file);
    put_text(w, TAG_CIPHERS, s->ciphers);
    put_text(w, TAG_CIPHERSUITES, s->ciphersuites);
    put_text(w, TAG_GROUPS, s->groups);
    put_text(w, TAG_CLIENT_CERT, s->client_cert);
    put_text(w, TAG_CLIENT_KEY, s->client_key);
    put_text(w, TAG_LOG, s->log);
    put_text(w, TAG_RULE, s->rule);
    put_list(w, TAG_NAME, &s->names);
    put_list(w, TAG_FINGERPRINT, &s->fingerprints);
}

size_t wire_write_guard(uint8_t *out, const struct guard_request *r)
{
    const struct guard_numbers numbers = {.cookie = r->cookie,
                                          .pid = r->pid,
                                          .pending = r->pending,
                                          .filler = r->filler,
                                          .elapsed = r->elapsed,
                                          .asked_address = r->asked_address};
    struct writer w;

    start(&w, out);
    put(&w, TAG_TOKEN, r->token, sizeof r->token);
    put(&w, TAG_GUARD, &numbers, sizeof numbers);
    put_text(&w, TAG_PROGRAM, r->program);
    put_text(&w, TAG_FAILURE, r->failure);
    put_list(&w, TAG_ASKED, &r->asked);
    put_settings(&w, &r->settings);
    return finish(&w, WIRE_GUARD);
}

size_t wire_write_option(uint8_t *out, enum wire_type type, const struct option_request *r)
{
    const struct option_numbers numbers = {
        .cookie = r->cookie, .level = r->level, .name = r->name, .size = r->size};
    struct writer w;

    if (r->value_length > WIRE_VALUE_LIMIT)
        return 0;
    start(&w, out);
    put(&w, TAG_OPTION, &numbers, sizeof numbers);
    put(&w, TAG_VALUE, r->value, r->value_length);
    return finish(&w, type);
}

size_t wire_write_reply(uint8_t *out, const struct wire_reply *r)
{
    struct writer w;

    if (r->value_length > WIRE_VALUE_LIMIT)
        return 0;
    start(&w, out);
    put(&w, TAG_ERROR, &r->error, sizeof r->error);
    put(&w, TAG_VALUE, r->value, r->value_length);
    return finish(&w, WIRE_REPLY);
}

/* ---- reading ---- */

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

static bool open_message(struct reader *r, enum wire_type type, const uint8_t *message, size_t length)
{
    *r = (struct reader){.message = message, .length = length, .at = sizeof(struct head)};
    return wire_type_of(message, length) == type;
}

static bool repeatable(enum tag tag)
{
    return tag == TAG_ASKED || tag == TAG_NAME || tag == TAG_FINGERPRINT;
}

static enum step next(struct reader *r, struct field *out)
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

static bool take(void *to, size_t size, const struct field *f)
{
    if (f->length != size)
        return false;
    memcpy(to, f->bytes, size);
    return true;
}

static bool take_text(const char **to, const struct field *f)
{
    if (f->length == 0 || f->length > WIRE_TEXT_LIMIT ||
        memchr(f->bytes, 0, f->length) != f->bytes + f->length - 1)
        return false;
    *to = (const char *)f->bytes;
    return true;
}

static bool take_item(struct text_list *list, const struct field *f)
{
    return list->count < SETTINGS_LIST_LIMIT && take_text(&list->item[list->count++], f);
}

static bool take_numbers(struct settings *s, const struct field *f)
{
    struct settings_numbers n;

    if (!take(&n, sizeof n, f) || n.level > LEVEL_FINGERPRINT || n.protocol >= PROTOCOL_KINDS ||
        n.implicit > 1 || n.testing > 1 || n.connect_port > UINT16_MAX)
        return false;
    s->level = (enum level)n.level;
    s->protocol = (enum protocol_kind)n.protocol;
    s->implicit = n.implicit == 1;
    s->testing = n.testing == 1;
    s->timeout = n.timeout;
    s->greeting_timeout = n.greeting_timeout;
    s->tls_min = n.tls_min;
    s->tls_max = n.tls_max;
    s->connect_port = n.connect_port;
    return true;
}

static bool take_setting(struct settings *s, const struct field *f)
{
    switch (f->tag) {
    case TAG_SETTINGS:
        return take_numbers(s, f);
    case TAG_CONNECT_HOST:
        return take_text(&s->connect_host, f);
    case TAG_SERVERNAME:
        return take_text(&s->servername, f);
    case TAG_CA_FILE:
        return take_text(&s->ca_file, f);
    case TAG_CA_DIR:
        return take_text(&s->ca_dir, f);
    case TAG_CRL_FILE:
        return take_text(&s->crl_file, f);
    case TAG_CIPHERS:
        return take_text(&s->ciphers, f);
    case TAG_CIPHERSUITES:
        return take_text(&s->ciphersuites, f);
    case TAG_GROUPS:
        return take_text(&s->groups, f);
    case TAG_CLIENT_CERT:
        return take_text(&s->client_cert, f);
    case TAG_CLIENT_KEY:
        return take_text(&s->client_key, f);
    case TAG_LOG:
        return take_text(&s->log, f);
    case TAG_RULE:
        return take_text(&s->rule, f);
    case TAG_NAME:
        return take_item(&s->names, f);
    case TAG_FINGERPRINT:
        return take_item(&s->fingerprints, f);
    default:
        return false;
    }
}

static bool take_guard(struct guard_request *request, const struct field *f)
{
    struct guard_numbers n;

    if (!take(&n, sizeof n, f) || n.pending > 1)
        return false;
    request->cookie = n.cookie;
    request->pid = n.pid;
    request->pending = n.pending;
    request->filler = n.filler;
    request->elapsed = n.elapsed;
    request->asked_address = n.asked_address;
    return true;
}

bool wire_read_guard(struct guard_request *request, const uint8_t *message, size_t length)
{
    struct reader r;
    struct field f;
    enum step step;

    memset(request, 0, sizeof *request);
    if (!open_message(&r, WIRE_GUARD, message, length))
        return false;
    while ((step = next(&r, &f)) == FIELD) {
        bool good;

        if (f.tag == TAG_TOKEN)
            good = take(request->token, sizeof request->token, &f);
        else if (f.tag == TAG_GUARD)
            good = take_guard(request, &f);
        else if (f.tag == TAG_PROGRAM)
            good = take_text(&request->program, &f);
        else if (f.tag == TAG_FAILURE)
            good = take_text(&request->failure, &f);
        else if (f.tag == TAG_ASKED)
            good = take_item(&request->asked, &f);
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
    if (!open_message(&r, wire_type_of(message, length), message, length))
        return false;
    while ((step = next(&r, &f)) == FIELD) {
        if (f.tag == TAG_OPTION && take(&n, sizeof n, &f)) {
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
    if (!open_message(&r, WIRE_REPLY, message, length))
        return false;
    while ((step = next(&r, &f)) == FIELD) {
        if (f.tag == TAG_ERROR) {
            if (!take(&reply->error, sizeof reply->error, &f))
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
