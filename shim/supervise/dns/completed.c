#include "supervise/dns/completed.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "preload/names/names.h"

/* A Bloom filter: it may wrongly report that a name was asked for, but it never misses one. */
static uint8_t seen[1 << 17];

/* Tests the name's two bits, and sets them if `set`. */
static bool look(uint64_t hash, bool set)
{
    bool all = true;

    for (int i = 0; i < 2; i++, hash = hash >> 32 | hash << 32) {
        const size_t bit = (size_t)(hash % (sizeof seen * 8));
        const uint8_t mask = (uint8_t)(1U << bit % 8);

        all = all && (seen[bit / 8] & mask);
        if (set)
            seen[bit / 8] |= mask;
    }
    return all;
}

static void derive_from(const char *beginning, const char *name)
{
    struct names_question question;

    if (!look(name_hash(beginning), false))
        return;
    question = names_begin_for(NULL, names_now(), beginning);
    names_derive(&question, name, NAMES_ALIAS);
}

void completed_note(const char *name)
{
    char beginning[NAME_LIMIT];
    const char *dot = strchr(name, '.');
    const size_t length = strnlen(name, NAME_LIMIT - 1);

    if (!dot)
        return;
    while ((dot = strchr(dot + 1, '.')) && dot[1] && (size_t)(dot - name) < length) {
        memcpy(beginning, name, (size_t)(dot - name));
        beginning[dot - name] = '\0';
        derive_from(beginning, name);
    }
    look(name_hash(name), true);
}
