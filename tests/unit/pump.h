/* A minimal pump around a watch, for its unit test and its fuzz target. */
#ifndef RETROTLS_TESTS_UNIT_PUMP_H
#define RETROTLS_TESTS_UNIT_PUMP_H

#include <stdlib.h>
#include <string.h>

#include "relay/protocol/starttls_watch.h"

enum { PUMP_LIMIT = 1 << 20 };

struct pump {
    struct starttls_watch watch;
    size_t waiting_length, to_server_length, to_program_length;
    size_t answers_length;    /* within `to_program` */
    char waiting[PUMP_LIMIT]; /* the program's bytes, not taken yet */
    char to_server[PUMP_LIMIT], to_program[PUMP_LIMIT];
};

static inline void pump_start(struct pump *p, enum protocol_kind kind)
{
    p->waiting_length = p->to_server_length = p->to_program_length = p->answers_length = 0;
    p->to_server[0] = p->to_program[0] = '\0';
    starttls_watch_begin(&p->watch, protocol_by_kind(kind));
}

static inline void pump_put(char *to, size_t *length, const char *bytes, size_t count)
{
    if (*length + count >= PUMP_LIMIT)
        abort();
    memcpy(to + *length, bytes, count);
    *length += count;
    to[*length] = '\0';
}

static inline bool pump_answer(struct pump *p)
{
    char text[STARTTLS_WATCH_ANSWER_LIMIT];
    const size_t length = starttls_watch_answer(&p->watch, text);

    if (length > sizeof text)
        abort();
    pump_put(p->to_program, &p->to_program_length, text, length);
    p->answers_length += length;
    return length > 0;
}

static inline void pump_from_program(struct pump *p, const char *bytes, size_t length)
{
    pump_put(p->waiting, &p->waiting_length, bytes, length);
    while (p->waiting_length > 0) {
        static char forward[PUMP_LIMIT + STARTTLS_WATCH_HELD];
        size_t count, taken;

        if (!p->watch.watching) {
            pump_put(p->to_server, &p->to_server_length, p->waiting, p->waiting_length);
            p->waiting_length = 0;
            return;
        }
        taken = starttls_watch_program(&p->watch, p->waiting, p->waiting_length, forward, &count);
        if (taken > p->waiting_length || count > p->waiting_length + STARTTLS_WATCH_HELD)
            abort();
        pump_put(p->to_server, &p->to_server_length, forward, count);
        p->waiting_length -= taken;
        memmove(p->waiting, p->waiting + taken, p->waiting_length);
        if (!pump_answer(p) && taken == 0)
            return;
    }
}

static inline void pump_from_server(struct pump *p, const char *bytes, size_t length)
{
    while (length > 0) {
        const size_t taken = p->watch.watching ? starttls_watch_server(&p->watch, bytes, length) : length;

        if (taken == 0 || taken > length)
            abort();
        pump_put(p->to_program, &p->to_program_length, bytes, taken);
        bytes += taken;
        length -= taken;
        if (pump_answer(p))
            pump_from_program(p, "", 0);
    }
}

#endif
