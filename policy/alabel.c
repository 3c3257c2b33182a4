#include "policy/alabel.h"

#include <stdint.h>
#include <string.h>

enum { LABEL = 63 }; /* characters of a label (RFC 1035, 2.3.4) */

/* Parameters of Punycode (RFC 3492, 5). */
enum { BASE = 36, TMIN = 1, TMAX = 26, SKEW = 38, DAMP = 700, INITIAL_BIAS = 72, INITIAL_N = 128 };

struct out {
    char *at;
    size_t size, used;
    bool full;
};

static void put(struct out *out, char c)
{
    if (out->used + 1 < out->size)
        out->at[out->used++] = c;
    else
        out->full = true;
}

static uint32_t lower_point(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
        (c >= 0x410 && c <= 0x42f))
        return c + 0x20;
    if (c >= 0x400 && c <= 0x40f)
        return c + 0x50;
    if (c == 0x178)
        return 0xff;
    if (c == 0x386)
        return 0x3ac;
    if (c >= 0x388 && c <= 0x38a)
        return c + 0x25;
    if (c == 0x38c)
        return 0x3cc;
    if (c == 0x38e || c == 0x38f)
        return c + 0x3f;
    if ((c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14a && c <= 0x177))
        return c | 1;
    if ((c >= 0x139 && c <= 0x147) || (c >= 0x179 && c <= 0x17d))
        return c + (c & 1);
    return c;
}

/* Reads the first character of `name` (RFC 3629). Returns its length in bytes, 0 if it is invalid. */
static size_t read_point(uint32_t *point, const char *name, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *c = (const unsigned char *)name;
    const size_t length = c[0] < 0x80 ? 1 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;

    if ((c[0] >= 0x80 && c[0] < 0xc2) || c[0] > 0xf4 || length > left)
        return 0;
    *point = length == 1 ? c[0] : c[0] & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (c[i] & 0x3fU);
    }
    return *point < least[length] || *point > 0x10ffff || (*point >= 0xd800 && *point < 0xe000) ? 0 : length;
}

static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
    uint32_t k = 0;

    delta /= first ? DAMP : 2;
    for (delta += delta / points; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
        delta /= BASE - TMIN;
    return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

static void put_digit(struct out *out, uint32_t digit)
{
    put(out, (char)(digit < 26 ? 'a' + digit : '0' + (digit - 26)));
}

/* Writes one variable-length number. */
static void put_delta(struct out *out, uint32_t delta, uint32_t bias)
{
    for (uint32_t k = BASE;; k += BASE) {
        const uint32_t t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias;

        if (delta < t)
            break;
        put_digit(out, t + (delta - t) % (BASE - t));
        delta = (delta - t) / (BASE - t);
    }
    put_digit(out, delta);
}

static uint32_t put_basic(struct out *out, const uint32_t *points, size_t count)
{
    uint32_t basic = 0;

    for (size_t i = 0; i < count; i++)
        if (points[i] < INITIAL_N) {
            put(out, (char)points[i]);
            basic++;
        }
    return basic;
}

/* RFC 3492, 6.3. With at most LABEL characters, no number overflows. */
static void put_punycode(struct out *out, const uint32_t *points, size_t count)
{
    uint32_t n = INITIAL_N, delta = 0, bias = INITIAL_BIAS;
    const uint32_t basic = put_basic(out, points, count);

    if (basic > 0)
        put(out, '-');
    for (uint32_t done = basic; done < count; n++, delta++) {
        uint32_t next = UINT32_MAX;

        for (size_t i = 0; i < count; i++)
            if (points[i] >= n && points[i] < next)
                next = points[i];
        delta += (next - n) * (done + 1);
        n = next;
        for (size_t i = 0; i < count; i++) {
            delta += points[i] < n;
            if (points[i] != n)
                continue;
            put_delta(out, delta, bias);
            bias = adapt(delta, done + 1, done == basic);
            delta = 0;
            done++;
        }
    }
}

static void put_label(struct out *out, const uint32_t *points, size_t count)
{
    bool ascii = true;

    for (size_t i = 0; i < count; i++)
        ascii = ascii && points[i] < INITIAL_N;
    if (ascii) {
        put_basic(out, points, count);
        return;
    }
    for (const char *c = "xn--"; *c; c++)
        put(out, *c);
    put_punycode(out, points, count);
}

/* RFC 3490, 3.1: the other characters that separate labels. */
static bool is_dot(uint32_t c)
{
    return c == '.' || c == 0x3002 || c == 0xff0e || c == 0xff61;
}

bool alabel_from(char *text, size_t size, const char *name, size_t length)
{
    struct out out = {.at = text, .size = size};
    uint32_t label[LABEL];
    size_t count = 0, step;

    for (size_t at = 0; at < length; at += step) {
        uint32_t point;

        step = read_point(&point, name + at, length - at);
        if (step == 0)
            return false;
        if (is_dot(point)) {
            put_label(&out, label, count);
            put(&out, '.');
            count = 0;
        } else if (count < LABEL) {
            label[count++] = lower_point(point);
        } else {
            return false;
        }
    }
    put_label(&out, label, count);
    text[out.used] = '\0';
    return !out.full;
}
