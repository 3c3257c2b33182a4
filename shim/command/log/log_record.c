#include "command/log/log_record.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/text.h"
#include "wire/clean.h"

static const struct {
    const char *name;
    bool is_number;
} fields[LOG_FIELD_COUNT] = {
#define LOG_FIELD(KEY, word, number) [LOG_##KEY] = {word, number},
    LOG_FIELDS(LOG_FIELD)
#undef LOG_FIELD
};

const char *log_field_name(enum log_field field)
{
    return fields[field].name;
}

bool log_field_is_number(enum log_field field)
{
    return fields[field].is_number;
}

/* ---- time ---- */

/* Reads 2026-11-30T18:38:23, a fraction, and Z or an offset as +01:00. Returns what follows, or NULL. */
static const char *read_rfc3339(const char *at, time_t *time)
{
    struct tm tm = {0};
    int hours, minutes;
    const char *const end = strptime(at, "%Y-%m-%dT%H:%M:%S", &tm);

    if (!end)
        return NULL;
    at = end;
    if (*at == '.')
        at += 1 + strspn(at + 1, "0123456789");
    *time = timegm(&tm);
    if (*at == 'Z')
        return at + 1;
    if ((*at != '+' && *at != '-') || sscanf(at + 1, "%2d:%2d", &hours, &minutes) != 2 || strlen(at) < 6)
        return NULL;
    *time -= (*at == '-' ? -60 : 60) * (hours * 60 + minutes);
    return at + 6;
}

/* Reads "Nov 30 18:38:23" of RFC 3164. */
static const char *read_rfc3164(const char *at, time_t *time, time_t now)
{
    enum { DAY = 86400 };
    struct tm today, tm;
    const char *end;

    if (!localtime_r(&now, &today))
        return NULL;
    tm = (struct tm){.tm_year = today.tm_year, .tm_isdst = -1};
    end = strptime(at, "%b %e %H:%M:%S", &tm);
    if (!end)
        return NULL;
    *time = mktime(&tm);
    if (*time > now + DAY) {
        tm.tm_year = today.tm_year - 1;
        tm.tm_isdst = -1;
        *time = mktime(&tm);
    }
    return end;
}

static const char *read_seconds(const char *at, time_t *time)
{
    char *end;

    if (!is_digit(*at))
        return NULL;
    *time = (time_t)strtoll(at, &end, 10);
    return *end == '.' ? end + 1 + strspn(end + 1, "0123456789") : end;
}

/* Passes " HOST retrotls[PID]: ". */
static const char *pass_tag(const char *at)
{
    static const char tag[] = " retrotls[";

    if (*at++ != ' ')
        return NULL;
    at += strcspn(at, " ");
    if (strncmp(at, tag, sizeof tag - 1) != 0)
        return NULL;
    at += sizeof tag - 1;
    at += strspn(at, "0123456789");
    return strncmp(at, "]: ", 3) == 0 ? at + 3 : NULL;
}

static const char *read_start(enum log_form form, const char *line, time_t *time, time_t now)
{
    if (form == LOG_OWN) {
        line = strncmp(line, "time=", 5) == 0 ? read_rfc3339(line + 5, time) : NULL;
        return line && *line == ' ' ? line + 1 : NULL;
    }
    if (form == LOG_JOURNAL)
        line = read_seconds(line, time);
    else
        line = is_digit(*line) ? read_rfc3339(line, time) : read_rfc3164(line, time, now);
    return line ? pass_tag(line) : NULL;
}

/* ---- fields ---- */

static enum log_field field_of(const char *name, size_t length)
{
    enum log_field field = 0;

    while (field < LOG_FIELD_COUNT &&
           (strlen(fields[field].name) != length || memcmp(fields[field].name, name, length) != 0))
        field++;
    return field;
}

static bool is_number(const char *value)
{
    return *value && strlen(value) == strspn(value, "0123456789") && strlen(value) < 20;
}

/* Takes one field apart in place, and returns the start of the next one; NULL if it is no field. */
static char *read_field(struct log_record *record, char *at)
{
    const size_t length = strcspn(at, "= ");
    const enum log_field field = field_of(at, length);
    const bool quoted = at[length] == '=' && at[length + 1] == '"';
    char *const value = at + length + 1 + quoted;
    char *end;

    if (at[length] != '=')
        return NULL;
    end = value + strcspn(value, quoted ? "\"" : " ");
    if (quoted && *end != '"')
        return NULL;
    if (*end)
        *end++ = '\0';
    /* A version of ours that is newer may have more fields. */
    if (field < LOG_FIELD_COUNT && (!fields[field].is_number || is_number(value)))
        record->value[field] = value;
    return end + strspn(end, " ");
}

bool log_record_read(struct log_record *record, enum log_form form, const char *line, time_t now)
{
    const char *const start = read_start(form, line, &record->time, now);
    char *at;

    memset(record->value, 0, sizeof record->value);
    record->text = NULL;
    if (!start)
        return false;
    record->text = malloc(strlen(start) + 1);
    if (!record->text)
        return false;
    record->text[clean_copy(record->text, strlen(start), start, strlen(start), CLEAN_PRINTABLE)] = '\0';
    for (at = record->text; at && *at;)
        at = read_field(record, at);
    if (at && (record->value[LOG_WARNING] || (record->value[LOG_RESULT] && record->value[LOG_PORT])))
        return true;
    log_record_free(record);
    return false;
}

void log_record_free(struct log_record *record)
{
    free(record->text);
    record->text = NULL;
}
