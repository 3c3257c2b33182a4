/* What farewell.c and the protocols' part of it, farewell_grammars.c, share. */
#ifndef RETROTLS_RELAY_PROTOCOL_FAREWELL_GRAMMARS_H
#define RETROTLS_RELAY_PROTOCOL_FAREWELL_GRAMMARS_H

#include "relay/protocol/farewell.h"

/* What the reply to a command is. */
enum kind {
    SINGLE,      /* one line */
    LISTED,      /* on success, lines up to one of a single dot */
    LISTED_BARE, /* the same where the command has no argument, else one line */
    ANY,         /* success could be either */
};

/* What the end of a command's line, and of a reply's, means; the line is in f->program, f->server. */
struct farewell_grammar {
    void (*command)(struct farewell *f), (*reply)(struct farewell *f);
    size_t command_tail, reply_tail; /* of a longer piece no more than so much of its end is looked at */
};

extern const struct farewell_grammar farewell_grammars[PROTOCOL_KINDS];

/* Replies cannot be counted from here on: nothing but a close_notify is an end in order. */
void farewell_give_up(struct farewell *f);

/* A command was sent. */
void farewell_expect(struct farewell *f, enum kind kind);

/* A reply is complete. `farewell`: it is one that a farewell may have. */
void farewell_reply_ends(struct farewell *f, bool farewell);

#endif
