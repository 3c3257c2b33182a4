/* Reads the values of settings. */
#include <string.h>

#include "policy/language/keywords.h"
#include "policy/language/loader.h"
#include "policy/language/paths.h"

struct reading {
    struct loader *loader;
    const struct word *word;
    struct setting *setting;
};

static bool refuse(const struct reading *r, enum message message, const char *a, const char *b)
{
    errors_report(&r->loader->errors, &r->word->place, message, a, b, NULL);
    return false;
}

/* The same, with the caret under the byte at `offset` if the word is not quoted. */
static bool refuse_at(const struct reading *r, size_t offset, enum message message, const char *a,
                      const char *b)
{
    struct place place = r->word->place;

    if (!r->word->quoted) {
        place.offset += (uint32_t)offset;
        place.width = 1;
    }
    errors_report(&r->loader->errors, &place, message, a, b, NULL);
    return false;
}

static bool keep(const struct reading *r, const char *text, size_t length)
{
    r->setting->text = loader_text(r->loader, &r->word->place, text, length);
    return r->setting->text != NULL;
}

static bool read_word(const struct reading *r, const char *const *words)
{
    const int index = word_index(r->word->text, words);

    if (index < 0) {
        errors_report_word(&r->loader->errors, &r->word->place, MESSAGE_UNKNOWN_VALUE, r->word->text,
                           policy_setting_name(r->setting->key), words, "it is one of");
        return false;
    }
    r->setting->number = (uint32_t)index;
    return true;
}

static bool read_version(const struct reading *r)
{
    if (!read_word(r, version_words))
        return false;
    r->setting->number = r->setting->number == 0 ? SETTINGS_TLS_1_2 : SETTINGS_TLS_1_3;
    return true;
}

/* Keeps the name as we compare it with a certificate: in lower case, without a final dot. */
static bool keep_host(const struct reading *r, const char *name, size_t length)
{
    char lowered[WORD_LIMIT] = "";

    if (length > 1 && name[length - 1] == '.')
        length--;
    for (size_t i = 0; i < length; i++)
        lowered[i] = lower(name[i]);
    return keep(r, lowered, length);
}

static bool is_address(const char *text)
{
    struct network network;

    return !strchr(text, '/') && network_read(&network, text) == NETWORK_GOOD;
}

static bool read_host(const struct reading *r, const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80)
            return refuse(r, MESSAGE_HOST_NOT_ASCII, NULL, NULL);
    if (strchr(name, ','))
        return refuse(r, MESSAGE_COMMA, name, NULL);
    if (name[0] == '.' || strpbrk(name, "*?"))
        return refuse(r, MESSAGE_NAME_PATTERN, name, NULL);
    if (!is_host_name(name, false))
        return refuse(r, MESSAGE_HOST_BAD, name, NULL);
    return keep_host(r, name, strlen(name));
}

static bool read_name(const struct reading *r)
{
    const char *name = r->word->text;

    return is_address(name) ? keep(r, name, r->word->length) : read_host(r, name);
}

static bool read_servername(const struct reading *r)
{
    if (is_address(r->word->text))
        return refuse(r, MESSAGE_SERVERNAME_ADDRESS, r->word->text, NULL);
    return read_host(r, r->word->text);
}

static bool read_port(const struct reading *r, const char *text, uint32_t *port)
{
    uint16_t service;

    if (read_number(text, 65535, port, NULL))
        return *port > 0;
    if (!service_port(&r->loader->services, text, &service))
        return false;
    *port = service;
    return true;
}

static bool read_implicit_port(const struct reading *r)
{
    return read_port(r, r->word->text, &r->setting->number) ||
           refuse(r, MESSAGE_PORT_NOT_ONE, r->word->text, NULL);
}

/* PORT, HOST:PORT, [IPV6-ADDRESS]:PORT */
static bool read_connect_to(const struct reading *r)
{
    const char *text = r->word->text, *colon = strrchr(text, ':');
    char host[WORD_LIMIT];
    size_t length;

    if (!colon)
        return read_port(r, text, &r->setting->number) || refuse(r, MESSAGE_CONNECT_TO_BAD, text, NULL);
    length = (size_t)(colon - text);
    if (text[0] == '[' && colon[-1] == ']') {
        text++;
        length -= 2;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    if (!read_port(r, colon + 1, &r->setting->number) || (text != r->word->text) == !strchr(host, ':') ||
        !(is_address(host) || is_host_name(host, false)))
        return refuse(r, MESSAGE_CONNECT_TO_BAD, r->word->text, NULL);
    return keep_host(r, host, length);
}

static bool is_hex(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

/* Reads KIND:HEX, with or without colons between the bytes. We keep it in lower case, without the colons. */
static bool read_fingerprint(const struct reading *r)
{
    const char *text = r->word->text;
    char kept[16 + 64 + 1], kind[16], count[24];
    struct text out = text_in(kept, sizeof kept), number = text_in(count, sizeof count);
    const char *colon = strchr(text, ':');
    size_t digits = 0, at = 0;

    while (pin_words[at] && strncmp(text, pin_words[at], strlen(pin_words[at])) != 0)
        at++;
    if (!pin_words[at]) {
        if (!colon || colon - text == 2 || (size_t)(colon - text) > sizeof kind - 2)
            return refuse(r, MESSAGE_FINGERPRINT_BARE, text, NULL);
        memcpy(kind, text, (size_t)(colon - text) + 1);
        kind[colon - text + 1] = '\0';
        errors_report_word(&r->loader->errors, &r->word->place, MESSAGE_UNKNOWN_VALUE, kind, "fingerprint",
                           pin_words, "it is one of");
        return false;
    }
    text_add(&out, pin_words[at]);
    for (at = strlen(pin_words[at]); text[at] != '\0'; at++) {
        const char c = lower(text[at]);

        if (c == ':')
            continue;
        if (!is_hex(c))
            return refuse_at(r, at, MESSAGE_FINGERPRINT_DIGIT, NULL, NULL);
        text_add_bytes(&out, &c, 1);
        digits++;
    }
    text_add_number(&number, digits);
    if (digits != 64)
        return refuse(r, MESSAGE_FINGERPRINT_LENGTH, count, NULL);
    return keep(r, kept, out.length);
}

/* Reads a list that goes to OpenSSL as written: its words, and the signs between them. */
static bool read_ciphers(const struct reading *r)
{
    const char *text = r->word->text;

    for (size_t i = 0; text[i] != '\0'; i++)
        if (!is_letter(text[i]) && !is_digit(text[i]) && !strchr(":+!@=_.,/?* -", text[i]))
            return refuse_at(r, i, MESSAGE_CIPHERS_CHARACTER, (char[]){text[i], '\0'},
                             policy_setting_name(r->setting->key));
    return keep(r, text, r->word->length);
}

/* Reads seconds, or a number followed by `s` or `m`. */
static bool read_time(const struct reading *r)
{
    char digits[WORD_LIMIT];
    size_t length = r->word->length;
    uint32_t unit = 1, number = 0;
    bool too_large = false;

    memcpy(digits, r->word->text, length + 1);
    if (length > 0 && (digits[length - 1] == 's' || digits[length - 1] == 'm')) {
        unit = digits[length - 1] == 'm' ? 60 : 1;
        digits[length - 1] = '\0';
    }
    if (!read_number(digits, 3600, &number, &too_large) && !too_large)
        return refuse(r, MESSAGE_TIME_BAD, r->word->text, NULL);
    if (too_large || number == 0 || number * unit > 3600)
        return refuse(r, MESSAGE_TIME_LIMIT, r->word->text, NULL);
    r->setting->number = number * unit;
    return true;
}

static bool read_path(const struct reading *r)
{
    r->setting->text = loader_path(r->loader, r->word);
    return r->setting->text && path_check(&r->loader->errors, &r->loader->way, &r->word->place,
                                          r->setting->key, r->setting->text);
}

static bool read_log(const struct reading *r)
{
    if (word_index(r->word->text, log_words) >= 0)
        return keep(r, r->word->text, r->word->length);
    if (strchr(r->word->text, '/'))
        return read_path(r);
    errors_report_word(&r->loader->errors, &r->word->place, MESSAGE_UNKNOWN_VALUE, r->word->text, "log",
                       log_words, "it is a path, or one of");
    return false;
}

static bool read_ca_file(const struct reading *r)
{
    const int word = word_index(r->word->text, ca_words);

    r->setting->number = (uint32_t)(word + 1); /* enum ca_file */
    if (r->setting->number == CA_SYSTEM)
        return true;
    return r->setting->number == CA_BUNDLED ? keep(r, r->word->text, r->word->length) : read_path(r);
}

bool takes_list(enum policy_setting key)
{
    switch (key) {
#define LIST(KEY, member, tag, context, server) case POLICY_##KEY:
#include "wire/settings.def"
        return true;
    default:
        return false;
    }
}

bool read_value(struct loader *loader, const struct word *word, struct setting *setting)
{
    const struct reading r = {loader, word, setting};

    if (word->length == 0)
        return refuse(&r, MESSAGE_SETTING_NO_VALUE, policy_setting_name(setting->key), NULL);
    switch (setting->key) {
#define ONE_OF(what) read_word(&r, what##_words)
#define AS(what) read_##what(&r)
#define SETTING(KEY, word, read, show, members) \
    case POLICY_##KEY:                          \
        return read;
#include "wire/settings.def"
    case POLICY_SETTINGS:
        break;
    }
    return false;
}
