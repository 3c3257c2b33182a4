/* The interface between farewell.c and its protocol-specific part, farewell_grammars.c. */
#ifndef RETROTLS_RELAY_PROTOCOL_FAREWELL_GRAMMARS_H
#define RETROTLS_RELAY_PROTOCOL_FAREWELL_GRAMMARS_H

#include "relay/protocol/farewell.h"

/* The form of the reply to a command. */
enum kind {
    SINGLE,      /* one line */
    LISTED,      /* on success, lines up to one with a single dot */
    LISTED_BARE, /* LISTED if the command has no argument, else SINGLE */
    ANY,         /* on success, either */
};

/* Called at the end of a command's line and of a reply's line; the line is in f->program or f->server. */
struct farewell_grammar {
    void (*command)(struct farewell *f), (*reply)(struct farewell *f);
    size_t command_tail, reply_tail; /* we look only at this many bytes at the end of a longer piece */
};

extern const struct farewell_grammar farewell_grammars[PROTOCOL_KINDS];

/* Stops counting replies: from now on, only a close_notify is an orderly end. */
void farewell_give_up(struct farewell *f);

/* A command was sent. */
void farewell_expect(struct farewell *f, enum kind kind);

/* A reply is complete. `farewell`: it could be the reply to a farewell. */
void farewell_reply_ends(struct farewell *f, bool farewell);

#endif
