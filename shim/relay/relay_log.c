#include "relay/relay_log.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { VALUE_LIMIT = 512 }; /* bytes of one value */

struct text {
    char *to;
    size_t size, used;
};

static __attribute__((format(printf, 2, 3))) void add(struct text *t, const char *format, ...)
{
    va_list words;
    int n;

    va_start(words, format);
    n = vsnprintf(t->to + t->used, t->size - t->used, format, words);
    va_end(words);
    if (n > 0)
        t->used += (size_t)n < t->size - t->used ? (size_t)n : t->size - t->used - 1;
}

/* Like clean_text(), but longer: for paths and for our own failure texts, whose words are already cleaned. */
static void add_clean(struct text *t, const char *value)
{
    const size_t limit = t->used + VALUE_LIMIT < t->size - 1 ? t->used + VALUE_LIMIT : t->size - 1;

    for (; value && *value && t->used < limit; value++) {
        const char c = *value;

        t->to[t->used++] = c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? '?' : c;
    }
    t->to[t->used] = '\0';
}

static void add_quoted(struct text *t, const char *key, const char *value)
{
    add(t, " %s=\"", key);
    add_clean(t, value);
    add(t, "\"");
}

static const char *result_name(const struct relay_log_line *l)
{
    static const char names[][12] = {"tls", "plaintext", "failed"};

    return names[l->result];
}

static const char *address_text(char text[INET6_ADDRSTRLEN], const struct wire_address *address)
{
    return inet_ntop(address->family, address->bytes, text, INET6_ADDRSTRLEN) ? text : "unknown";
}

size_t relay_log_fields(char *to, size_t size, const struct relay_log_line *l)
{
    struct text t = {.to = to, .size = size};
    char address[INET6_ADDRSTRLEN];

    add(&t, "result=%s", result_name(l));
    add_quoted(&t, "program", l->program);
    add(&t, " pid=%u", l->pid);
    add_quoted(&t, "server", l->server);
    add(&t, " address=%s port=%u protocol=%s level=%s", address_text(address, &l->address), l->address.port,
        l->protocol, level_name(l->level));
    if (l->testing)
        add(&t, " testing=yes");
    if (l->result == RESULT_TLS) {
        add(&t, " version=%s cipher=%s resumed=%s", l->version, l->cipher, l->resumed ? "yes" : "no");
        add_quoted(&t, "verified", l->verified);
    }
    add(&t, " ms=%lld", (long long)l->milliseconds);
    add_quoted(&t, "rule", l->rule);
    if (l->discarded > 0)
        add(&t, " discarded=%zu", l->discarded);
    if (l->error[0])
        add_quoted(&t, "error", l->error);
    return t.used;
}

size_t relay_log_sentence(char *to, size_t size, const struct relay_log_line *l)
{
    struct text t = {.to = to, .size = size};

    add(&t, "retrotls: ");
    add_clean(&t, l->server);
    add(&t, ":%u %s %s%s ", l->address.port, l->protocol, level_name(l->level), l->testing ? " testing" : "");
    if (l->result == RESULT_TLS)
        add(&t, "%s %s %s", l->version, l->cipher, l->verified[0] ? "verified " : "not verified");
    else
        add(&t, "%s", result_name(l));
    if (l->result == RESULT_TLS)
        add_clean(&t, l->verified);
    if (l->error[0]) {
        add(&t, ": ");
        add_clean(&t, l->error);
    }
    if (l->discarded > 0)
        add(&t, "; %zu bytes that the program wrote before it closed were discarded", l->discarded);
    add(&t, "%s %lld ms", l->error[0] ? "," : "", (long long)l->milliseconds);
    return t.used;
}

void relay_log_write(struct files *files, const char *where, bool last, const struct relay_log_line *l)
{
    const bool warning = l->result != RESULT_TLS || l->error[0];
    char line[LOG_LINE_LIMIT];
    const size_t length = where && strcmp(where, "stderr") == 0 ? relay_log_sentence(line, sizeof line, l)
                                                                : relay_log_fields(line, sizeof line, l);

    files_log(files, warning, last, line, length);
}

void relay_log_warning(struct files *files, const char *where, const char *text)
{
    char line[LOG_LINE_LIMIT];
    struct text t = {.to = line, .size = sizeof line};

    if (where && strcmp(where, "stderr") == 0)
        add(&t, "retrotls: %s", text);
    else
        add(&t, "warning=\"%s\"", text);
    files_log(files, true, false, line, t.used);
}
