#include "wire/log_line.h"

#include <arpa/inet.h>

#include "wire/text_builder.h"

enum { VALUE_LIMIT = 512 }; /* bytes of one value */

static const char *result_name(const struct log_line *l)
{
    static const char names[][12] = {"tls", "plaintext", "failed", "unguarded"};

    return names[l->result];
}

static const char *address_text(char text[INET6_ADDRSTRLEN], const struct wire_address *address)
{
    return inet_ntop(address->family, address->bytes, text, INET6_ADDRSTRLEN) ? text : "unknown";
}

static void add_word(struct text *t, const char *key, const char *word)
{
    text_add(t, key);
    text_add(t, word);
}

static void add_count(struct text *t, const char *key, uint64_t count)
{
    text_add(t, key);
    text_add_number(t, count);
}

static void add_quoted(struct text *t, const char *key, const char *value)
{
    text_add(t, key);
    text_add(t, "\"");
    text_add_quotable(t, value ? value : "", VALUE_LIMIT);
    text_add(t, "\"");
}

size_t log_line_fields(char *to, size_t size, const struct log_line *l)
{
    struct text t = text_in(to, size);
    char room[INET6_ADDRSTRLEN];
    const char *const address = address_text(room, &l->address);

    add_word(&t, "result=", result_name(l));
    add_quoted(&t, " program=", l->program);
    add_count(&t, " pid=", l->pid);
    add_quoted(&t, " server=", l->server ? l->server : address);
    add_word(&t, " address=", address);
    add_count(&t, " port=", l->address.port);
    add_word(&t, " protocol=", l->protocol);
    add_word(&t, " level=", level_name(l->level));
    if (l->testing)
        text_add(&t, " testing=yes");
    if (l->result == RESULT_TLS) {
        add_word(&t, " version=", l->version);
        add_word(&t, " cipher=", l->cipher);
        add_word(&t, " resumed=", l->resumed ? "yes" : "no");
        add_word(&t, " tls=", l->implicit ? "implicit" : "starttls");
        add_quoted(&t, " verified=", l->verified);
    }
    if (l->alternative != 0)
        add_count(&t, " via=", l->alternative);
    add_count(&t, " ms=", (uint64_t)l->milliseconds);
    add_quoted(&t, " rule=", l->rule);
    if (l->discarded > 0)
        add_count(&t, " discarded=", l->discarded);
    if (l->error[0])
        add_quoted(&t, l->result == RESULT_UNGUARDED ? " reason=" : " error=", l->error);
    return t.length;
}

size_t log_line_sentence(char *to, size_t size, const struct log_line *l)
{
    struct text t = text_in(to, size);
    char room[INET6_ADDRSTRLEN];

    text_add(&t, "retrotls: ");
    text_add_quotable(&t, l->server ? l->server : address_text(room, &l->address), VALUE_LIMIT);
    add_count(&t, ":", l->address.port);
    add_word(&t, " ", l->protocol);
    if (l->result == RESULT_UNGUARDED) {
        text_add(&t, " not guarded: ");
        text_add_quotable(&t, l->error, VALUE_LIMIT);
        return t.length;
    }
    add_word(&t, " ", level_name(l->level));
    text_add(&t, l->testing ? " testing " : " ");
    if (l->result == RESULT_TLS) {
        add_word(&t, "", l->version);
        add_word(&t, " ", l->cipher);
        text_add(&t, l->verified[0] ? " verified " : " not verified");
        text_add_quotable(&t, l->verified, VALUE_LIMIT);
        if (l->alternative != 0)
            add_count(&t, ", from the first byte, on port ", l->alternative);
    } else {
        text_add(&t, result_name(l));
    }
    if (l->error[0]) {
        text_add(&t, ": ");
        text_add_quotable(&t, l->error, VALUE_LIMIT);
    }
    if (l->discarded > 0) {
        add_count(&t, "; ", l->discarded);
        text_add(&t, " bytes that the program wrote before it closed were discarded");
    }
    add_count(&t, l->error[0] ? ", " : " ", (uint64_t)l->milliseconds);
    text_add(&t, " ms");
    return t.length;
}
