#include "supervise/dns/questions.h"

#include <ctype.h>
#include <string.h>

#include "preload/names/answers.h"
#include "preload/names/dns_answer.h"
#include "preload/names/lineage.h"
#include "supervise/dns/completed.h"

enum {
    HEAD = 12, /* bytes (RFC 1035, 4.1.1) */
    LABEL_LIMIT = 63,
    TAIL = 4, /* type and class, after the name */
};

static unsigned two_bytes(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static bool is_answer(const uint8_t *message)
{
    return (message[2] & 0x80) != 0;
}

static bool is_cut(const uint8_t *message)
{
    return (message[2] & 0x02) != 0;
}

static bool has_question(const uint8_t *message)
{
    return two_bytes(message + 4) != 0;
}

/*
 * True if an answer to that question need not repeat it. That holds for an answer with nothing but a status
 * (a format error; RFC 2136, 3.8), and for each message of a zone transfer (RFC 5936, 2.2.1), which looks up
 * no name.
 */
static bool may_be_bare(const uint8_t *message, const struct question *question)
{
    enum { TYPE_IXFR = 251, TYPE_AXFR = 252 };
    const unsigned type = two_bytes(question->bytes + question->length - TAIL);

    return (two_bytes(message + 6) == 0 && two_bytes(message + 8) == 0) || type == TYPE_IXFR ||
           type == TYPE_AXFR;
}

/*
 * Copies the message's question, with its name in lower case. Returns its length, or 0 unless there is
 * exactly one question.
 */
static uint16_t read_question(const uint8_t *message, size_t length, uint8_t bytes[QUESTION_SIZE])
{
    size_t at = HEAD, used = 0;

    if (length < HEAD || two_bytes(message + 4) != 1)
        return 0;
    for (;;) {
        const size_t label = at < length ? message[at] : LABEL_LIMIT + 1;

        /* It cannot be a compression pointer, because no name comes before this one. */
        if (label > LABEL_LIMIT || label >= length - at || used + 1 + label + 1 + TAIL > QUESTION_SIZE)
            return 0;
        bytes[used++] = message[at++];
        if (label == 0)
            break;
        for (size_t i = 0; i < label; i++)
            bytes[used++] = (uint8_t)tolower(message[at++]);
    }
    if (length - at < TAIL)
        return 0;
    memcpy(bytes + used, message + at, TAIL);
    return (uint16_t)(used + TAIL);
}

static void name_of(const uint8_t *message, size_t length, char name[NAME_LIMIT])
{
    if (!dns_question_name(message, length, name, NAME_LIMIT))
        strcpy(name, NAMES_NO_HOST);
}

bool questions_note(struct questions *q, const uint8_t *message, size_t length)
{
    struct question *const question = &q->asked[q->next % QUESTIONS_LIMIT];
    char name[NAME_LIMIT];
    uint64_t hash;

    if (length < HEAD || is_answer(message))
        return false;
    question->length = read_question(message, length, question->bytes);
    if (question->length == 0)
        return false;
    name_of(message, length, name);
    hash = name_hash(name);
    if (q->first == 0)
        q->first = hash;
    question->id = (uint16_t)two_bytes(message);
    question->own = hash == q->first;
    question->begun = question->own ? q->begun : names_now();
    q->next++;
    completed_note(name);
    return true;
}

static const struct question *find(const struct questions *q, const uint8_t *message, size_t length)
{
    const bool bare = !has_question(message);
    uint8_t bytes[QUESTION_SIZE];
    const uint16_t used = bare ? 0 : read_question(message, length, bytes);

    for (size_t i = 0; (bare || used > 0) && i < QUESTIONS_LIMIT; i++) {
        const struct question *const question = &q->asked[i];

        if (question->length > 0 && question->id == two_bytes(message) &&
            (bare ? may_be_bare(message, question)
                  : (question->length == used && memcmp(question->bytes, bytes, used) == 0)))
            return question;
    }
    return NULL;
}

bool questions_answer(struct questions *q, const uint8_t *message, size_t length)
{
    const struct question *const question =
        length >= HEAD && is_answer(message) ? find(q, message, length) : NULL;
    struct lineage asker = {.thread = q->asker};
    struct names_question about;
    char name[NAME_LIMIT];

    if (!question)
        return false;
    name_of(message, length, name);
    about = names_begin_for(question->own && q->asker != 0 ? &asker : NULL, question->begun, name);
    return answer_dns(&about, message, length, !is_cut(message));
}
