/*
 * The names that the program asked the resolver for: the certificate must be for the name that the program
 * itself asked for, which only its process can know.
 *
 * Who asked matters, because a spoofed answer may give an attacker's host (a link in a mail) and the mail
 * server the same address, and the attacker has a good certificate for his own host. A lookup belongs to the
 * thread that made it. A forked child's thread is another thread, but it descends from the one that forked:
 * what that one had asked for until the fork counts as the child's own.
 *
 * Where the name came from matters too. A canonical name, an alias, a mail exchanger or a service's host is
 * what the answer says, as is what an address is called, and the answer is not to be trusted: if the program
 * looks such a name up, the certificate must also be for the name that was first asked for.
 *
 * The memory is of fixed size, shared with forked children (a resolver child's answers count), and written
 * without locks (records.h). All functions keep errno and may be called from a signal handler.
 */
#ifndef RETROTLS_PRELOAD_NAMES_NAMES_H
#define RETROTLS_PRELOAD_NAMES_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/names/name_form.h"
#include "wire/wire.h"

enum {
    NAME_ANSWER_LIMIT = 256, /* addresses of one answer: no honest one has as many */
};

/*
 * Makes the memory: called by the library's constructor, before the program can fork, so that its children
 * share it. Called again, it does nothing. Without memory for it, nothing is remembered, and names_find()
 * says so.
 */
void names_start(void);

/* Stands for what was asked where that is no host name: no certificate has it, and no rule is about it. */
#define NAMES_NO_HOST "(not a host name)"

/* One question to the resolver. */
struct names_question {
    const char *name;          /* the caller's, for as long as the question lasts */
    struct wire_address about; /* the address of which the name is asked for; else its family is 0 */
    uint64_t begun;
    bool apart;
    unsigned addresses;
};

/*
 * Begins a question of the calling thread's, before it is sent: what others get to know meanwhile may be what
 * the thread connects to when it has its own answer. `apart`: no thread of the program's asks
 * (getaddrinfo_a), and the answer is nobody's own. A name that is too long (with escapes, libc takes longer
 * ones) is remembered as NAMES_NO_HOST.
 */
struct names_question names_begin(const char *name, bool apart);

/* The same for a question about the name of an address (getnameinfo(3), a PTR record). */
struct names_question names_begin_reverse(const struct wire_address *address);

/*
 * The answer has `address`; its port is the one that the question named (a service), or 0. An IPv4 address
 * mapped into IPv6 is the IPv4 address; a scope is not told apart. After NAME_ANSWER_LIMIT addresses,
 * everything that was remembered until now is forgotten: what names the further addresses have is not known.
 */
void names_answer(struct names_question *question, const struct wire_address *address);

enum names_origin {
    NAMES_ALIAS,     /* ai_canonname, h_name, h_aliases, a CNAME's target */
    NAMES_EXCHANGER, /* the target of an MX or SRV record: who handles mail for the name is what was asked */
    NAMES_SAME,      /* root's own word that both are one host: only where the first came from counts */
};

/*
 * The answer has another name in it. One that is an alias by a line of /etc/hosts is no server's choice
 * (machine_equates()): the machine's own name in full, for example. What an address is called is derived from
 * the names that it was asked for by, else from the address itself. Leading labels of a service (_imap._tcp)
 * are no part of a name. */
void names_derive(const struct names_question *question, const char *other, enum names_origin how);

struct names_found {
    uint32_t count; /* 0: nobody asked for this address */
    bool lost;      /* there may be names that are not given */
    char name[SETTINGS_LIST_LIMIT][NAME_LIMIT];
    /* 0, or the name_hash() of the exchanger of which this name is the domain: then it counts for that reason
     * only. */
    uint64_t exchanger[SETTINGS_LIST_LIMIT];
};

/*
 * The names that a connection of the calling thread to `address` may be for. The certificate must be for all
 * of them:
 *
 *   - the latest that this thread asked for, with this port or without one;
 *   - if that was without, the latest that it asked for with this port, and all that others asked for later
 * than that;
 *   - every name that anybody (another thread, a process of the family) asked for later, with this port or
 * without;
 *   - of names that came out of an answer, those that were asked for first.
 *
 * If this thread asked for none, those are all names that anybody ever asked for. An address literal is a
 * name like any other.
 *
 * A program may ask with one port and connect to another. So if this thread asked for the address with other
 * ports alone, the latest of these counts as well, and what others asked for later with any port. If it never
 * asked for the address, and nobody did with this port or without one, all names with other ports count.
 *
 * If something was forgotten since this thread's own lookup (or ever, if there is none), `lost` is set. So it
 * is when there are more than SETTINGS_LIST_LIMIT names; `count` is UINT32_MAX then.
 */
void names_find(const struct wire_address *address, struct names_found *found);

#endif
