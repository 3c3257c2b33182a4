#include "preload/sys/strbuf.h"

#include <errno.h>

static const char digits[] = "0123456789abcdef";

void strbuf_start(struct strbuf *w, char *out, size_t size)
{
    *w = (struct strbuf){.out = out, .size = size};
    out[0] = '\0';
}

void strbuf_byte(struct strbuf *w, char byte)
{
    if (w->used + 1 >= w->size) {
        w->cut = true;
        return;
    }
    w->out[w->used++] = byte;
    w->out[w->used] = '\0';
}

void strbuf_add(struct strbuf *w, const char *text)
{
    while (*text)
        strbuf_byte(w, *text++);
}

void strbuf_number(struct strbuf *w, uint64_t number)
{
    char reversed[20];
    size_t count = 0;

    do {
        reversed[count++] = digits[number % 10];
        number /= 10;
    } while (number > 0);
    while (count > 0)
        strbuf_byte(w, reversed[--count]);
}

void strbuf_hex_bytes(struct strbuf *w, const void *bytes, size_t count)
{
    const uint8_t *const from = bytes;

    for (size_t i = 0; i < count; i++) {
        strbuf_byte(w, digits[from[i] >> 4]);
        strbuf_byte(w, digits[from[i] & 15]);
    }
}

void strbuf_hex(struct strbuf *w, uint64_t number)
{
    int shift = 60;

    while (shift > 0 && number >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        strbuf_byte(w, digits[number >> shift & 15]);
}

void strbuf_error(struct strbuf *w, int error)
{
    static const struct {
        int error;
        const char *text;
    } known[] = {
        {EPERM, "Operation not permitted"},
        {ENOENT, "No such file or directory"},
        {EACCES, "Permission denied"},
        {ENOEXEC, "Exec format error"},
        {ENOTDIR, "Not a directory"},
        {ELOOP, "Too many levels of symbolic links"},
        {ETXTBSY, "Text file busy"},
        {EMFILE, "Too many open files"},
        {ENFILE, "Too many open files in system"},
        {ENOMEM, "Cannot allocate memory"},
        {EAGAIN, "Resource temporarily unavailable"},
        {ENOBUFS, "No buffer space available"},
        {ETOOMANYREFS, "Too many descriptors in flight"},
        {ETIMEDOUT, "no answer in time"},
        {EPIPE, "the relay has ended"},
        {ECONNREFUSED, "the relay has ended"},
        {ECONNRESET, "the relay has ended"},
        {EBADMSG, "the relay's answer is malformed"},
        {ENOSYS, "Function not implemented"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].error == error) {
            strbuf_add(w, known[i].text);
            return;
        }
    }
    strbuf_add(w, "error ");
    strbuf_number(w, (uint64_t)error);
}

const char *strbuf_remedy(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENOEXEC:
    case EACCES:
        return "the installation is incomplete: install retrotls again";
    case EPIPE:
    case ECONNREFUSED:
    case ECONNRESET:
        return "run it by hand with --version to see why";
    case EMFILE:
        return "raise the limit of open files (ulimit -n)";
    case EAGAIN:
        return "raise the limit of processes (ulimit -u)";
    default:
        return NULL;
    }
}

static int value_of(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

const char *strbuf_read_hex_bytes(const char *from, const char *end, void *bytes, size_t count)
{
    uint8_t *const to = bytes;

    if (!from || end < from || (size_t)(end - from) < 2 * count)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const int high = value_of(from[2 * i]), low = value_of(from[2 * i + 1]);

        if (high < 0 || low < 0)
            return NULL;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return from + 2 * count;
}

const char *strbuf_read_hex(const char *from, const char *end, uint64_t *number)
{
    int count = 0;

    *number = 0;
    for (; from && from < end && count < 16 && value_of(*from) >= 0; from++, count++)
        *number = *number << 4 | (uint64_t)value_of(*from);
    return count > 0 ? from : NULL;
}
